// The parts of the tables in builtins.h, each in its own source file.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/limits.h"
#include "engine/text/jinja/value.h"

namespace hearth::engine::jinja {

using NamedBuiltin = std::pair<std::string_view, Builtin>;

std::span<const NamedBuiltin> text_filters();      // upper, trim, replace, indent, …
std::span<const NamedBuiltin> markup_filters();    // safe, escape, striptags, urlencode, …
std::span<const NamedBuiltin> list_filters();      // first, join, batch, reverse, …
std::span<const NamedBuiltin> ordering_filters();  // sort, unique, min, groupby, dictsort, …
std::span<const NamedBuiltin> choosing_filters();  // map, select, reject, …
std::span<const NamedBuiltin> value_filters();     // default, int, round, tojson, …

// str(value), markup kept.
Str soft_text(const Value& value, Budget& budget);

// A generator: walks once, is always true, and has no length. fill makes the items at once, but as
// in Python an error in it (limits apart) waits until somebody walks that far: `x | map(…)` alone
// never fails.
Value make_generator(std::string_view name, const Budget& budget,
                     const std::function<void(std::vector<Value>&)>& fill);

// What a filter's `attribute` argument reads: "a.b.0" step by step, by get_item. none gives the
// item itself.
Value read_attribute(const Value& item, const Value& attribute, Budget& budget,
                     const Value* otherwise = nullptr);

}  // namespace hearth::engine::jinja
