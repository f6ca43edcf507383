#pragma once

#include "server/store/sqlite.h"

namespace hearth::server {

inline constexpr int kSchemaVersion = 1;

// Makes the tables in a new file; refuses a file that is not Hearth's or is newer than this program
// (io_error). Throws StoreFailure.
void prepare_schema(Database& database);

// The server died while these were being written: their text stays, their state says so. Gives how
// many.
int mark_interrupted(Database& database);

}  // namespace hearth::server
