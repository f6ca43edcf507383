#include "engine/checkpoint/config_reader.h"

#include <cmath>
#include <utility>

#include "engine/checkpoint/mapped_file.h"

namespace hearth::engine {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kBytesMax = 16U << 20U;
constexpr int kDepthMax = 64;

// Depth of brackets outside strings; the parser itself has no limit.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if ((c == '{' || c == '[') && ++depth > kDepthMax) return true;
    if (c == '}' || c == ']') --depth;
  }
  return false;
}

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

}  // namespace

Result<ConfigReader> ConfigReader::parse(const std::string& text, std::string where) {
  if (text.size() > kBytesMax) {
    return fail(ErrorCode::config_invalid, where + " is larger than 16 MiB.");
  }
  if (text.starts_with("version https://git-lfs")) {
    return fail(ErrorCode::weights_are_lfs_pointer,
                where +
                    " is a git-lfs pointer and not the file itself; "
                    "run `git lfs pull` in the model's folder.");
  }
  if (is_too_deep(text)) {
    return fail(ErrorCode::config_invalid, where + " is nested deeper than 64 levels.");
  }
  Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return fail(ErrorCode::config_invalid, where + " is not valid JSON.");
  if (!object.is_object()) {
    return fail(ErrorCode::config_invalid,
                where + " holds " + object.type_name() + " where an object was expected.");
  }
  return ConfigReader(std::move(object), std::move(where));
}

Result<ConfigReader> ConfigReader::load(const std::filesystem::path& file) {
  auto mapped = MappedFile::open(file);
  if (!mapped) return tl::unexpected(std::move(mapped.error()));
  const auto bytes = mapped->bytes();
  return parse(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
               file.string());
}

std::vector<std::string> ConfigReader::unread_keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : json_.items()) {
    if (!value.is_null() && !read_.contains(key)) keys.push_back(key);
  }
  return keys;
}

const Json* ConfigReader::find(std::string_view key) const {
  if (!read_.contains(key)) read_.emplace(key);
  const auto it = json_.find(std::string(key));
  return it == json_.end() || it->is_null() ? nullptr : &*it;
}

bool ConfigReader::has(std::string_view key) const { return find(key) != nullptr; }

void ConfigReader::refuse(ErrorCode code, std::string detail) {
  if (!error_) error_ = Error{code, std::move(detail)};
}

void ConfigReader::report(std::string_view key, std::string_view expected) {
  const Json* value = find(key);
  refuse(ErrorCode::config_invalid, where_ + ": " + std::string(key) + " must be " +
                                        std::string(expected) + ", found " +
                                        (value == nullptr ? "nothing" : shown(*value)) + ".");
}

std::int64_t ConfigReader::integer(std::string_view key, std::int64_t fallback, std::int64_t min,
                                   std::int64_t max) {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  const auto reject = [&] {
    report(key, "an integer from " + std::to_string(min) + " to " + std::to_string(max));
    return fallback;
  };
  if (!value->is_number_integer()) return reject();
  if (value->is_number_unsigned() &&
      value->get<std::uint64_t>() > static_cast<std::uint64_t>(max)) {
    return reject();
  }
  const auto number = value->get<std::int64_t>();
  return number < min || number > max ? reject() : number;
}

double ConfigReader::number(std::string_view key, double fallback, double min, double max) {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (value->is_number()) {
    const auto number = value->get<double>();
    if (std::isfinite(number) && number >= min && number <= max) return number;
  }
  report(key, "a number in range");
  return fallback;
}

std::optional<double> ConfigReader::optional_number(std::string_view key) {
  if (!has(key)) return std::nullopt;
  return number(key, 0.0, -1e18, 1e18);
}

bool ConfigReader::boolean(std::string_view key, bool fallback) {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  report(key, "true or false");
  return fallback;
}

std::string ConfigReader::text(std::string_view key, std::string fallback) {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (value->is_string()) return value->get<std::string>();
  report(key, "a string");
  return fallback;
}

std::vector<double> ConfigReader::numbers(std::string_view key) {
  std::vector<double> result;
  const Json* value = find(key);
  if (value == nullptr) return result;
  if (value->is_array()) {
    for (const Json& item : *value) {
      if (!item.is_number()) break;
      result.push_back(item.get<double>());
    }
    if (result.size() == value->size()) return result;
  }
  report(key, "a list of numbers");
  return {};
}

std::vector<std::string> ConfigReader::texts(std::string_view key) {
  std::vector<std::string> result;
  const Json* value = find(key);
  if (value == nullptr) return result;
  if (value->is_array()) {
    for (const Json& item : *value) {
      if (!item.is_string()) break;
      result.push_back(item.get<std::string>());
    }
    if (result.size() == value->size()) return result;
  }
  report(key, "a list of strings");
  return {};
}

std::vector<TokenId> ConfigReader::token_ids(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return {};
  std::vector<TokenId> ids;
  const Json list = value->is_array() ? *value : Json::array({*value});
  for (const Json& item : list) {
    constexpr auto max = std::numeric_limits<TokenId>::max();
    if (!item.is_number_integer() ||
        (item.is_number_unsigned() && item.get<std::uint64_t>() > max)) {
      report(key, "a token id or a list of them");
      return {};
    }
    const auto id = item.get<std::int64_t>();
    if (id >= 0) ids.push_back(static_cast<TokenId>(id));
  }
  return ids;
}

std::optional<ConfigReader> ConfigReader::object(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) {
    report(key, "an object");
    return std::nullopt;
  }
  return ConfigReader(*value, where_ + ": " + std::string(key));
}

void ConfigReader::adopt(const ConfigReader& child) {
  if (child.error_) refuse(child.error_->code, child.error_->detail);
}

}  // namespace hearth::engine
