#include "server/store/sqlite.h"

#include <algorithm>

#include <sqlite3.h>

#include "engine/base/check.h"

namespace hearth::server {
namespace {

// Faults of the statement are ours; everything else is the disk's or the machine's.
ErrorCode code_of(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_CONSTRAINT:
      return ErrorCode::conflict;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
      return ErrorCode::internal;
    default:
      return ErrorCode::storage_unavailable;
  }
}

}  // namespace

Database::Database(const std::filesystem::path& file, Mode mode) {
  const int flags =
      mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(file.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  try {
    if (code != SQLITE_OK) fail(code);
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    execute(
        "PRAGMA busy_timeout=5000; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
        "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;");
    if (mode == Mode::read_write) {
      execute(
          "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=1000;"
          "PRAGMA journal_size_limit=67108864;");
    }
  } catch (...) {
    sqlite3_close_v2(handle_);
    throw;
  }
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

void Database::execute(const char* script) {
  const int code = sqlite3_exec(handle_, script, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

void Database::copy_to(Database& target) {
  sqlite3_backup* const backup = sqlite3_backup_init(target.handle_, "main", handle_, "main");
  if (!backup) target.fail(sqlite3_extended_errcode(target.handle_));
  sqlite3_backup_step(backup, -1);
  const int code = sqlite3_backup_finish(backup);
  if (code != SQLITE_OK) fail(code);
}

int Database::changes() const { return sqlite3_changes(handle_); }

std::int64_t Database::last_row() const { return sqlite3_last_insert_rowid(handle_); }

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

// SQLite's own words name no paths and no values.
void Database::fail(int code) const {
  throw StoreFailure{
      {code_of(code), std::string("The history store failed: ") + sqlite3_errstr(code) + "."}};
}

Statement Database::prepare(const char* sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (!statement) {
    const int code =
        sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) fail(code);
  }
  return Statement(*this, statement);
}

Statement::Statement(Database& database, sqlite3_stmt* statement)
    : database_(&database), statement_(statement) {}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() {
  if (!statement_) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_->fail(code);
  return false;
}

void Statement::bind(int index, std::nullptr_t) {
  CHECK(sqlite3_bind_null(statement_, index) == SQLITE_OK);
}

void Statement::bind(int index, std::int64_t value) {
  CHECK(sqlite3_bind_int64(statement_, index, value) == SQLITE_OK);
}

void Statement::bind(int index, double value) {
  CHECK(sqlite3_bind_double(statement_, index, value) == SQLITE_OK);
}

// Copies: the statement may be stepped after the argument has gone.
void Statement::bind(int index, std::string_view text) {
  const int code = sqlite3_bind_text64(statement_, index, text.empty() ? "" : text.data(),
                                       text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) database_->fail(code);
}

void Statement::bind(int index, std::span<const std::uint8_t> blob) {
  const int code = blob.empty() ? sqlite3_bind_zeroblob(statement_, index, 0)
                                : sqlite3_bind_blob64(statement_, index, blob.data(), blob.size(),
                                                      SQLITE_TRANSIENT);
  if (code != SQLITE_OK) database_->fail(code);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string Statement::text(int column) const {
  const auto* const bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (!bytes) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::span<const std::uint8_t> Statement::blob(int column) const {
  const auto* const bytes =
      static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Statement::copy_blob(int column, std::span<std::uint8_t> out) const {
  const auto bytes = blob(column);
  if (bytes.size() != out.size()) database_->fail(SQLITE_CORRUPT);
  std::copy(bytes.begin(), bytes.end(), out.begin());
}

}  // namespace hearth::server
