// Reads one JSON object key by key. The first bad value is kept as the error, so that a family's
// description reads as a list.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/token_id.h"

namespace hearth::engine {

// A value type over one object; null and absent mean the same, as in transformers.
class ConfigReader {
 public:
  // `where` names the source in errors ("config.json"). Errors: config_invalid (no object, too
  // large, too deep).
  static Result<ConfigReader> parse(const std::string& json, std::string where);
  // Errors: file_missing, io_error, config_invalid.
  static Result<ConfigReader> load(const std::filesystem::path& file);

  bool has(std::string_view key) const;  // present and not null

  // The fallback when absent. Out of [min, max] or of another type is an error, and returns the
  // fallback.
  std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t min = 1,
                       std::int64_t max = 1'000'000'000);
  double number(std::string_view key, double fallback, double min = 0.0, double max = 1e18);
  bool boolean(std::string_view key, bool fallback);
  std::string text(std::string_view key, std::string fallback);

  std::optional<double> optional_number(std::string_view key);
  std::vector<double> numbers(std::string_view key);
  std::vector<std::string> texts(std::string_view key);
  // An id or a list of ids; empty when absent. Negative ids are dropped (−1 means none in old
  // files).
  std::vector<TokenId> token_ids(std::string_view key);

  // The object under key, or nullopt. Its errors are its own: hand them back with adopt().
  std::optional<ConfigReader> object(std::string_view key);
  void adopt(const ConfigReader& child);

  void report(std::string_view key,
              std::string_view expected);  // config_invalid, with what was found
  void refuse(ErrorCode code, std::string detail);

  // Keys with a value that nobody has asked for, in order.
  std::vector<std::string> unread_keys() const;

  const std::optional<Error>& error() const { return error_; }
  const nlohmann::json& raw() const { return json_; }
  const std::string& where() const { return where_; }

 private:
  ConfigReader(nlohmann::json object, std::string where)
      : json_(std::move(object)), where_(std::move(where)) {}
  const nlohmann::json* find(std::string_view key) const;

  nlohmann::json json_;
  std::string where_;
  mutable std::set<std::string, std::less<>> read_;  // keys that somebody has asked for
  std::optional<Error> error_;
};

}  // namespace hearth::engine
