#pragma once

#include <cstdint>
#include <filesystem>

#include "server/store/sqlite.h"

namespace hearth::server {

inline constexpr int kSchemaVersion = 3;

// What an older version of a history file was before it was changed: kept beside it.
std::filesystem::path backup_of_schema(const std::filesystem::path& file, std::int64_t version);

// Makes the tables in a new file; brings an older one up to date in one transaction, after a copy
// was made; refuses a file that is not Hearth's, is newer than this program, or is damaged
// (io_error). Throws StoreFailure.
void prepare_schema(Database& database, const std::filesystem::path& file);

// The server died while these were being written: their text stays, their state says so. Gives how
// many.
int mark_interrupted(Database& database);

// What search finds of that message, from now on.
void index_message(Database& database, std::int64_t rid, const UserId& owner,
                   const std::string& content);

}  // namespace hearth::server
