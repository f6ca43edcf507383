#include "engine/checkpoint/safetensors_header.h"

#include <array>
#include <optional>
#include <unordered_set>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/checkpoint/safetensors.h"

namespace hearth::engine {
namespace {

using nlohmann::json;

std::optional<Dtype> dtype_named(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Dtype::f6_e3m2); ++i) {
    if (name_of(static_cast<Dtype>(i)) == name) return static_cast<Dtype>(i);
  }
  return std::nullopt;
}

std::string shown(std::string_view text) {
  return "\"" + std::string(text.substr(0, 80)) + (text.size() > 80 ? "…\"" : "\"");
}

// A SAX handler, because only it sees duplicate keys and only it stops at the limits before memory
// is spent. The states are the places in {"name": {"dtype": …, "shape": [ ], "data_offsets": [ ]},
// "__metadata__": { }}.
class HeaderHandler : public nlohmann::json_sax<json> {
 public:
  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t& text) override {
    return unexpected("the number " + text.substr(0, 40));
  }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::shape) {
      if (entry_.shape.size() >= SafetensorsLimits::kRankMax) {
        return wrong("has more than 8 dimensions");
      }
      entry_.shape.push_back(value);
      return true;
    }
    if (place_ == Place::offsets) {
      if (num_offsets_ >= 2) return wrong("has more than two data_offsets");
      offsets_[num_offsets_++] = value;
      return true;
    }
    return unexpected("a number");
  }

  bool string(string_t& text) override {
    if (place_ == Place::metadata) return true;
    if (place_ != Place::entry || field_ != "dtype") return unexpected("a string");
    const auto dtype = dtype_named(text);
    if (!dtype) return wrong("has the unknown dtype " + shown(text));
    entry_.dtype = *dtype;
    return true;
  }

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::start:
        place_ = Place::top;
        return true;
      case Place::top:
        place_ = is_metadata_ ? Place::metadata : Place::entry;
        fields_.clear();
        num_offsets_ = 0;
        return true;
      default:
        return unexpected("an object");
    }
  }

  bool key(string_t& name) override {
    if (place_ == Place::top) {
      is_metadata_ = name == "__metadata__";
      entry_ = {};
      entry_.name = name;
      if (name.size() > SafetensorsLimits::kNameBytesMax) return wrong("has too long a name");
      if (!names_.insert(name).second) return wrong("appears twice");
      if (names_.size() > SafetensorsLimits::kTensorsMax + 1) return wrong("is one too many");
      return true;
    }
    field_ = name;
    if (!fields_.insert(name).second) return wrong("has the key " + shown(name) + " twice");
    if (place_ == Place::metadata) return true;
    if (name == "dtype" || name == "shape" || name == "data_offsets") return true;
    return wrong("has the unknown key " + shown(name));
  }

  bool end_object() override {
    if (place_ == Place::entry) return finish_entry();
    place_ = place_ == Place::metadata ? Place::top : Place::end;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::entry && field_ == "shape") {
      place_ = Place::shape;
      return true;
    }
    if (place_ == Place::entry && field_ == "data_offsets") {
      place_ = Place::offsets;
      return true;
    }
    return unexpected("an array");
  }

  bool end_array() override {
    place_ = Place::entry;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    // The library's own sentence quotes raw bytes of the file.
    error_ = "the header is not valid JSON at byte " + std::to_string(position + 8);
    return false;
  }

  std::vector<SafetensorsEntry>& entries() { return entries_; }
  const std::string& error() const { return error_; }

 private:
  enum class Place { start, top, entry, shape, offsets, metadata, end };

  bool finish_entry() {
    if (fields_.size() != 3) return wrong("lacks dtype, shape or data_offsets");
    if (num_offsets_ != 2) return wrong("has fewer than two data_offsets");
    entry_.begin = offsets_[0];
    entry_.end = offsets_[1];
    if (entry_.begin > entry_.end) return wrong("ends before it begins");
    entries_.push_back(std::move(entry_));
    place_ = Place::top;
    return true;
  }

  bool wrong(const std::string& what) {
    error_ = "tensor " + shown(entry_.name) + " " + what;
    return false;
  }

  bool unexpected(const std::string& found) {
    switch (place_) {
      case Place::start:
      case Place::end:
        error_ = "the header is " + found + " instead of an object";
        return false;
      case Place::metadata:
        error_ = "__metadata__ has " + found + " under " + shown(field_) + " instead of a string";
        return false;
      case Place::top:
        return wrong("is " + found + " instead of an object");
      default:
        return wrong("has " + found + " under " + shown(field_));
    }
  }

  Place place_ = Place::start;
  bool is_metadata_ = false;
  std::string field_;
  SafetensorsEntry entry_;
  std::array<std::uint64_t, 2> offsets_ = {};
  std::size_t num_offsets_ = 0;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> fields_;
  std::vector<SafetensorsEntry> entries_;
  std::string error_;
};

}  // namespace

Result<std::vector<SafetensorsEntry>> parse_safetensors_header(std::string_view json,
                                                               const std::string& where) {
  const auto invalid = [&](const std::string& what) {
    return fail(ErrorCode::weights_invalid, where + ": " + what + ".");
  };
  // The JSON library would skip a byte order mark and take a NUL for the end of the text.
  const std::size_t start = json.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || json[start] != '{') {
    return invalid("the header does not begin with {");
  }
  if (const auto nul = json.find('\0'); nul != std::string_view::npos) {
    return invalid("the header has a NUL at byte " + std::to_string(nul + 8));
  }
  HeaderHandler handler;
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &handler))
    return invalid(handler.error());
  return std::move(handler.entries());
}

}  // namespace hearth::engine
