// The thread that makes the inspector's answers: they take milliseconds to seconds, which neither
// the service's thread nor the text worker may spend. It yields to both (a higher nice value).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "server/api/http.h"

namespace hearth::server {

// answer() on the service's thread. Destroying it drops what waits.
class InspectWorker {
 public:
  static constexpr std::size_t kJobsMax = 16;

  // Runs something on the service's thread; from any thread.
  using Post = std::function<void(std::function<void()>)>;
  using Log = std::function<void(const std::string&)>;

  InspectWorker(Post post, Log log);
  ~InspectWorker();
  InspectWorker(const InspectWorker&) = delete;
  InspectWorker& operator=(const InspectWorker&) = delete;

  // Sends what `make` gives; `make` runs on the worker. 429 at once when kJobsMax wait; 500 when it
  // throws. path: of the request, for errors.
  void answer(const std::string& path, std::shared_ptr<ResponseWriter> response,
              std::function<HttpResponse()> make);

 private:
  struct Job {
    std::string path;
    std::shared_ptr<ResponseWriter> response;
    std::function<HttpResponse()> make;
  };
  void work(const std::stop_token& stop);
  HttpResponse make_safely(const Job& job) const;

  Post post_;
  Log log_;
  std::mutex mutex_;
  std::condition_variable_any has_job_;
  std::deque<std::shared_ptr<Job>> jobs_;  // guarded by mutex_
  std::jthread thread_;                    // last: it uses everything above
};

}  // namespace hearth::server
