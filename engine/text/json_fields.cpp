#include "engine/text/json_fields.h"

#include <fstream>
#include <system_error>
#include <utility>

#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

constexpr std::uintmax_t kFileBytesMax = std::uintmax_t{512} << 20;

}  // namespace

JsonFields::JsonFields(const nlohmann::json& object, std::string where)
    : object_(object), where_(std::move(where)) {
  if (!object_.is_object()) {
    refuse(ErrorCode::tokenizer_invalid,
           where_ + ": expected an object, found " + std::string(object_.type_name()) + '.');
  }
}

const nlohmann::json* JsonFields::find(std::string_view key) const {
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool JsonFields::boolean(std::string_view key, bool fallback) {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  report(key, "true or false");
  return fallback;
}

std::string JsonFields::text(std::string_view key, std::string fallback) {
  return optional_text(key).value_or(std::move(fallback));
}

std::optional<std::string> JsonFields::optional_text(std::string_view key) {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  report(key, "a string");
  return std::nullopt;
}

std::int64_t JsonFields::integer(std::string_view key, std::int64_t fallback, std::int64_t min,
                                 std::int64_t max) {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return fallback;
  // An unsigned number above the signed range would be read as negative.
  const bool fits = value->is_number_integer() &&
                    (!value->is_number_unsigned() || value->get<std::uint64_t>() <= INT64_MAX);
  if (fits && value->get<std::int64_t>() >= min && value->get<std::int64_t>() <= max) {
    return value->get<std::int64_t>();
  }
  report(key, "an integer from " + std::to_string(min) + " to " + std::to_string(max));
  return fallback;
}

char32_t JsonFields::character(std::string_view key, char32_t fallback) {
  const std::optional<std::string> value = optional_text(key);
  if (!value) return fallback;
  if (!value->empty()) {
    const Utf8Char first = decode_utf8(*value, 0);
    if (first.bytes == value->size()) return first.value;
  }
  report(key, "one character");
  return fallback;
}

const nlohmann::json& JsonFields::array(std::string_view key) {
  static const nlohmann::json none = nlohmann::json::array();
  const nlohmann::json* value = find(key);
  if (value == nullptr) return none;
  if (value->is_array()) return *value;
  report(key, "an array");
  return none;
}

const nlohmann::json& JsonFields::object(std::string_view key) {
  static const nlohmann::json none = nlohmann::json::object();
  const nlohmann::json* value = find(key);
  if (value == nullptr) return none;
  if (value->is_object()) return *value;
  report(key, "an object");
  return none;
}

void JsonFields::report(std::string_view key, std::string_view expected) {
  const nlohmann::json* value = find(key);
  std::string found = value == nullptr ? "nothing" : value->type_name();
  if (value != nullptr && value->is_number()) found = value->dump();
  refuse(ErrorCode::tokenizer_invalid, where_ + ": \"" + std::string(key) + "\" must be " +
                                           std::string(expected) + ", found " + found + '.');
}

void JsonFields::refuse(ErrorCode code, std::string detail) {
  if (!error_) error_ = Error{code, std::move(detail)};
}

tl::unexpected<Error> unsupported_type(const std::string& where, const std::string& type) {
  return fail(ErrorCode::tokenizer_unsupported,
              where + (type.empty() ? ": a component without a type is not supported."
                                    : ": the type \"" + type + "\" is not supported."));
}

Result<nlohmann::json> parse_json(std::string_view text, const std::string& where) {
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(ErrorCode::tokenizer_invalid, where + " is not JSON.");
  return json;
}

Result<std::string> read_file(const std::filesystem::path& file) {
  std::error_code ec;
  const std::string name = file.filename().string();
  const auto status = std::filesystem::status(file, ec);
  if (status.type() == std::filesystem::file_type::not_found) {
    return fail(ErrorCode::file_missing, file.string() + " does not exist.");
  }
  const std::uintmax_t size = std::filesystem::file_size(file, ec);
  if (ec)
    return fail(ErrorCode::io_error, file.string() + " cannot be read: " + ec.message() + '.');
  if (size > kFileBytesMax) {
    return fail(ErrorCode::tokenizer_invalid, name + " has more than 512 MiB.");
  }
  std::ifstream stream(file, std::ios::binary);
  std::string text(static_cast<std::size_t>(size), '\0');
  if (!stream.read(text.data(), static_cast<std::streamsize>(size))) {
    return fail(ErrorCode::io_error, file.string() + " cannot be read.");
  }
  return text;
}

Result<nlohmann::json> load_json(const std::filesystem::path& file) {
  Result<std::string> text = read_file(file);
  if (!text) return tl::unexpected<Error>(std::move(text.error()));
  return parse_json(*text, file.filename().string());
}

}  // namespace hearth::engine
