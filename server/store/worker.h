// The store's threads: one writer that commits in groups, one reader.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/error.h"
#include "server/store/sqlite.h"

namespace hearth::server {

// Runs something on the service's thread; from any thread.
using Post = std::function<void(std::function<void()>)>;

// Whether a change makes the history larger. While the disk is short of room such ones are refused;
// those that end what was begun, or delete, are tried.
enum class Growth : std::uint8_t { keeps, grows };

// One question or change. `work` runs on the store's thread and keeps its own result; false asks
// that its changes be undone. `complete` runs on the service's thread; with an error when the work
// did not take place or was not committed.
struct Job {
  std::function<bool(Database&)> work;
  std::function<void(std::optional<Error>)> complete;
  Growth growth = Growth::keeps;
};

// A bounded queue between the service and one store thread: the only mutex of the store. A full or
// stopped queue refuses.
class JobQueue {
 public:
  static constexpr std::size_t kJobsMax = 8192;

  bool push(Job job);
  // Waits for jobs and takes up to jobs_max; empty when stopped and drained.
  std::vector<Job> take(std::size_t jobs_max);
  void stop();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool is_stopped_ = false;
};

// Owns the only read-write connection. Takes what waits, does it in one transaction (each job in a
// savepoint of its own), commits once, then completes all of them in order (reliability §3.1: FULL
// is cheap that way).
//
// When the disk fails, or is about to, the history is read-only for what makes it grow: such jobs
// get the reason at once. Every second one of them is tried again, so that it ends by itself.
class Writer {
 public:
  static constexpr std::size_t kBatchMax = 256;

  struct Options {
    // Why nothing more should be added; asked at most once a second, on the writer's thread.
    std::function<std::optional<Error>(Database&)> trouble{};
    // For the operator: one line when trouble begins and one when it is over. Any thread.
    std::function<void(const std::string&)> log{};
    std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  };

  Writer(std::unique_ptr<Database> database, Post post);
  Writer(std::unique_ptr<Database> database, Post post, Options options);
  ~Writer();  // writes what waits, then joins

  void push(Job job);
  std::size_t commits() const { return commits_.load(); }

 private:
  void run();
  using Outcomes = std::vector<std::optional<Error>>;
  std::optional<Error> commit(std::vector<Job>& batch, Outcomes& outcomes);
  void attempt(Job& job, std::optional<Error>& outcome);
  void look_for_trouble();
  void set_trouble(std::optional<Error> trouble);

  std::unique_ptr<Database> database_;
  Post post_;
  Options options_;
  std::optional<Error> trouble_;  // writer's thread
  std::chrono::steady_clock::time_point looked_at_{};
  JobQueue queue_;
  std::atomic<std::size_t> commits_{0};
  std::jthread thread_;
};

// Owns a read-only connection. Each job is its own transaction and sees all that was committed
// before it began.
class Reader {
 public:
  Reader(std::unique_ptr<Database> database, Post post);
  ~Reader();

  void push(Job job);

 private:
  void run();

  std::unique_ptr<Database> database_;
  Post post_;
  JobQueue queue_;
  std::jthread thread_;
};

}  // namespace hearth::server
