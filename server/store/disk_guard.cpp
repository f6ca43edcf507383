#include "server/store/disk_guard.h"

#include <string>

#include <sys/statvfs.h>

namespace hearth::server {
namespace {

std::int64_t pragma(Database& database, const char* sql) {
  Statement row = database.query(sql);
  return row.step() ? row.integer(0) : 0;
}

std::int64_t history_bytes(Database& database) {
  const std::int64_t pages =
      pragma(database, "PRAGMA page_count") - pragma(database, "PRAGMA freelist_count");
  return pages * pragma(database, "PRAGMA page_size");
}

Error unavailable(std::string detail) {
  return {ErrorCode::storage_unavailable, std::move(detail)};
}

}  // namespace

std::int64_t free_bytes(const std::filesystem::path& folder) {
  struct statvfs info = {};
  if (statvfs(folder.c_str(), &info) != 0) return -1;
  return static_cast<std::int64_t>(info.f_bavail) * static_cast<std::int64_t>(info.f_frsize);
}

std::optional<Error> find_trouble(Database& database, const DiskLimits& limits, std::int64_t free) {
  if (free >= 0 && free < limits.free_bytes_min) {
    return unavailable(
        "The disk of this server is nearly full; it takes nothing new until there is room.");
  }
  if (limits.history_bytes_max > 0 && history_bytes(database) >= limits.history_bytes_max) {
    return unavailable(
        "The history has reached the size that this server's operator allows; it takes nothing new "
        "until something is deleted.");
  }
  return std::nullopt;
}

}  // namespace hearth::server
