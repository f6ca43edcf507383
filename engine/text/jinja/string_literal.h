// The inside of a quoted string in a template: Python's escapes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hearth::engine::jinja {

// nullopt for an escape that Python refuses ("\x4", "\u12", a lone backslash at the end). Unknown
// escapes stay as they are.
std::optional<std::string> unescape_string_literal(std::string_view inside);

}  // namespace hearth::engine::jinja
