// Whether there is room on the disk for more history.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "engine/base/error.h"
#include "server/store/sqlite.h"

namespace hearth::server {

struct DiskLimits {
  // So much stays free on the disk, for the ends of replies that are being written.
  std::int64_t free_bytes_min = 64 * 1024 * 1024;
  std::int64_t history_bytes_max = 0;  // of the file, without what it could give back; 0: no bound
};

// Free bytes on the disk of a folder; −1 when it cannot be told.
std::int64_t free_bytes(const std::filesystem::path& folder);

// Why nothing more should be added now: storage_unavailable. `free` is as free_bytes gave it.
std::optional<Error> find_trouble(Database& database, const DiskLimits& limits, std::int64_t free);

}  // namespace hearth::server
