// Methods of strings and containers, as values: what get_attribute finds on a type.
#pragma once

#include <optional>
#include <string_view>

#include "engine/text/jinja/value.h"

namespace hearth::engine::jinja {

using Method = Value (*)(Interpreter&, const Value& self, Arguments&);

// Null for a name that Python's str does not have.
Method find_string_method(std::string_view name);
// Of those, the ones that answer with a number or a truth value.
Method find_string_question(std::string_view name);

// self.name as a value that can be called.
Value bind_method(const Value& self, std::string_view name, Method method);

}  // namespace hearth::engine::jinja
