// The part of SchemaCompiler that knows what objects, arrays and strings look like.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/structured/schema_compiler.h"

namespace hearth::engine {

using nlohmann::ordered_json;

void SchemaCompiler::string(const ordered_json& schema, const std::string& at, GrammarState from,
                            GrammarState to) {
  const std::int64_t least = count(schema, "minLength", 0, at);
  const std::int64_t most = count(schema, "maxLength", -1, at);
  if (least == 0 && most < 0) return b_.call(from, json_.string(), to);
  if (most >= 0 && most < least) return refuse(at, "has a maxLength below its minLength");
  GrammarState here = b_.state();
  b_.byte(from, '"', '"', here);
  const std::int64_t steps = std::max(least, most);
  for (std::int64_t i = 0; i < steps && !is_over(); ++i) {
    if (i >= least) b_.byte(here, '"', '"', to);
    const GrammarState next = b_.state();
    b_.call(here, json_.character(), next);
    here = next;
  }
  if (most < 0) b_.call(here, json_.character(), here);
  b_.byte(here, '"', '"', to);
}

void SchemaCompiler::object(const ordered_json& schema, const std::string& at, std::size_t depth,
                            GrammarState from, GrammarState to) {
  const auto known = schema.find("properties");
  const bool has_properties = known != schema.end() && !known->empty();
  if (known != schema.end() && !known->is_object())
    return refuse(at, "has properties that are none");
  const auto required = schema.find("required");
  if (required != schema.end()) {
    if (!required->is_array()) return refuse(at, "has a required that is no list");
    for (const ordered_json& name : *required) {
      if (!name.is_string()) return refuse(at, "has a required that is no list of names");
      if (known == schema.end() || !known->contains(name.get<std::string>()))
        return refuse(at, "requires a property that it does not describe");
    }
  }
  if (has_properties) return properties(schema, at, depth, from, to);
  const auto others = schema.find("additionalProperties");
  if (known != schema.end() && others == schema.end()) return b_.text(from, "{}", to);
  if (others == schema.end() || *others == true) return b_.call(from, json_.object(), to);
  if (*others == false) return b_.text(from, "{}", to);
  const GrammarRule value = b_.rule();
  if (is_over()) return;
  any_of_types(*others, at + "/additionalProperties", depth + 1, b_.ends(value).begin,
               b_.ends(value).end);
  json_.map(from, value, to);
}

void SchemaCompiler::pair(const std::string& key, const ordered_json& value, const std::string& at,
                          std::size_t depth, GrammarState from, GrammarState to) {
  const GrammarState colon = b_.state();
  const GrammarState spaced = b_.state();
  b_.text(from,
          ordered_json(key).dump(-1, ' ', false, ordered_json::error_handler_t::replace) + ":",
          colon);
  b_.call(colon, json_.space(), spaced);
  any_of_types(value, at, depth + 1, spaced, to);
}

// In the schema's order. Two rows of states: nothing written yet, and something written, where a
// comma comes first. A property that is not required can be passed by.
void SchemaCompiler::properties(const ordered_json& schema, const std::string& at,
                                std::size_t depth, GrammarState from, GrammarState to) {
  const auto required = schema.find("required");
  const auto is_required = [&](const std::string& name) {
    return required != schema.end() &&
           std::find(required->begin(), required->end(), name) != required->end();
  };
  const GrammarState open = b_.state();
  GrammarState none = b_.state();
  GrammarState some = b_.state();
  b_.byte(from, '{', '{', open);
  b_.call(open, json_.space(), none);
  for (const auto& [name, value] : schema["properties"].items()) {
    if (is_over()) return;
    const GrammarState next_none = b_.state();
    const GrammarState next_some = b_.state();
    const GrammarState key = b_.state();
    const GrammarState comma = b_.state();
    b_.free(none, key);
    b_.byte(some, ',', ',', comma);
    b_.call(comma, json_.space(), key);
    pair(name, value, at + "/properties/" + name.substr(0, 64), depth, key, next_some);
    if (!is_required(name)) {
      b_.free(none, next_none);
      b_.free(some, next_some);
    }
    none = next_none;
    some = next_some;
  }
  const GrammarState close = b_.state();
  b_.byte(none, '}', '}', to);
  b_.call(some, json_.space(), close);
  b_.byte(close, '}', '}', to);
}

void SchemaCompiler::array(const ordered_json& schema, const std::string& at, std::size_t depth,
                           GrammarState from, GrammarState to) {
  static const ordered_json kAnything = true;
  const auto prefix = schema.find("prefixItems");
  const auto items = schema.find("items");
  if (prefix != schema.end() && !prefix->is_array())
    return refuse(at, "has prefixItems that are no list");
  const std::size_t num_prefix = prefix == schema.end() ? 0 : prefix->size();
  const bool has_rest = items == schema.end() ? num_prefix == 0 : *items != false;
  const std::int64_t least = count(schema, "minItems", 0, at);
  std::int64_t most = count(schema, "maxItems", -1, at);
  if (!has_rest)
    most = most < 0 ? static_cast<std::int64_t>(num_prefix)
                    : std::min(most, static_cast<std::int64_t>(num_prefix));
  if (most >= 0 && most < least) return refuse(at, "allows fewer items than it demands");

  std::optional<GrammarRule> rest;
  const auto rule_of_rest = [&] {
    if (!rest) {
      rest = b_.rule();
      if (!is_over())
        any_of_types(items == schema.end() ? kAnything : *items, at + "/items", depth + 1,
                     b_.ends(*rest).begin, b_.ends(*rest).end);
    }
    return *rest;
  };
  const GrammarState open = b_.state();
  GrammarState here = b_.state();  // between the bracket and the first item
  b_.byte(from, '[', '[', open);
  b_.call(open, json_.space(), here);
  if (least == 0) b_.byte(here, ']', ']', to);
  const std::int64_t steps =
      std::max({least, most, static_cast<std::int64_t>(num_prefix), std::int64_t{1}});
  for (std::int64_t i = 0; i < steps && (most < 0 || i < most) && !is_over(); ++i) {
    const GrammarState after = b_.state();
    if (std::cmp_less(i, num_prefix)) {
      any_of_types((*prefix)[static_cast<std::size_t>(i)], at + "/prefixItems/" + std::to_string(i),
                   depth + 1, here, after);
    } else {
      b_.call(here, rule_of_rest(), after);
    }
    if (i + 1 >= least) {
      const GrammarState close = b_.state();
      b_.call(after, json_.space(), close);
      b_.byte(close, ']', ']', to);
    }
    if (i + 1 == most) return;
    const GrammarState comma = b_.state();
    here = b_.state();
    b_.byte(after, ',', ',', comma);
    b_.call(comma, json_.space(), here);
  }
  if (most >= 0 || is_over()) return;
  const GrammarState after = b_.state();
  const GrammarState close = b_.state();
  const GrammarState comma = b_.state();
  b_.call(here, rule_of_rest(), after);
  b_.call(after, json_.space(), close);
  b_.byte(close, ']', ']', to);
  b_.byte(after, ',', ',', comma);
  b_.call(comma, json_.space(), here);
}

}  // namespace hearth::engine
