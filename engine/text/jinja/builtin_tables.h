// The parts of the tables in builtins.h, each in its own source file.
#pragma once

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

// A generator: walks once, is always true, and has no length.
Value make_generator(std::string_view name, std::vector<Value> items, const Budget& budget);

// What a filter's `attribute` argument reads: "a.b.0" step by step, by get_item. none gives the
// item itself.
Value read_attribute(const Value& item, const Value& attribute, Budget& budget,
                     const Value* otherwise = nullptr);

}  // namespace hearth::engine::jinja
