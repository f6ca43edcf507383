// The default history: one SQLite file in the data folder, WAL and synchronous=FULL (reliability
// §3.1).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "engine/base/error.h"
#include "server/session/history_store.h"
#include "server/store/disk_guard.h"
#include "server/store/worker.h"

namespace hearth::server {

// Called on the service's thread like every HistoryStore; owns the writer and reader threads.
// `post` brings callbacks back and must outlive the store. The SQLite library of Debian 12 has a
// race when two connections write (reliability finding 6): there is one.
class SqliteStore : public HistoryStore {
 public:
  struct Options {
    std::int64_t bytes_per_user = 0;  // of messages; 0: no bound
    DiskLimits disk{};
    std::function<std::int64_t(const std::filesystem::path&)> free_bytes = server::free_bytes;
    std::function<void(const std::string&)> log{};  // for the operator, one line; any thread
    std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  };

  // Locks the folder, opens or makes `hearth.db`, looks whether it is whole, marks what was being
  // written when the last server died as interrupted. Errors: io_error with the folder and the
  // reason, in one sentence.
  static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& data_dir, Post post,
                                                   Options options);
  static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& data_dir,
                                                   Post post);

  // How many transactions were committed; for tests and metrics. Any thread.
  virtual std::size_t commits() const = 0;
  // How many replies this start found unfinished.
  virtual int num_interrupted() const = 0;
};

}  // namespace hearth::server
