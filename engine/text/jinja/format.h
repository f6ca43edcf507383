// Python's two ways to format text: "%s" % value, and "{}".format(value).
#pragma once

#include "engine/text/jinja/value.h"

namespace hearth::engine::jinja {

// format % right, as for a string at the left of %: a tuple gives the arguments, a dict the named
// ones.
Value format_percent(const Value& format, const Value& right, Budget& budget);

// format.format(*positional, **named): {}, {0}, {name}, {a.b}, {a[0]}, !r, !s and a format
// specification.
Value format_braces(const Value& format, const Arguments& arguments, Budget& budget);

}  // namespace hearth::engine::jinja
