#include "server/store/integrity.h"

#include <memory>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hearth::server {
namespace {

constexpr std::uintmax_t kAlwaysCheckedBytes = 256 * 1024 * 1024;

std::string first_text(Database& database, const char* sql) {
  Statement row = database.query(sql);
  return row.step() ? row.text(0) : std::string();
}

std::int64_t count(Database& database, const char* sql) {
  Statement row = database.query(sql);
  return row.step() ? row.integer(0) : 0;
}

[[noreturn]] void damaged() {
  throw StoreFailure{{ErrorCode::io_error,
                      "it is damaged. Put a backup in its place, or move it away to begin anew."}};
}

tl::unexpected<Error> refuse(const std::filesystem::path& file, const std::string& why) {
  return fail(ErrorCode::io_error, "The backup " + file.string() + " " + why);
}

bool is_synced(const std::filesystem::path& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) return false;
  const bool done = ::fsync(file) == 0;
  ::close(file);
  return done;
}

BackupReport look_through(const std::filesystem::path& copy) {
  Database database(copy, Database::Mode::read_only);
  if (first_text(database, "PRAGMA integrity_check(1)") != "ok") damaged();
  return {.users = count(database, "SELECT count(*) FROM user"),
          .conversations =
              count(database, "SELECT count(*) FROM conversation WHERE deleted_ms IS NULL"),
          .messages = count(database, "SELECT count(*) FROM message"),
          .bytes = static_cast<std::int64_t>(std::filesystem::file_size(copy))};
}

}  // namespace

bool has_unfinished_log(const std::filesystem::path& file) {
  std::error_code ec;
  const auto bytes = std::filesystem::file_size(file.string() + "-wal", ec);
  return !ec && bytes > 0;
}

void check_integrity(Database& database, const std::filesystem::path& file, bool was_killed) {
  std::error_code ec;
  const auto bytes = std::filesystem::file_size(file, ec);
  if (!was_killed && !ec && bytes > kAlwaysCheckedBytes) return;
  if (first_text(database, "PRAGMA quick_check(1)") != "ok") damaged();
}

Result<BackupReport> back_up(const std::filesystem::path& data_dir,
                             const std::filesystem::path& copy) {
  const std::filesystem::path file = data_dir / kHistoryFile;
  std::error_code ec;
  if (!std::filesystem::exists(file, ec)) {
    return fail(ErrorCode::io_error, "There is no history in " + data_dir.string() + ".");
  }
  if (std::filesystem::exists(copy, ec)) return refuse(copy, "exists already; name another file.");
  const std::filesystem::path part = copy.string() + ".part";
  std::filesystem::remove(part, ec);
  try {
    {
      // A reader: only the server's own connection may ever write (reliability, finding 6).
      Database source(file, Database::Mode::read_only);
      Database target(part, Database::Mode::copy);
      ::chmod(part.c_str(), 0600);
      source.copy_to(target);
      target.execute("PRAGMA journal_mode=DELETE");  // one file, without a log beside it
    }
    const BackupReport report = look_through(part);
    if (!is_synced(part, O_RDONLY)) return refuse(copy, "could not be written to the disk.");
    std::filesystem::rename(part, copy, ec);
    if (ec) return refuse(copy, "could not be named so: " + ec.message() + ".");
    const auto folder = copy.parent_path();
    is_synced(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
    return report;
  } catch (const StoreFailure& failure) {
    std::filesystem::remove(part, ec);
    return refuse(copy, "could not be made: " + failure.error.detail);
  }
}

}  // namespace hearth::server
