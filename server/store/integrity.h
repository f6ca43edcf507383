// Whether a history file is whole, and copies of it.
#pragma once

#include <cstdint>
#include <filesystem>

#include "engine/base/error.h"
#include "server/store/sqlite.h"

namespace hearth::server {

inline constexpr const char* kHistoryFile = "hearth.db";

// The last server did not close its file: it was killed, or the machine went down.
bool has_unfinished_log(const std::filesystem::path& file);

// Looks through a file that is small, or whose server was killed. Throws StoreFailure (io_error)
// when it is damaged.
void check_integrity(Database& database, const std::filesystem::path& file, bool was_killed);

struct BackupReport {
  std::int64_t users = 0;
  std::int64_t conversations = 0;
  std::int64_t messages = 0;
  std::int64_t bytes = 0;
};

// Copies the history in `data_dir` as it is at this moment to a new file, also while a server
// writes it. The copy is looked through, and has its name only when it is whole and on disk.
// Errors: io_error.
Result<BackupReport> back_up(const std::filesystem::path& data_dir,
                             const std::filesystem::path& copy);

}  // namespace hearth::server
