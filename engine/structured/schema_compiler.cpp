#include "engine/structured/schema_compiler.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>

#include "engine/structured/json_schema.h"

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

}  // namespace

void SchemaCompiler::compile(const ordered_json& schema, GrammarState from, GrammarState to) {
  document_ = &schema;
  by_pointer_.clear();
  if (schema.dump(-1, ' ', false, ordered_json::error_handler_t::replace).size() > kSchemaBytesMax)
    return refuse("#", "has more than 32 KiB");
  any_of_types(schema, "#", 0, from, to);
}

std::optional<Error> SchemaCompiler::problem() const {
  if (problem_) return problem_;
  if (!b_.is_full()) return std::nullopt;
  return Error{ErrorCode::invalid_parameter, "The schema needs more than " +
                                                 std::to_string(Grammar::kStatesMax) +
                                                 " states; ask for shorter lists and texts."};
}

void SchemaCompiler::refuse(const std::string& at, const std::string& what) {
  if (!problem_)
    problem_ = Error{ErrorCode::invalid_parameter, "The schema at " + at + " " + what + "."};
}

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

}  // namespace hearth::engine
