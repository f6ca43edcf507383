// What Python's operators and subscripts do with the values of a template, in transformers'
// sandbox.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/text/jinja/ast.h"
#include "engine/text/jinja/value.h"

namespace hearth::engine::jinja {

Value apply_binary(BinaryOp op, const Value& left, const Value& right, Budget& budget);
Value apply_sign(const Value& operand, bool is_negative);
bool apply_compare(CompareOp op, const Value& left, const Value& right, Budget& budget);
// item in container
bool contains(const Value& container, const Value& item, Budget& budget);

// What a for loop walks over. Takes the rest of a generator. Raises template_type for what has no
// items.
std::vector<Value> iterate(const Value& value, Budget& budget);
// len(value)
std::size_t length_of(const Value& value);

// value.name: an attribute (a method) first, then a key. Undefined when there is neither; an
// undefined that stands for template_security when the sandbox hides it.
Value get_attribute(const Value& value, std::string_view name, Budget& budget);
// value[key]: a key first, then an attribute.
Value get_item(const Value& value, const Value& key, Budget& budget);
// value[start:stop:step]; none stands for an absent part.
Value get_slice(const Value& value, const Value& start, const Value& stop, const Value& step,
                Budget& budget);

// Methods and attributes only: null when the type has no such name.
std::optional<Value> find_attribute(const Value& value, std::string_view name, Budget& budget);

}  // namespace hearth::engine::jinja
