#include "server/session/strict_json.h"

#include <utility>
#include <vector>

namespace hearth::server {
namespace {

using nlohmann::json;

// Builds the tree itself, because nlohmann's own builder overwrites duplicate keys and recurses
// without a bound of ours.
class Builder final : public json::json_sax_t {
 public:
  explicit Builder(std::size_t depth_max) : depth_max_(depth_max) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override { return open(json::object()); }
  bool start_array(std::size_t /*size*/) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (levels_.back().value->contains(name)) {
      failure_.detail = "An object has the same key twice.";
      return false;
    }
    levels_.back().key = name;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) override {
    constexpr int kNumberOutOfRange = 406;
    failure_.detail = "This is not JSON: the error is near byte " + std::to_string(position) + ".";
    if (error.id == kNumberOutOfRange) {
      failure_.detail = "A number is too large.";
      failure_.number_at = path();
      failure_.partial = std::move(root_);
    }
    return false;
  }

  json take_root() { return std::move(root_); }
  JsonFailure take_failure() { return std::move(failure_); }

 private:
  struct Level {
    json* value;      // stays put while it is on the stack: its parent does not grow meanwhile
    std::string key;  // of an object: where the next value goes
  };

  json* place(json value) {
    if (levels_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Level& level = levels_.back();
    if (level.value->is_array()) {
      level.value->push_back(std::move(value));
      return &level.value->back();
    }
    json& slot = (*level.value)[level.key];
    slot = std::move(value);
    return &slot;
  }

  bool add(json value) {
    place(std::move(value));
    return true;
  }

  bool open(json value) {
    if (levels_.size() == depth_max_) {
      failure_.detail = "The JSON is nested too deeply.";
      return false;
    }
    levels_.push_back({place(std::move(value)), {}});
    return true;
  }

  bool close() {
    levels_.pop_back();
    return true;
  }

  std::string path() const {
    std::string text;
    for (const Level& level : levels_) {
      if (level.value->is_object()) text += (text.empty() ? "" : ".") + level.key;
    }
    return text.empty() ? "message" : text;
  }

  std::size_t depth_max_;
  json root_;
  std::vector<Level> levels_;
  JsonFailure failure_;
};

}  // namespace

tl::expected<json, JsonFailure> parse_strict_json(std::string_view text, std::size_t depth_max) {
  Builder builder(depth_max);
  if (json::sax_parse(text, &builder)) return builder.take_root();
  return tl::unexpected(builder.take_failure());
}

bool is_nested_deeper(std::string_view text, std::size_t depth_max) {
  std::size_t depth = 0;
  bool is_in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') is_in_string = !is_in_string;
    if (is_in_string) {
      if (c == '\\') ++i;  // whatever it escapes
    } else if (c == '{' || c == '[') {
      if (++depth > depth_max) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace hearth::server
