#include "server/session/parse_parts.h"

#include <algorithm>
#include <limits>

namespace hearth::server::parts {
namespace {

constexpr std::size_t kRequestIdBytes = 64;
constexpr std::int64_t kPositionMax = std::int64_t{1} << 31U;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }

}  // namespace

bool is_request_id(std::string_view id) {
  const auto is_allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == ':' || c == '-';
  };
  return !id.empty() && id.size() <= kRequestIdBytes &&
         std::all_of(id.begin(), id.end(), is_allowed);
}

std::string request_id(Fields& fields) {
  fields.require("id");
  const std::string id = fields.text("id", 1, kRequestIdBytes).value_or("");
  if (fields.ok() && !is_request_id(id)) {
    fields.fail(ErrorCode::invalid_parameter, "id",
                "id must be made of letters, digits, '.', '_', ':' and '-'.");
  }
  return id;
}

std::size_t position(Fields& fields, const char* name) {
  return static_cast<std::size_t>(fields.integer(name, 0, kPositionMax).value_or(0));
}

std::string limited_text(Fields& fields, const char* name, std::size_t bytes_max) {
  const nlohmann::json* value = fields.find(name);
  if (!value) return {};
  if (value->is_string() && value->get_ref<const std::string&>().size() > bytes_max) {
    fields.fail(ErrorCode::message_too_large, name,
                std::string(name) + " may have at most " + std::to_string(bytes_max) + " bytes.");
    return {};
  }
  return fields.text(name, 0, bytes_max).value_or("");
}

std::string title(Fields& fields, std::size_t chars_max) {
  std::string text = fields.text("title", 1, chars_max * 4).value_or("");
  const auto num_characters = std::count_if(text.begin(), text.end(), starts_character);
  if (std::any_of(text.begin(), text.end(), is_control) ||
      static_cast<std::size_t>(num_characters) > chars_max) {
    fields.fail(ErrorCode::invalid_parameter, "title",
                "title must have 1 to " + std::to_string(chars_max) +
                    " characters and no control characters.");
  }
  return text;
}

std::optional<std::int64_t> revision(Fields& fields) {
  return fields.integer("revision", 0, std::numeric_limits<std::int64_t>::max());
}

}  // namespace hearth::server::parts
