// Reads one object of tokenizer.json field by field. The first bad value is kept as the error, so
// that a component's reader is a list of its fields.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"

namespace hearth::engine {

// A view: the JSON value must outlive it. Absent and null mean the same.
class JsonFields {
 public:
  // `where` names the object in errors: "tokenizer.json: pre_tokenizer". A value that is no object
  // is an error.
  JsonFields(const nlohmann::json& object, std::string where);

  bool has(std::string_view key) const { return find(key) != nullptr; }
  const nlohmann::json* find(std::string_view key) const;

  bool boolean(std::string_view key, bool fallback);
  std::string text(std::string_view key, std::string fallback = {});
  std::optional<std::string> optional_text(std::string_view key);
  std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t min,
                       std::int64_t max);
  // One character (U+2581, say); the fallback when absent.
  char32_t character(std::string_view key, char32_t fallback);
  // The array or object under key; an empty one of that kind when absent.
  const nlohmann::json& array(std::string_view key);
  const nlohmann::json& object(std::string_view key);

  // The component's "type", or "" when there is none.
  std::string type() { return text("type"); }

  void report(std::string_view key, std::string_view expected);  // tokenizer_invalid
  void refuse(ErrorCode code, std::string detail);
  const std::optional<Error>& error() const { return error_; }
  const std::string& where() const { return where_; }

 private:
  const nlohmann::json& object_;
  std::string where_;
  std::optional<Error> error_;
};

// tokenizer_unsupported, naming the component: "tokenizer.json: normalizer: the type \"Nmt\" is not
// supported."
tl::unexpected<Error> unsupported_type(const std::string& where, const std::string& type);

// A whole JSON file. Errors: file_missing, io_error, tokenizer_invalid (no JSON, too large).
Result<nlohmann::json> load_json(const std::filesystem::path& file);
// Errors: tokenizer_invalid.
Result<nlohmann::json> parse_json(std::string_view text, const std::string& where);

// A whole file of at most 512 MiB. Errors: file_missing, io_error, tokenizer_invalid (too large).
Result<std::string> read_file(const std::filesystem::path& file);

}  // namespace hearth::engine
