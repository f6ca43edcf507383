// Numbers to and from text, as Python writes and reads them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/text/jinja/value.h"

namespace hearth::engine::jinja {

std::string show_int(Int value);
// The shortest digits that read back as the same number: "0.1", "1e+16", "inf".
std::string show_float(double value);

// int(text, base): white space, a sign and single underscores are allowed; base 0 reads prefixes.
// Raises template_limit for a number past Int.
std::optional<Int> parse_int(std::string_view text, int base = 10);
// float(text): also "inf" and "nan".
std::optional<double> parse_float(std::string_view text);

// Arithmetic that raises template_limit on overflow.
Int checked_add(Int a, Int b);
Int checked_subtract(Int a, Int b);
Int checked_multiply(Int a, Int b);
// The integer part. Raises template_value for infinities and NaN.
Int truncate_to_int(double value);

}  // namespace hearth::engine::jinja
