#include "server/api/inspect_worker.h"

#include <exception>
#include <utility>

#include <sys/resource.h>

#include "server/api/errors.h"

namespace hearth::server {
namespace {

constexpr int kNice = 10;

}  // namespace

InspectWorker::InspectWorker(Post post, Log log)
    : post_(std::move(post)),
      log_(std::move(log)),
      thread_([this](const std::stop_token& stop) { work(stop); }) {}

InspectWorker::~InspectWorker() = default;

void InspectWorker::answer(const std::string& path, std::shared_ptr<ResponseWriter> response,
                           std::function<HttpResponse()> make) {
  bool is_taken = false;
  {
    const std::lock_guard lock(mutex_);
    is_taken = jobs_.size() < kJobsMax;
    if (is_taken) jobs_.push_back(std::make_shared<Job>(Job{path, response, std::move(make)}));
  }
  if (is_taken) return has_job_.notify_one();
  response->send(error_response(
      path, wire_error(ErrorCode::busy, "Too many questions wait for the inspector; ask again.")));
}

HttpResponse InspectWorker::make_safely(const Job& job) const {
  try {
    return job.make();
  } catch (const std::exception& failure) {
    log_(std::string("an answer of the inspector failed: ") + failure.what());
    return error_response(job.path, wire_error(ErrorCode::internal, "This could not be shown."));
  }
}

void InspectWorker::work(const std::stop_token& stop) {
  ::setpriority(PRIO_PROCESS, 0, kNice);  // of this thread alone, on Linux
  for (;;) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      if (!has_job_.wait(lock, stop, [this] { return !jobs_.empty(); })) return;
      if (stop.stop_requested()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    auto response = std::make_shared<HttpResponse>(make_safely(*job));
    // The job goes back too: what it holds is to be destroyed on the service's thread.
    post_([job = std::move(job), response] { job->response->send(std::move(*response)); });
  }
}

}  // namespace hearth::server
