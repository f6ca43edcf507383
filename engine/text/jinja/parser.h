// Template source → syntax tree.
#pragma once

#include <string_view>

#include "engine/text/jinja/ast.h"
#include "engine/text/jinja/limits.h"

namespace hearth::engine::jinja {

// Raises template_syntax and template_limit. Refused, because no chat template needs them: include,
// import, extends, block, autoescape and recursive loops.
Body parse_template(std::string_view source, const Limits& limits);

}  // namespace hearth::engine::jinja
