#include "server/net/text_worker.h"

#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

namespace hearth::server {
namespace {

// The barrier of R-16: whatever a template does, it costs only its own request.
tl::expected<Prompt, PromptError> build_safely(const PromptJob& job) {
  try {
    return build_prompt(job);
  } catch (const std::exception& failure) {
    spdlog::error("building a prompt failed: {}", failure.what());
    return tl::unexpected(
        PromptError{{ErrorCode::internal, "The prompt could not be built."}, 0, 0, 0});
  }
}

}  // namespace

TextWorker::TextWorker(EventLoop& loop, std::string system_prompt)
    : loop_(loop),
      system_prompt_(std::move(system_prompt)),
      thread_([this](const std::stop_token& stop) { work(stop); }) {}

TextWorker::~TextWorker() = default;

void TextWorker::build(PromptJob job, Done done) {
  const bool has_instructions =
      !job.system.empty() || (!job.turns.empty() && job.turns.front().role == Role::system);
  if (!has_instructions) {
    job.system = system_prompt_;
    job.has_shared_system = true;
  }
  // The callback goes back to the loop's thread to be destroyed too: it may own what lives there.
  auto shared = std::make_shared<Done>(std::move(done));
  run([this, job = std::move(job), shared = std::move(shared)]() mutable {
    loop_.post([shared = std::move(shared), prompt = build_safely(job)]() mutable {
      (*shared)(std::move(prompt));
    });
  });
}

void TextWorker::perform(std::function<void()> work, std::function<void()> done) {
  struct Job {
    std::function<void()> work;
    std::function<void()> done;
  };
  auto job = std::make_shared<Job>(Job{std::move(work), std::move(done)});
  run([this, job = std::move(job)]() mutable {
    job->work();
    loop_.post([job = std::move(job)] { job->done(); });
  });
}

void TextWorker::run(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  has_job_.notify_one();
}

void TextWorker::work(const std::stop_token& stop) {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      if (!has_job_.wait(lock, stop, [this] { return !jobs_.empty(); })) return;
      if (stop.stop_requested()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace hearth::server
