// What a value answers to behind a dot: methods of strings and containers, the fields of `loop` and
// of namespaces.
#include <algorithm>
#include <array>
#include <string>

#include "engine/text/jinja/arguments.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/methods.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

template <std::size_t N>
bool is_any(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The sandbox is immutable: methods that change their object exist but may not be reached.
Value refused(const Value& self, std::string_view name) {
  return make_undefined("access to attribute '" + std::string(name) + "' of '" +
                            std::string(type_name(self)) + "' object is unsafe.",
                        ErrorCode::template_security);
}

template <SequenceKind kKind>
Value dict_view(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("dict view", arguments, {}, 0);
  Budget& budget = interpreter.budget();
  std::vector<Value> items;
  const auto& entries = self.object<const Dict>()->entries();
  budget.make_items(entries.size());
  for (const auto& [key, value] : entries) {
    if (kKind == SequenceKind::keys) items.push_back(key);
    if (kKind == SequenceKind::values) items.push_back(value);
    if (kKind == SequenceKind::items)
      items.push_back(make_sequence(SequenceKind::tuple, {key, value}, budget));
  }
  Value result = make_sequence(kKind, std::move(items), budget);
  result.origin = self.origin;
  return result;
}

Value dict_get(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("get", arguments, {"key", "default"}, 1);
  interpreter.budget().step(weight_of(bound[0]));
  if (const Value* found = self.object<const Dict>()->find(bound[0])) return *found;
  return bound.has(1) ? bound[1] : Value{};
}

Value same(Interpreter&, const Value& self, Arguments& arguments) {
  const BoundArguments bound("copy", arguments, {}, 0);
  return self;  // values never change, so a copy is the value
}

Value count_items(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("count", arguments, {"value"}, 1);
  interpreter.budget().step(weight_of(self));
  const auto& items = self.object<Sequence>()->items;
  return make_int(std::count_if(items.begin(), items.end(),
                                [&](const Value& item) { return equals(item, bound[0]); }));
}

Value index_of_item(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("index", arguments, {"value"}, 1);
  interpreter.budget().step(weight_of(self));
  const auto& items = self.object<Sequence>()->items;
  const auto found = std::find_if(items.begin(), items.end(),
                                  [&](const Value& item) { return equals(item, bound[0]); });
  if (found == items.end()) raise_value("the value is not in the list.");
  return make_int(found - items.begin());
}

Value decode_bytes(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const BoundArguments bound("decode", arguments, {"encoding", "errors"}, 0);
  TextBuilder text(interpreter.budget());
  for (const Value& item : self.object<Sequence>()->items) {
    const char byte = static_cast<char>(*integer_of(item));
    text.add(std::string_view(&byte, 1), item.origin);
  }
  MarkedText decoded = text.take();
  if (!is_valid_utf8(decoded.text())) raise_value("the bytes are not UTF-8.");
  return make_text(std::move(decoded));
}

std::optional<Value> dict_attribute(const Value& self, std::string_view name) {
  static constexpr std::array<std::string_view, 5> kMutators = {"clear", "pop", "popitem",
                                                                "setdefault", "update"};
  if (name == "get") return bind_method(self, name, dict_get);
  if (name == "keys") return bind_method(self, name, dict_view<SequenceKind::keys>);
  if (name == "values") return bind_method(self, name, dict_view<SequenceKind::values>);
  if (name == "items") return bind_method(self, name, dict_view<SequenceKind::items>);
  if (name == "copy") return bind_method(self, name, same);
  if (is_any(kMutators, name)) return refused(self, name);
  return std::nullopt;
}

std::optional<Value> sequence_attribute(const Value& self, const Sequence& sequence,
                                        std::string_view name) {
  static constexpr std::array<std::string_view, 8> kMutators = {
      "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"};
  const bool is_list = sequence.kind == SequenceKind::list;
  const bool counts = is_list || sequence.kind == SequenceKind::tuple ||
                      sequence.kind == SequenceKind::group || sequence.kind == SequenceKind::range;
  if (sequence.kind == SequenceKind::group && name == "grouper") return sequence.items[0];
  if (sequence.kind == SequenceKind::group && name == "list") return sequence.items[1];
  if (counts && name == "count") return bind_method(self, name, count_items);
  if (counts && name == "index") return bind_method(self, name, index_of_item);
  if (is_list && name == "copy") return bind_method(self, name, same);
  if (is_list && is_any(kMutators, name)) return refused(self, name);
  if (sequence.kind == SequenceKind::bytes && name == "decode")
    return bind_method(self, name, decode_bytes);
  return std::nullopt;
}

Value loop_cycle(Interpreter&, const Value& self, Arguments& arguments) {
  if (arguments.positional.empty()) raise_type("no items for cycling given.");
  return arguments.positional[self.object<Loop>()->index0 % arguments.positional.size()];
}

Value loop_changed(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  auto& last = self.object<Loop>()->last_changed;
  for (const Value& value : arguments.positional) interpreter.budget().step(weight_of(value));
  const bool same_as_last =
      last && std::equal(last->begin(), last->end(), arguments.positional.begin(),
                         arguments.positional.end(), equals);
  if (same_as_last) return make_bool(false);
  last = arguments.positional;
  return make_bool(true);
}

std::optional<Value> loop_attribute(const Value& self, Loop& loop, std::string_view name) {
  const std::size_t at = loop.index0;
  const auto number = [](std::size_t value) { return make_int(static_cast<Int>(value)); };
  if (name == "index") return number(at + 1);
  if (name == "index0") return number(at);
  if (name == "first") return make_bool(at == 0);
  if (name == "last") return make_bool(!loop.has(at + 1));
  if (name == "depth") return number(1);
  if (name == "depth0") return number(0);
  if (name == "previtem")
    return at > 0 ? loop.items[at - 1] : make_undefined("there is no previous item.");
  if (name == "nextitem")
    return loop.has(at + 1) ? loop.items[at + 1] : make_undefined("there is no next item.");
  if (name == "cycle") return bind_method(self, name, loop_cycle);
  if (name == "changed") return bind_method(self, name, loop_changed);
  if (name != "length" && name != "revindex" && name != "revindex0") return std::nullopt;
  loop.fetch_all();
  const std::size_t length = loop.items.size();
  if (name == "length") return number(length);
  return number(name == "revindex" ? length - at : length - at - 1);
}

}  // namespace

Value bind_method(const Value& self, std::string_view name, Method method) {
  Callable callable;
  callable.name = std::string(name);
  // CPython prints an address; a template that prints one has a bug, which this shows as well.
  callable.shown = "<built-in method " + callable.name + " of " + std::string(type_name(self)) +
                   " object at 0x7f0000000000>";
  callable.depth = depth_of(self) + 1;
  callable.call = [self, method](Interpreter& interpreter, Arguments& arguments) {
    if (self.text()) interpreter.budget().step(weight_of(self));
    return method(interpreter, self, arguments);
  };
  return {std::make_shared<const Callable>(std::move(callable)), {}};
}

std::optional<Value> find_attribute(const Value& value, std::string_view name, Budget&) {
  if (value.object<const Str>()) {
    const Method method = find_string_method(name);
    return method ? std::optional<Value>(bind_method(value, name, method)) : std::nullopt;
  }
  if (value.object<const Dict>()) return dict_attribute(value, name);
  if (const auto* sequence = value.object<Sequence>())
    return sequence_attribute(value, *sequence, name);
  if (auto* loop = value.object<Loop>()) return loop_attribute(value, *loop, name);
  if (const auto* space = value.object<Namespace>()) {
    const Value* found = space->attributes.find(name);
    return found ? std::optional<Value>(*found) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace hearth::engine::jinja
