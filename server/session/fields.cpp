#include "server/session/fields.h"

#include <cmath>
#include <utility>

namespace hearth::server {
namespace {

std::string short_number(double value) {
  std::string text = std::to_string(value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

Fields::Fields(const nlohmann::json& object, std::string prefix)
    : object_(object), prefix_(std::move(prefix)) {}

const nlohmann::json* Fields::find(const char* name) const {
  if (error_) return nullptr;
  const auto found = object_.find(name);
  return found == object_.end() ? nullptr : &*found;
}

void Fields::fail(ErrorCode code, std::string_view name, std::string detail) {
  if (error_) return;
  error_ =
      WireError{.code = code, .detail = std::move(detail), .param = prefix_ + std::string(name)};
}

void Fields::require(const char* name) {
  if (error_ || has(name)) return;
  fail(ErrorCode::invalid_message, name, "The field " + prefix_ + name + " is missing.");
}

std::optional<std::string> Fields::text(const char* name, std::size_t bytes_min,
                                        std::size_t bytes_max) {
  const nlohmann::json* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_string()) {
    fail(ErrorCode::invalid_parameter, name, prefix_ + name + " must be a string.");
    return std::nullopt;
  }
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() >= bytes_min && text.size() <= bytes_max) return text;
  fail(ErrorCode::invalid_parameter, name,
       prefix_ + name + " must have " + std::to_string(bytes_min) + " to " +
           std::to_string(bytes_max) + " bytes; it has " + std::to_string(text.size()) + ".");
  return std::nullopt;
}

std::optional<std::int64_t> Fields::integer(const char* name, std::int64_t low, std::int64_t high) {
  const nlohmann::json* value = find(name);
  if (!value) return std::nullopt;
  const bool fits = value->is_number_unsigned()
                        ? std::in_range<std::int64_t>(value->get<std::uint64_t>())
                        : value->is_number_integer();
  if (fits) {
    const auto number = value->get<std::int64_t>();
    if (number >= low && number <= high) return number;
  }
  fail(ErrorCode::invalid_parameter, name,
       prefix_ + name + " must be a whole number from " + std::to_string(low) + " to " +
           std::to_string(high) + ".");
  return std::nullopt;
}

std::optional<double> Fields::number(const char* name, double low, double high) {
  const nlohmann::json* value = find(name);
  if (!value) return std::nullopt;
  if (value->is_number()) {
    const auto number = value->get<double>();
    if (std::isfinite(number) && number >= low && number <= high) return number;
  }
  fail(ErrorCode::invalid_parameter, name,
       prefix_ + name + " must be a number from " + short_number(low) + " to " +
           short_number(high) + ".");
  return std::nullopt;
}

std::optional<bool> Fields::boolean(const char* name) {
  const nlohmann::json* value = find(name);
  if (!value) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  fail(ErrorCode::invalid_parameter, name, prefix_ + name + " must be true or false.");
  return std::nullopt;
}

std::vector<std::string> Fields::texts(const char* name, std::size_t count_max,
                                       std::size_t bytes_max) {
  const nlohmann::json* value = find(name);
  if (!value) return {};
  const nlohmann::json list = value->is_string() ? nlohmann::json::array({*value}) : *value;
  std::vector<std::string> texts;
  const auto is_good = [&](const nlohmann::json& item) {
    if (!item.is_string()) return false;
    const std::size_t size = item.get_ref<const std::string&>().size();
    return size >= 1 && size <= bytes_max;
  };
  if (list.is_array() && list.size() <= count_max) {
    for (const nlohmann::json& item : list) {
      if (is_good(item)) texts.push_back(item);
    }
    if (texts.size() == list.size()) return texts;
  }
  fail(ErrorCode::invalid_parameter, name,
       prefix_ + name + " must be a string or up to " + std::to_string(count_max) +
           " strings of 1 to " + std::to_string(bytes_max) + " bytes.");
  return {};
}

}  // namespace hearth::server
