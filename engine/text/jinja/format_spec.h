// One conversion of either way of formatting: "%-08.3f" or "{:>+8.3f}".
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/text/jinja/limits.h"
#include "engine/text/jinja/value.h"
#include "engine/text/marked_text.h"

namespace hearth::engine::jinja {

constexpr long kFormatWidthMax = 4096;

struct FormatSpec {
  MarkedText fill{" ", Origin::from_template};
  char align = '\0';  // '<', '>', '^', '=' or none
  char sign = '-';
  bool alternate = false;
  bool grouped = false;
  long width = 0;
  long precision = -1;
  char type = '\0';
};

// Raises template_limit: a width or precision past kFormatWidthMax.
[[noreturn]] void raise_too_wide();

// The digits at `at`; moves past them.
long read_format_number(std::string_view text, std::size_t& at);

// value is a bool, int or float.
MarkedText format_number(const Value& value, const FormatSpec& spec, Budget& budget);
MarkedText format_text(const MarkedText& text, const FormatSpec& spec, char default_align,
                       Budget& budget);

}  // namespace hearth::engine::jinja
