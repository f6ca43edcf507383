// Filters over lists that keep the items' order, and lookup of all filters.
#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>

#include "engine/text/jinja/arguments.h"
#include "engine/text/jinja/builtin_tables.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/numbers.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/printing.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

Value length(Interpreter&, Arguments& arguments) {
  const BoundArguments bound("length", arguments, {"obj"}, 1);
  return make_int(static_cast<Int>(length_of(bound[0])));
}

Value list(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("list", arguments, {"value"}, 1);
  Value result = make_sequence(SequenceKind::list, iterate(bound[0], interpreter.budget()),
                               interpreter.budget());
  result.origin = bound[0].origin;
  return result;
}

bool is_generator(const Value& value) {
  const auto* sequence = value.object<Sequence>();
  return sequence != nullptr && sequence->kind == SequenceKind::generator;
}

Value first(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("first", arguments, {"seq"}, 1);
  auto* sequence = bound[0].object<Sequence>();
  if (sequence && sequence->kind == SequenceKind::generator &&
      sequence->next < sequence->items.size()) {
    return sequence->items[sequence->next++];
  }
  std::vector<Value> items = iterate(bound[0], interpreter.budget());
  return items.empty() ? make_undefined("No first item, sequence was empty.") : items.front();
}

Value last(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("last", arguments, {"seq"}, 1);
  if (is_generator(bound[0])) raise_type("'generator' object is not reversible.");
  std::vector<Value> items = iterate(bound[0], interpreter.budget());
  return items.empty() ? make_undefined("No last item, sequence was empty.") : items.back();
}

Value reverse(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("reverse", arguments, {"value"}, 1);
  Budget& budget = interpreter.budget();
  if (bound[0].text()) return get_slice(bound[0], {}, {}, make_int(-1), budget);
  const auto* sequence = bound[0].object<Sequence>();
  if (sequence == nullptr && !bound[0].object<const Dict>() && !bound[0].is_undefined()) {
    raise_runtime("reverse: the argument must be iterable.");
  }
  std::vector<Value> items = iterate(bound[0], budget);
  std::reverse(items.begin(), items.end());
  if (is_generator(bound[0])) return make_sequence(SequenceKind::list, std::move(items), budget);
  return make_generator("reversed", budget,
                        [&](std::vector<Value>& out) { out = std::move(items); });
}

Value join_filter(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("join", arguments, {"value", "d", "attribute"}, 1);
  Budget& budget = interpreter.budget();
  const MarkedText separator = bound.has(1) ? show(bound[1], budget) : MarkedText();
  const Value attribute = bound.has(2) ? bound[2] : Value{};
  TextBuilder result(budget);
  bool is_first = true;
  for (const Value& item : iterate(bound[0], budget)) {
    if (!is_first) result.add(separator);
    is_first = false;
    result.add(show(read_attribute(item, attribute, budget), budget));
  }
  return make_text(result.take());
}

std::size_t group_size(const BoundArguments& bound) {
  const long size = bound.small(1, 0);
  if (size <= 0) raise_value("the number of groups must be positive.");
  return static_cast<std::size_t>(size);
}

Value batch(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("batch", arguments, {"value", "linecount", "fill_with"}, 2);
  Budget& budget = interpreter.budget();
  return make_generator("do_batch", budget, [&](std::vector<Value>& groups) {
    const std::size_t size = group_size(bound);
    const std::vector<Value> items = iterate(bound[0], budget);
    for (std::size_t at = 0; at < items.size(); at += std::min(size, items.size())) {
      const std::size_t end = at + std::min(size, items.size() - at);
      std::vector<Value> group(items.begin() + static_cast<std::ptrdiff_t>(at),
                               items.begin() + static_cast<std::ptrdiff_t>(end));
      if (!bound.is_none(2) && group.size() < size) {
        budget.make_items(size);
        group.resize(size, bound[2]);
      }
      groups.push_back(make_sequence(SequenceKind::list, std::move(group), budget));
    }
  });
}

Value slice(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("slice", arguments, {"value", "slices", "fill_with"}, 2);
  Budget& budget = interpreter.budget();
  return make_generator("sync_do_slice", budget, [&](std::vector<Value>& slices) {
    const std::vector<Value> items = iterate(bound[0], budget);
    const std::size_t count = group_size(bound);
    budget.make_items(count);
    const std::size_t per_slice = items.size() / count;
    const std::size_t num_larger = items.size() % count;
    auto at = items.begin();
    for (std::size_t i = 0; i < count; ++i) {
      const auto end = at + static_cast<std::ptrdiff_t>(per_slice + (i < num_larger ? 1 : 0));
      std::vector<Value> group(at, end);
      if (!bound.is_none(2) && i >= num_larger) group.push_back(bound[2]);
      slices.push_back(make_sequence(SequenceKind::list, std::move(group), budget));
      at = end;
    }
  });
}

Value items_filter(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("items", arguments, {"value"}, 1);
  Budget& budget = interpreter.budget();
  return make_generator("do_items", budget, [&](std::vector<Value>& items) {
    if (bound[0].is_undefined()) return;
    const auto* dict = bound[0].object<const Dict>();
    if (dict == nullptr) raise_type("Can only get item pairs from a mapping.");
    for (const auto& [key, value] : dict->entries()) {
      items.push_back(make_sequence(SequenceKind::tuple, {key, value}, budget));
    }
  });
}

constexpr NamedBuiltin kFilters[] = {
    {"length", length}, {"count", length},       {"list", list},       {"first", first},
    {"last", last},     {"join", join_filter},   {"reverse", reverse}, {"batch", batch},
    {"slice", slice},   {"items", items_filter},
};

std::unordered_map<std::string_view, Builtin> all_filters() {
  std::unordered_map<std::string_view, Builtin> filters;
  for (const auto part : {text_filters(), markup_filters(), list_filters(), ordering_filters(),
                          choosing_filters(), value_filters()}) {
    filters.insert(part.begin(), part.end());
  }
  return filters;
}

}  // namespace

std::span<const NamedBuiltin> list_filters() { return kFilters; }

Builtin find_filter(std::string_view name) {
  static const auto kAll = all_filters();
  const auto found = kAll.find(name);
  return found == kAll.end() ? nullptr : found->second;
}

Value make_generator(std::string_view name, const Budget& budget,
                     const std::function<void(std::vector<Value>&)>& fill) {
  std::vector<Value> items;
  std::optional<Error> failure;
  try {
    fill(items);
  } catch (Failure& raised) {
    if (raised.error.code == ErrorCode::template_limit) throw;
    failure = std::move(raised.error);
  }
  std::string shown = "<generator object " + std::string(name) + " at 0x7f0000000000>";
  Value generator =
      make_sequence(SequenceKind::generator, std::move(items), budget, std::move(shown));
  generator.object<Sequence>()->failure = std::move(failure);
  return generator;
}

Value read_attribute(const Value& item, const Value& attribute, Budget& budget,
                     const Value* otherwise) {
  if (attribute.is_none()) return item;
  const auto read = [&](const Value& from, const Value& key) {
    Value found = get_item(from, key, budget);
    return found.is_undefined() && otherwise != nullptr && !otherwise->is_none() ? *otherwise
                                                                                 : found;
  };
  if (!attribute.text()) return read(item, attribute);
  Value value = item;
  const std::string& path = attribute.text()->text();
  for (std::size_t begin = 0; begin <= path.size();) {
    budget.step();
    const std::size_t end = std::min(path.find('.', begin), path.size());
    const std::string part = path.substr(begin, end - begin);
    const bool is_index =
        !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
    value = read(value, is_index ? make_int(parse_int(part).value_or(0)) : make_text(part));
    begin = end + 1;
  }
  return value;
}

}  // namespace hearth::engine::jinja
