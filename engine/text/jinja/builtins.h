// The tables of names that a template may use: filters, tests, functions, methods.
#pragma once

#include <string_view>

#include "engine/text/jinja/value.h"

namespace hearth::engine::jinja {

// As in Python, the value that is filtered or tested is the first positional argument.
using Builtin = Value (*)(Interpreter&, Arguments&);

// Null for a name that Jinja (with transformers' additions) does not have.
Builtin find_filter(std::string_view name);
Builtin find_test(std::string_view name);

// range, dict, namespace, joiner, raise_exception, strftime_now. Null for other names.
Builtin find_function(std::string_view name);

}  // namespace hearth::engine::jinja
