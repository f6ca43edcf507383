#include "server/api/inspect_query.h"

#include <algorithm>
#include <charconv>

#include "server/api/errors.h"

namespace hearth::server {
namespace {

// As a form encodes it; a malformed escape stays as it is, and then matches nothing.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

QueryFields::QueryFields(std::string_view query) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view field = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(field.find('='), field.size());
    fields_.emplace_back(decoded(field.substr(0, equals)),
                         decoded(field.substr(std::min(equals + 1, field.size()))));
  }
}

const std::string* QueryFields::find(std::string_view name) const {
  const auto found = std::ranges::find(fields_, name, &std::pair<std::string, std::string>::first);
  return found == fields_.end() ? nullptr : &found->second;
}

void QueryFields::fail(std::string_view name, std::string detail) {
  if (error_) return;
  error_ = wire_error(ErrorCode::invalid_parameter, std::string(name) + " " + std::move(detail),
                      std::string(name));
}

std::int64_t QueryFields::integer(std::string_view name, std::int64_t low, std::int64_t high,
                                  std::int64_t otherwise) {
  const std::string* const value = find(name);
  if (!value) return otherwise;
  std::int64_t number = 0;
  const char* const end = value->data() + value->size();
  const auto [ptr, ec] = std::from_chars(value->data(), end, number);
  if (ec != std::errc{} || ptr != end || number < low || number > high) {
    fail(name,
         "must be an integer from " + std::to_string(low) + " to " + std::to_string(high) + ".");
    return otherwise;
  }
  return number;
}

std::string QueryFields::text(std::string_view name, std::size_t bytes_max) {
  const std::string* const value = find(name);
  if (!value) return {};
  if (value->size() > bytes_max) {
    fail(name, "may have at most " + std::to_string(bytes_max) + " bytes.");
    return {};
  }
  return *value;
}

}  // namespace hearth::server
