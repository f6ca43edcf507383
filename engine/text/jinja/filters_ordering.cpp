// Filters that compare items: sort, unique, min, max, groupby, dictsort, sum.
#include <algorithm>
#include <string>

#include "engine/text/jinja/arguments.h"
#include "engine/text/jinja/builtin_tables.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

Value without_case(const Value& value, bool case_sensitive, Budget& budget) {
  return case_sensitive || !value.text() ? value : make_text(to_lower(*value.text(), budget));
}

using Keyed = std::pair<Value, Value>;  // key, item

// Stable, as Python's sorted; reverse keeps equal items in their order too.
std::vector<Value> sorted_items(std::vector<Keyed> keyed, bool reverse, Budget& budget) {
  std::size_t weight = 0;
  for (const Keyed& item : keyed) weight += weight_of(item.first);
  budget.step(4 * weight);
  if (reverse) std::reverse(keyed.begin(), keyed.end());
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const Keyed& a, const Keyed& b) { return less(a.first, b.first); });
  if (reverse) std::reverse(keyed.begin(), keyed.end());
  std::vector<Value> items;
  for (Keyed& item : keyed) items.push_back(std::move(item.second));
  return items;
}

// The key of `sort`: one entry per attribute of "a,b.c".
Value sort_key(const Value& item, const Value& attribute, bool case_sensitive, Budget& budget) {
  std::vector<Value> parts;
  if (!attribute.text()) {
    parts.push_back(without_case(read_attribute(item, attribute, budget), case_sensitive, budget));
  } else {
    for (const MarkedText& part : split(*attribute.text(), ",", -1, budget)) {
      parts.push_back(
          without_case(read_attribute(item, make_text(part), budget), case_sensitive, budget));
    }
  }
  return make_sequence(SequenceKind::list, std::move(parts), budget);
}

Value sort(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("sort", arguments, {"value", "reverse", "case_sensitive", "attribute"},
                             1);
  Budget& budget = interpreter.budget();
  const Value attribute = bound.has(3) ? bound[3] : Value{};
  std::vector<Keyed> keyed;
  for (Value& item : iterate(bound[0], budget)) {
    Value key = sort_key(item, attribute, bound.flag(2, false), budget);
    keyed.emplace_back(std::move(key), std::move(item));
  }
  return make_sequence(SequenceKind::list,
                       sorted_items(std::move(keyed), bound.flag(1, false), budget), budget);
}

Value dictsort(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("dictsort", arguments, {"value", "case_sensitive", "by", "reverse"},
                             1);
  Budget& budget = interpreter.budget();
  const auto by = bound.optional_text(2).value_or("key");
  if (by != "key" && by != "value")
    raise_runtime("dictsort can only sort by either \"key\" or \"value\".");
  if (const auto* undefined = bound[0].object<const Undefined>()) raise_undefined(*undefined);
  const auto* dict = bound[0].object<const Dict>();
  if (dict == nullptr)
    raise_value("dictsort needs a mapping, got " + std::string(type_name(bound[0])) + ".");
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : dict->entries()) {
    keyed.emplace_back(without_case(by == "key" ? key : value, bound.flag(1, false), budget),
                       make_sequence(SequenceKind::tuple, {key, value}, budget));
  }
  return make_sequence(SequenceKind::list,
                       sorted_items(std::move(keyed), bound.flag(3, false), budget), budget);
}

Value unique(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("unique", arguments, {"value", "case_sensitive", "attribute"}, 1);
  Budget& budget = interpreter.budget();
  const Value attribute = bound.has(2) ? bound[2] : Value{};
  return make_generator("sync_do_unique", budget, [&](std::vector<Value>& kept) {
    Dict seen;
    for (Value& item : iterate(bound[0], budget)) {
      const Value key =
          without_case(read_attribute(item, attribute, budget), bound.flag(1, false), budget);
      budget.step(weight_of(key));
      if (seen.find(key) != nullptr) continue;
      seen.set(key, {});
      kept.push_back(std::move(item));
    }
  });
}

template <bool kIsMax>
Value extreme(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound(kIsMax ? "max" : "min", arguments,
                             {"value", "case_sensitive", "attribute"}, 1);
  Budget& budget = interpreter.budget();
  const Value attribute = bound.has(2) ? bound[2] : Value{};
  const std::vector<Value> items = iterate(bound[0], budget);
  if (items.empty()) return make_undefined("No aggregated item, sequence was empty.");
  const Value* best = nullptr;
  Value best_key;
  for (const Value& item : items) {
    Value key = without_case(read_attribute(item, attribute, budget), bound.flag(1, false), budget);
    budget.step(weight_of(key));
    if (best != nullptr && !(kIsMax ? less(best_key, key) : less(key, best_key))) continue;
    best = &item;
    best_key = std::move(key);
  }
  return *best;
}

Value groupby(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("groupby", arguments,
                             {"value", "attribute", "default", "case_sensitive"}, 2);
  Budget& budget = interpreter.budget();
  const Value* otherwise = bound.has(2) ? &bound[2] : nullptr;
  const bool case_sensitive = bound.flag(3, false);
  const auto key_of = [&](const Value& item) {
    return without_case(read_attribute(item, bound[1], budget, otherwise), case_sensitive, budget);
  };
  std::vector<Keyed> keyed;
  for (Value& item : iterate(bound[0], budget)) {
    Value key = key_of(item);
    keyed.emplace_back(std::move(key), std::move(item));
  }
  const std::vector<Value> items = sorted_items(std::move(keyed), false, budget);
  std::vector<Value> groups;
  for (std::size_t at = 0; at < items.size();) {
    const Value key = key_of(items[at]);
    std::vector<Value> members;
    const Value shown = read_attribute(items[at], bound[1], budget, otherwise);
    while (at < items.size() && equals(key_of(items[at]), key)) members.push_back(items[at++]);
    if (members.empty())
      members.push_back(items[at++]);  // a key that equals nothing, not even itself
    Value list = make_sequence(SequenceKind::list, std::move(members), budget);
    groups.push_back(make_sequence(SequenceKind::group, {shown, std::move(list)}, budget));
  }
  return make_sequence(SequenceKind::list, std::move(groups), budget);
}

Value sum(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("sum", arguments, {"iterable", "attribute", "start"}, 1);
  Budget& budget = interpreter.budget();
  const Value attribute = bound.has(1) ? bound[1] : Value{};
  Value total = bound.has(2) ? bound[2] : make_int(0);
  if (total.text()) raise_type("sum() can't sum strings.");
  for (const Value& item : iterate(bound[0], budget)) {
    total = apply_binary(BinaryOp::add, total, read_attribute(item, attribute, budget), budget);
  }
  return total;
}

constexpr NamedBuiltin kFilters[] = {
    {"sort", sort},         {"dictsort", dictsort}, {"unique", unique}, {"min", extreme<false>},
    {"max", extreme<true>}, {"groupby", groupby},   {"sum", sum},
};

}  // namespace

std::span<const NamedBuiltin> ordering_filters() { return kFilters; }

}  // namespace hearth::engine::jinja
