// Reads the fields of one JSON object and remembers the first thing that is wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/session/error_body.h"
#include "server/session/ids.h"

namespace hearth::server {

// Each reader gives what the field holds, or nothing when it is absent or wrong; ok() tells the two
// apart. After a failure the rest is skipped. `prefix` goes before names in errors.
class Fields {
 public:
  Fields(const nlohmann::json& object, std::string prefix);

  bool ok() const { return !error_; }
  const std::optional<WireError>& error() const { return error_; }

  bool has(const char* name) const { return object_.contains(name); }
  const nlohmann::json* find(const char* name) const;

  std::optional<std::string> text(const char* name, std::size_t bytes_min, std::size_t bytes_max);
  std::optional<std::int64_t> integer(const char* name, std::int64_t low, std::int64_t high);
  std::optional<double> number(const char* name, double low, double high);
  std::optional<bool> boolean(const char* name);
  // A string, or an array of up to count_max strings.
  std::vector<std::string> texts(const char* name, std::size_t count_max, std::size_t bytes_max);

  // Ids that have the wrong shape are not_found, as every id that does not exist.
  template <class IdType>
  std::optional<IdType> id(const char* name) {
    const std::optional<std::string> hex = text(name, 0, 1024);
    if (!hex) return std::nullopt;
    const std::optional<IdType> id = parse_id<IdType>(*hex);
    if (!id) fail(ErrorCode::not_found, name, "There is no such id here.");
    return id;
  }

  void fail(ErrorCode code, std::string_view name, std::string detail);
  void require(const char* name);  // fails with invalid_message when the field is absent

 private:
  const nlohmann::json& object_;
  std::string prefix_;
  std::optional<WireError> error_;
};

}  // namespace hearth::server
