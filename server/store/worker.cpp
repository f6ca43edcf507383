#include "server/store/worker.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

namespace hearth::server {
namespace {

Error unavailable() {
  return {ErrorCode::storage_unavailable, "The history store takes nothing more now."};
}

void end_transaction(Database& database) {
  try {
    if (database.in_transaction()) database.execute("ROLLBACK");
  } catch (const StoreFailure&) {
    // The next BEGIN says whether the disk is back.
  }
}

void refuse(const Post& post, Job job) {
  post([complete = std::move(job.complete)] { complete(unavailable()); });
}

}  // namespace

bool JobQueue::push(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_ || jobs_.size() == kJobsMax) return false;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

std::vector<Job> JobQueue::take(std::size_t jobs_max) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return is_stopped_ || !jobs_.empty(); });
  const auto count = static_cast<std::ptrdiff_t>(std::min(jobs_max, jobs_.size()));
  std::vector<Job> jobs(std::make_move_iterator(jobs_.begin()),
                        std::make_move_iterator(jobs_.begin() + count));
  jobs_.erase(jobs_.begin(), jobs_.begin() + count);
  return jobs;
}

void JobQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
  }
  changed_.notify_all();
}

Writer::Writer(std::unique_ptr<Database> database, Post post)
    : Writer(std::move(database), std::move(post), Options{}) {}

Writer::Writer(std::unique_ptr<Database> database, Post post, Options options)
    : database_(std::move(database)),
      post_(std::move(post)),
      options_(std::move(options)),
      thread_([this] { run(); }) {}

Writer::~Writer() { queue_.stop(); }

void Writer::push(Job job) {
  if (!queue_.push(job)) refuse(post_, std::move(job));
}

void Writer::set_trouble(std::optional<Error> trouble) {
  const bool is_news = trouble.has_value() != trouble_.has_value();
  trouble_ = std::move(trouble);
  if (!is_news || !options_.log) return;
  options_.log(trouble_ ? "the history is read-only: " + trouble_->detail
                        : "the history can be written again");
}

// A second after a failure the next growing job is tried again: only that tells.
void Writer::look_for_trouble() {
  constexpr std::chrono::seconds kEvery{1};
  const auto now = options_.now();
  if (now - looked_at_ < kEvery) return;
  looked_at_ = now;
  try {
    set_trouble(options_.trouble ? options_.trouble(*database_) : std::nullopt);
  } catch (const StoreFailure& failure) {
    set_trouble(failure.error);
  }
}

void Writer::run() {
  while (true) {
    std::vector<Job> batch = queue_.take(kBatchMax);
    if (batch.empty()) return;
    look_for_trouble();
    Outcomes outcomes(batch.size());
    if (const auto failed = commit(batch, outcomes)) {
      std::fill(outcomes.begin(), outcomes.end(), failed);  // nothing of this batch is on disk
      looked_at_ = options_.now();
      set_trouble(failed);
    }
    // Each on its own: what one of them does wrong must not leave the others without an answer.
    for (std::size_t i = 0; i < batch.size(); ++i) {
      post_([complete = std::move(batch[i].complete), outcome = std::move(outcomes[i])] {
        complete(outcome);
      });
    }
  }
}

void Writer::attempt(Job& job, std::optional<Error>& outcome) {
  if (job.growth == Growth::grows && trouble_) {
    outcome = trouble_;
    return;
  }
  database_->execute("SAVEPOINT job");
  bool keep = false;
  try {
    keep = job.work(*database_);
  } catch (const StoreFailure& failure) {
    // A full disk may have ended the whole transaction: then no job of this batch is safe.
    if (!database_->in_transaction() || failure.error.code == ErrorCode::storage_unavailable) throw;
    outcome = failure.error;
  } catch (const std::exception&) {  // memory
    outcome = Error{ErrorCode::storage_unavailable, "The history store is out of memory."};
  }
  if (!keep) database_->execute("ROLLBACK TO job");
  database_->execute("RELEASE job");
}

std::optional<Error> Writer::commit(std::vector<Job>& batch, Outcomes& outcomes) {
  try {
    database_->execute("BEGIN IMMEDIATE");
    for (std::size_t i = 0; i < batch.size(); ++i) attempt(batch[i], outcomes[i]);
    database_->execute("COMMIT");
    ++commits_;
    return std::nullopt;
  } catch (const StoreFailure& failure) {
    end_transaction(*database_);
    return Error{ErrorCode::storage_unavailable, failure.error.detail};
  }
}

Reader::Reader(std::unique_ptr<Database> database, Post post)
    : database_(std::move(database)), post_(std::move(post)), thread_([this] { run(); }) {}

Reader::~Reader() { queue_.stop(); }

void Reader::push(Job job) {
  if (!queue_.push(job)) refuse(post_, std::move(job));
}

void Reader::run() {
  while (true) {
    std::vector<Job> jobs = queue_.take(1);
    if (jobs.empty()) return;
    std::optional<Error> outcome;
    try {
      database_->execute("BEGIN");
      jobs.front().work(*database_);
      database_->execute("COMMIT");
    } catch (const StoreFailure& failure) {
      outcome = failure.error;
    } catch (const std::exception&) {  // memory
      outcome = Error{ErrorCode::storage_unavailable, "The history store is out of memory."};
    }
    if (outcome) end_transaction(*database_);
    post_([complete = std::move(jobs.front().complete), outcome = std::move(outcome)] {
      complete(outcome);
    });
  }
}

}  // namespace hearth::server
