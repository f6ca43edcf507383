// A thin layer over SQLite's C API: handles that close themselves, and statements that bind and
// read typed values.
//
// Inside server/store a failing statement throws StoreFailure, so that queries read as queries; the
// worker threads catch it (worker.cpp) and from there on it is a value. It never leaves this
// directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/base/error.h"
#include "server/session/ids.h"

struct sqlite3;
struct sqlite3_stmt;

namespace hearth::server {

struct StoreFailure {
  Error error;
};

class Database;

// A prepared statement of its database's cache: reset when this handle goes. Columns count from 0.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // True: there is a row.
  bool step();

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  std::span<const std::uint8_t> blob(int column) const;  // valid until the next step

  template <class IdType>
  IdType id(int column) const {
    IdType id;
    copy_blob(column, id.bytes);
    return id;
  }
  template <class IdType>
  std::optional<IdType> optional_id(int column) const {
    if (is_null(column)) return std::nullopt;
    return id<IdType>(column);
  }
  void copy_blob(int column, std::span<std::uint8_t> out) const;  // the sizes must be equal

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* statement);

  void bind(int index, std::nullptr_t);
  void bind(int index, std::int64_t value);
  void bind(int index, double value);
  void bind(int index, std::string_view text);
  void bind(int index, std::span<const std::uint8_t> blob);
  template <class Tag>
  void bind(int index, const Id<Tag>& id) {
    bind(index, std::span<const std::uint8_t>(id.bytes));
  }
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    if (value) {
      bind(index, *value);
    } else {
      bind(index, nullptr);
    }
  }

  Database* database_;
  sqlite3_stmt* statement_;
};

// One connection; used by one thread.
class Database {
 public:
  enum class Mode : std::uint8_t { read_write, read_only, copy };

  // Opens (others than read_only: creates) the file and sets the pragmas of reliability §3.1. A
  // copy has no log: it becomes what another database is.
  Database(const std::filesystem::path& file, Mode mode);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Several statements without parameters.
  void execute(const char* script);

  // `sql` is a literal: statements are cached by its address.
  template <class... Values>
  Statement query(const char* sql, const Values&... values) {
    Statement statement = prepare(sql);
    int index = 0;
    (statement.bind(++index, values), ...);
    return statement;
  }

  // A query without rows. Gives the number of rows it changed.
  template <class... Values>
  int run(const char* sql, const Values&... values) {
    query(sql, values...).step();
    return changes();
  }

  // Everything as it is now, in one step.
  void copy_to(Database& target);

  int changes() const;
  std::int64_t last_row() const;  // rowid of the last INSERT
  bool in_transaction() const;
  [[noreturn]] void fail(int code) const;

 private:
  Statement prepare(const char* sql);

  sqlite3* handle_ = nullptr;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace hearth::server
