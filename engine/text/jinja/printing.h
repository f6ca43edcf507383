// str() and repr(), and transformers' tojson.
#pragma once

#include <optional>
#include <string>

#include "engine/text/jinja/limits.h"
#include "engine/text/jinja/value.h"
#include "engine/text/marked_text.h"

namespace hearth::engine::jinja {

// What {{ value }} prints: Python's str(). Brackets and commas of a container take the container's
// origin.
MarkedText show(const Value& value, Budget& budget);
// Python's repr(): strings quoted and escaped.
MarkedText represent(const Value& value, Budget& budget);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  // one level of it
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

// Python's json.dumps. Raises template_type for what JSON cannot say (undefined, generators,
// functions).
MarkedText to_json_text(const Value& value, const JsonStyle& style, Budget& budget);

}  // namespace hearth::engine::jinja
