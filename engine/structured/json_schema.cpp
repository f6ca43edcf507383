#include "engine/structured/json_schema.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/structured/json_grammar.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kCountMax =
    10'000;  // items, characters: more states than that there are not

constexpr std::array kAnnotations = {
    "title",    "description",   "default",         "examples",         "$schema",  "$id",
    "$comment", "$defs",         "definitions",     "deprecated",       "readOnly", "writeOnly",
    "format",   "discriminator", "contentEncoding", "contentMediaType", "strict"};
constexpr std::array kUnderstood = {"type",      "properties",  "required", "additionalProperties",
                                    "items",     "prefixItems", "minItems", "maxItems",
                                    "minLength", "maxLength",   "enum",     "const",
                                    "anyOf",     "oneOf",       "allOf",    "$ref"};

template <class List>
bool is_among(const List& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// What was asked for, on its way into a builder. Stops at the first thing that is wrong.
class SchemaCompiler {
 public:
  explicit SchemaCompiler(GrammarBuilder& builder) : b_(builder), json_(builder) {}

  // A document of its own: references stay inside it.
  void compile(const ordered_json& schema, GrammarState from, GrammarState to) {
    document_ = &schema;
    by_pointer_.clear();
    if (schema.dump(-1, ' ', false, ordered_json::error_handler_t::replace).size() >
        kSchemaBytesMax) {
      return refuse("#", "has more than 32 KiB");
    }
    any_of_types(schema, "#", 0, from, to);
  }
  void any_object(GrammarState from, GrammarState to) { b_.call(from, json_.object(), to); }

  std::optional<Error> problem() const {
    if (problem_) return problem_;
    if (!b_.is_full()) return std::nullopt;
    return Error{ErrorCode::invalid_parameter, "The schema needs more than " +
                                                   std::to_string(Grammar::kStatesMax) +
                                                   " states; ask for shorter lists and texts."};
  }

 private:
  void refuse(const std::string& at, const std::string& what) {
    if (!problem_)
      problem_ = Error{ErrorCode::invalid_parameter, "The schema at " + at + " " + what + "."};
  }
  bool is_over() const { return problem_ || b_.is_full(); }

  void any_of_types(const ordered_json& schema, const std::string& at, std::size_t depth,
                    GrammarState from, GrammarState to);
  void one_type(const std::string& type, const ordered_json& schema, const std::string& at,
                std::size_t depth, GrammarState from, GrammarState to);
  bool combined(const ordered_json& schema, const std::string& at, std::size_t depth,
                GrammarState from, GrammarState to);
  void reference(const std::string& pointer, const std::string& at, std::size_t depth,
                 GrammarState from, GrammarState to);
  void object(const ordered_json& schema, const std::string& at, std::size_t depth,
              GrammarState from, GrammarState to);
  void properties(const ordered_json& schema, const std::string& at, std::size_t depth,
                  GrammarState from, GrammarState to);
  void array(const ordered_json& schema, const std::string& at, std::size_t depth,
             GrammarState from, GrammarState to);
  void string(const ordered_json& schema, const std::string& at, GrammarState from,
              GrammarState to);
  bool check_keywords(const ordered_json& schema, const std::string& at);
  std::int64_t count(const ordered_json& schema, const char* name, std::int64_t otherwise,
                     const std::string& at);
  void pair(const std::string& key, const ordered_json& value, const std::string& at,
            std::size_t depth, GrammarState from, GrammarState to);

  GrammarBuilder& b_;
  JsonGrammar json_;
  const ordered_json* document_ = nullptr;
  std::map<std::string, GrammarRule> by_pointer_;
  std::optional<Error> problem_;
};

bool SchemaCompiler::check_keywords(const ordered_json& schema, const std::string& at) {
  for (const auto& [name, value] : schema.items()) {
    if (is_among(kAnnotations, name) || is_among(kUnderstood, name)) continue;
    refuse(at, "uses " + name.substr(0, 40) + ", which is not supported here");
    return false;
  }
  return true;
}

std::int64_t SchemaCompiler::count(const ordered_json& schema, const char* name,
                                   std::int64_t otherwise, const std::string& at) {
  const auto found = schema.find(name);
  if (found == schema.end()) return otherwise;
  if (found->is_number_integer() && *found >= 0 && *found <= kCountMax)
    return found->get<std::int64_t>();
  refuse(at, std::string("has a ") + name + " that is no whole number from 0 to 10000");
  return otherwise;
}

void SchemaCompiler::any_of_types(const ordered_json& schema, const std::string& at,
                                  std::size_t depth, GrammarState from, GrammarState to) {
  if (is_over()) return;
  if (depth > kSchemaDepthMax) return refuse(at, "is nested deeper than 16");
  if (schema == true) return b_.call(from, json_.value(), to);
  if (!schema.is_object()) return refuse(at, "is no schema");
  if (!check_keywords(schema, at)) return;
  if (combined(schema, at, depth, from, to)) return;
  const auto type = schema.find("type");
  if (type == schema.end()) {
    // Keywords of one kind of value say which is meant.
    const auto has_one = [&](std::initializer_list<const char*> names) {
      return std::any_of(names.begin(), names.end(),
                         [&](const char* name) { return schema.contains(name); });
    };
    if (has_one({"properties", "required", "additionalProperties"}))
      return object(schema, at, depth, from, to);
    if (has_one({"items", "prefixItems", "minItems", "maxItems"}))
      return array(schema, at, depth, from, to);
    if (has_one({"minLength", "maxLength"})) return string(schema, at, from, to);
    return b_.call(from, json_.value(), to);
  }
  if (type->is_string()) return one_type(*type, schema, at, depth, from, to);
  if (!type->is_array() || type->empty()) return refuse(at, "has a type that is no name");
  for (const ordered_json& one : *type) {
    if (!one.is_string()) return refuse(at, "has a type that is no name");
    one_type(one, schema, at, depth, from, to);
  }
}

void SchemaCompiler::one_type(const std::string& type, const ordered_json& schema,
                              const std::string& at, std::size_t depth, GrammarState from,
                              GrammarState to) {
  if (type == "object") return object(schema, at, depth, from, to);
  if (type == "array") return array(schema, at, depth, from, to);
  if (type == "string") return string(schema, at, from, to);
  if (type == "integer") return b_.call(from, json_.integer(), to);
  if (type == "number") return b_.call(from, json_.number(), to);
  if (type == "boolean") return b_.call(from, json_.boolean(), to);
  if (type == "null") return b_.call(from, json_.null(), to);
  refuse(at, "has an unknown type");
}

// const, enum, $ref, anyOf, oneOf, allOf: each stands for the whole schema. True when one is there.
bool SchemaCompiler::combined(const ordered_json& schema, const std::string& at, std::size_t depth,
                              GrammarState from, GrammarState to) {
  const auto literal = [&](const ordered_json& value) {
    b_.text(from, value.dump(-1, ' ', false, ordered_json::error_handler_t::replace), to);
  };
  if (const auto value = schema.find("const"); value != schema.end()) {
    literal(*value);
    return true;
  }
  if (const auto values = schema.find("enum"); values != schema.end()) {
    if (!values->is_array() || values->empty()) refuse(at, "has an enum that is no list");
    if (values->is_array()) {
      for (const ordered_json& value : *values) literal(value);
    }
    return true;
  }
  const char* found = nullptr;
  for (const char* const name : {"$ref", "anyOf", "oneOf", "allOf"}) {
    if (!schema.contains(name)) continue;
    if (found) refuse(at, std::string("has both ") + found + " and " + name);
    found = name;
  }
  if (!found) return false;
  for (const char* const name : {"properties", "items", "prefixItems"}) {
    if (schema.contains(name)) refuse(at, std::string("has both ") + found + " and " + name);
  }
  const ordered_json& value = schema.at(found);
  const std::string place = at + "/" + found;
  if (std::string_view(found) == "$ref") {
    if (value.is_string()) {
      reference(value, at, depth, from, to);
    } else {
      refuse(at, "has a $ref that is no text");
    }
    return true;
  }
  if (!value.is_array() || value.empty()) refuse(place, "is no list of schemas");
  if (std::string_view(found) == "allOf" && value.size() > 1)
    refuse(place, "has more than one schema, which is not supported here");
  for (std::size_t i = 0; i < value.size() && !is_over(); ++i)
    any_of_types(value[i], place + "/" + std::to_string(i), depth + 1, from, to);
  return true;
}

void SchemaCompiler::reference(const std::string& pointer, const std::string& at, std::size_t depth,
                               GrammarState from, GrammarState to) {
  const auto known = by_pointer_.find(pointer);
  if (known != by_pointer_.end()) return b_.call(from, known->second, to);
  const ordered_json* target = nullptr;
  if (pointer == "#") target = document_;
  if (pointer.starts_with("#/")) {
    // A pointer that is malformed throws; it is text of somebody we do not know.
    try {
      const ordered_json::json_pointer path(pointer.substr(1));
      if (document_->contains(path)) target = &document_->at(path);
    } catch (const ordered_json::exception&) {
      target = nullptr;
    }
  }
  if (!target) return refuse(at, "has a $ref to nothing in it");
  const GrammarRule rule = b_.rule();
  if (is_over()) return;
  by_pointer_.emplace(pointer, rule);
  any_of_types(*target, pointer, depth + 1, b_.ends(rule).begin, b_.ends(rule).end);
  b_.call(from, rule, to);
}

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

}  // namespace

Result<std::shared_ptr<const Grammar>> compile_framed_schemas(
    const std::vector<FramedSchema>& alternatives) {
  GrammarBuilder builder;
  SchemaCompiler compiler(builder);
  const GrammarRule root = builder.rule();
  for (const FramedSchema& one : alternatives) {
    const GrammarState begin = builder.state();
    const GrammarState end = builder.state();
    builder.text(builder.ends(root).begin, one.before, begin);
    compiler.compile(one.schema, begin, end);
    builder.text(end, one.behind, builder.ends(root).end);
    if (const auto problem = compiler.problem()) return tl::unexpected(*problem);
  }
  return std::make_shared<const Grammar>(builder.take(root));
}

Result<std::shared_ptr<const Grammar>> compile_json_schema(const ordered_json& schema) {
  return compile_framed_schemas({{"", schema, ""}});
}

std::shared_ptr<const Grammar> json_object_grammar() {
  GrammarBuilder builder;
  SchemaCompiler compiler(builder);
  const GrammarRule root = builder.rule();
  compiler.any_object(builder.ends(root).begin, builder.ends(root).end);
  return std::make_shared<const Grammar>(builder.take(root));
}

}  // namespace hearth::engine
