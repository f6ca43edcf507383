// The half of operators.h that looks into values: attributes, items and slices.
#include <algorithm>
#include <array>
#include <string>

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/printing.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

Value hidden_attribute(const Value& value, std::string_view name) {
  return make_undefined("access to attribute '" + std::string(name) + "' of '" +
                            std::string(type_name(value)) + "' object is unsafe.",
                        ErrorCode::template_security);
}

Value missing_attribute(const Value& value, const Value& name, Budget& budget) {
  const std::string owner = value.is_none() ? "None" : std::string(type_name(value)) + " object";
  if (name.text())
    return make_undefined("'" + owner + "' has no attribute '" + name.text()->text() + "'.");
  return make_undefined(owner + " has no element " + represent(name, budget).text() + ".");
}

// Every Python object has some of these; the sandbox shows none.
bool is_hidden_name(std::string_view name) {
  static constexpr std::array<std::string_view, 27> kNames = {
      "__class__",        "__doc__",          "__init__",      "__new__",    "__repr__",
      "__str__",          "__eq__",           "__ne__",        "__lt__",     "__le__",
      "__gt__",           "__ge__",           "__hash__",      "__dir__",    "__format__",
      "__len__",          "__getitem__",      "__contains__",  "__iter__",   "__setattr__",
      "__delattr__",      "__reduce__",       "__reduce_ex__", "__sizeof__", "__getattribute__",
      "__subclasshook__", "__init_subclass__"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// The index that Python means, or nullopt when there is no such item.
std::optional<std::size_t> resolve_index(Int index, std::size_t size) {
  if (index < 0) index += static_cast<Int>(size);
  if (index < 0 || index >= static_cast<Int>(size)) return std::nullopt;
  return static_cast<std::size_t>(index);
}

// value[key] itself, without attributes; nullopt where Python raises a LookupError or TypeError.
std::optional<Value> find_item(const Value& value, const Value& key, Budget& budget) {
  if (const auto* dict = value.object<const Dict>()) {
    if (key.object<Sequence>() && key.object<Sequence>()->kind == SequenceKind::list)
      return std::nullopt;
    if (key.object<const Dict>()) return std::nullopt;
    budget.step(weight_of(key));
    const Value* found = dict->find(key);
    return found ? std::optional<Value>(*found) : std::nullopt;
  }
  const auto index = integer_of(key);
  if (!index) return std::nullopt;
  if (const Str* str = value.object<const Str>()) {
    budget.step(weight_of(value));
    const auto at = resolve_index(*index, count_chars(str->text.text()));
    return at ? std::optional<Value>(
                    make_text(slice_chars(str->text, *at, *at + 1), str->is_markup))
              : std::nullopt;
  }
  const auto* sequence = value.object<Sequence>();
  const bool has_items =
      sequence != nullptr &&
      (sequence->kind == SequenceKind::list || sequence->kind == SequenceKind::tuple ||
       sequence->kind == SequenceKind::group || sequence->kind == SequenceKind::range ||
       sequence->kind == SequenceKind::bytes);
  if (!has_items) return std::nullopt;
  const auto at = resolve_index(*index, sequence->items.size());
  return at ? std::optional<Value>(sequence->items[*at]) : std::nullopt;
}

// One bound of a slice over `size` items, as CPython's PySlice_AdjustIndices clips it.
Int clip_bound(const Value& bound, Int otherwise, Int size, bool is_backward) {
  if (bound.is_none()) return otherwise;
  const auto given = integer_of(bound);
  if (!given) raise_type("slice indices must be integers or None.");
  Int index = *given;
  if (index < 0) index += size;
  if (index < 0) return is_backward ? -1 : 0;
  if (index >= size) return is_backward ? size - 1 : size;
  return index;
}

// The indexes that start:stop:step selects among `size` items.
std::vector<std::size_t> slice_indexes(const Value& start, const Value& stop, const Value& step,
                                       std::size_t size) {
  const Int length = static_cast<Int>(size);
  const Int stride = step.is_none() ? 1 : integer_of(step).value_or(0);
  if (stride == 0) {
    if (!integer_of(step)) raise_type("slice indices must be integers or None.");
    raise_value("slice step cannot be zero.");
  }
  const bool is_backward = stride < 0;
  const Int first = clip_bound(start, is_backward ? length - 1 : 0, length, is_backward);
  const Int last = clip_bound(stop, is_backward ? -1 : length, length, is_backward);
  std::vector<std::size_t> indexes;
  const Int clipped = std::clamp<Int>(stride, -length - 1, length + 1);
  for (Int i = first; is_backward ? i > last : i < last; i += clipped)
    indexes.push_back(static_cast<std::size_t>(i));
  return indexes;
}

Value slice_text(const Str& str, const Value& start, const Value& stop, const Value& step,
                 Budget& budget) {
  const std::string_view bytes = str.text.text();
  budget.make_text(bytes.size());
  const std::size_t size = count_chars(bytes);
  const auto stride = integer_of(step);
  if (step.is_none() || (stride && *stride == 1)) {
    const Int length = static_cast<Int>(size);
    const Int first = clip_bound(start, 0, length, false);
    const Int last = clip_bound(stop, length, length, false);
    if (first >= last) return make_text(MarkedText(), str.is_markup);
    return make_text(
        slice_chars(str.text, static_cast<std::size_t>(first), static_cast<std::size_t>(last)),
        str.is_markup);
  }
  struct Char {
    std::size_t at;
    std::size_t bytes;
    Origin origin;
  };
  std::vector<Char> chars;
  for_each_char(str.text, [&](CodePoint point, std::size_t at, Origin origin) {
    chars.push_back({at, point.bytes, origin});
  });
  TextBuilder result(budget);
  for (const std::size_t i : slice_indexes(start, stop, step, size)) {
    result.add(bytes.substr(chars[i].at, chars[i].bytes), chars[i].origin);
  }
  return make_text(result.take(), str.is_markup);
}

}  // namespace

Value get_attribute(const Value& value, std::string_view name, Budget& budget) {
  if (const auto* undefined = value.object<const Undefined>()) {
    if (is_hidden_name(name)) return hidden_attribute(value, name);
    raise_undefined(*undefined);
  }
  if (const auto attribute = find_attribute(value, name, budget)) return *attribute;
  if (is_hidden_name(name)) return hidden_attribute(value, name);
  const Value key = make_text(name);
  if (const auto item = find_item(value, key, budget)) return *item;
  return missing_attribute(value, key, budget);
}

Value get_item(const Value& value, const Value& key, Budget& budget) {
  if (const auto* undefined = value.object<const Undefined>()) raise_undefined(*undefined);
  if (const auto item = find_item(value, key, budget)) return *item;
  if (const MarkedText* name = key.text()) {
    if (const auto attribute = find_attribute(value, name->text(), budget)) return *attribute;
    if (is_hidden_name(name->text())) return hidden_attribute(value, name->text());
  }
  return missing_attribute(value, key, budget);
}

Value get_slice(const Value& value, const Value& start, const Value& stop, const Value& step,
                Budget& budget) {
  if (const auto* undefined = value.object<const Undefined>()) raise_undefined(*undefined);
  if (const Str* str = value.object<const Str>())
    return slice_text(*str, start, stop, step, budget);
  const auto* sequence = value.object<Sequence>();
  const bool can_slice = sequence != nullptr && sequence->kind != SequenceKind::generator &&
                         sequence->kind != SequenceKind::keys &&
                         sequence->kind != SequenceKind::values &&
                         sequence->kind != SequenceKind::items;
  if (!can_slice) raise_type("'" + std::string(type_name(value)) + "' object cannot be sliced.");
  std::vector<Value> items;
  const auto indexes = slice_indexes(start, stop, step, sequence->items.size());
  budget.make_items(indexes.size());
  for (const std::size_t i : indexes) items.push_back(sequence->items[i]);
  const SequenceKind kind =
      sequence->kind == SequenceKind::group ? SequenceKind::tuple : sequence->kind;
  Value result = make_sequence(kind, std::move(items), budget, sequence->shown);
  result.origin = value.origin;
  return result;
}

}  // namespace hearth::engine::jinja
