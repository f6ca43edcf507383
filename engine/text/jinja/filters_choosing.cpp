// Filters that apply another filter or test to every item: map, select, reject and their …attr
// forms.
#include <string>

#include "engine/text/jinja/arguments.h"
#include "engine/text/jinja/builtin_tables.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/operators.h"

namespace hearth::engine::jinja {
namespace {

// arguments without the first `count`, with `first` in front.
Arguments rest_of(const Arguments& arguments, std::size_t count, Value first) {
  Arguments rest;
  rest.positional.push_back(std::move(first));
  rest.positional.insert(rest.positional.end(),
                         arguments.positional.begin() + static_cast<std::ptrdiff_t>(count),
                         arguments.positional.end());
  rest.named = arguments.named;
  return rest;
}

std::string name_at(const Arguments& arguments, std::size_t index) {
  const MarkedText* name = arguments.positional[index].text();
  if (name == nullptr) raise_runtime("the name of a filter or test must be a string.");
  return name->text();
}

const Value* named_argument(const Arguments& arguments, std::string_view name) {
  for (const auto& [known, value] : arguments.named) {
    if (known == name) return &value;
  }
  return nullptr;
}

void map_attribute(const std::vector<Value>& items, const Arguments& arguments, Budget& budget,
                   std::vector<Value>& mapped) {
  const Value* otherwise = named_argument(arguments, "default");
  if (arguments.named.size() > (otherwise != nullptr ? 2u : 1u)) {
    raise_runtime("map got an unexpected keyword argument.");
  }
  for (const Value& item : items) {
    mapped.push_back(
        read_attribute(item, *named_argument(arguments, "attribute"), budget, otherwise));
  }
}

Value map(Interpreter& interpreter, Arguments& arguments) {
  Budget& budget = interpreter.budget();
  return make_generator("sync_do_map", budget, [&](std::vector<Value>& mapped) {
    if (!is_true(arguments.positional[0])) return;
    const bool by_attribute =
        arguments.positional.size() == 1 && named_argument(arguments, "attribute") != nullptr;
    if (!by_attribute && arguments.positional.size() < 2)
      raise_runtime("map requires a filter argument.");
    const std::vector<Value> items = iterate(arguments.positional[0], budget);
    if (by_attribute) return map_attribute(items, arguments, budget, mapped);
    const std::string name = name_at(arguments, 1);
    const Builtin filter = find_filter(name);
    for (const Value& item : items) {
      if (filter == nullptr) raise_runtime("No filter named '" + name + "'.");
      Arguments call = rest_of(arguments, 2, item);
      budget.step(weight_of(item));
      mapped.push_back(filter(interpreter, call));
    }
  });
}

template <bool kKeepsTrue, bool kByAttribute>
Value choose(Interpreter& interpreter, Arguments& arguments) {
  constexpr std::size_t kTestAt = kByAttribute ? 2 : 1;
  Budget& budget = interpreter.budget();
  return make_generator("select_or_reject", budget, [&](std::vector<Value>& kept) {
    if (!is_true(arguments.positional[0])) return;
    if (arguments.positional.size() < kTestAt)
      raise_runtime("Missing parameter for attribute name.");
    const bool has_test = arguments.positional.size() > kTestAt;
    const Builtin test = has_test ? find_test(name_at(arguments, kTestAt)) : nullptr;
    for (Value& item : iterate(arguments.positional[0], budget)) {
      budget.step();
      if (has_test && test == nullptr)
        raise_runtime("No test named '" + name_at(arguments, kTestAt) + "'.");
      Value subject = kByAttribute ? read_attribute(item, arguments.positional[1], budget) : item;
      bool result = is_true(subject);
      if (test != nullptr) {
        Arguments call = rest_of(arguments, kTestAt + 1, std::move(subject));
        result = is_true(test(interpreter, call));
      }
      if (result == kKeepsTrue) kept.push_back(std::move(item));
    }
  });
}

constexpr NamedBuiltin kFilters[] = {
    {"map", map},
    {"select", choose<true, false>},
    {"reject", choose<false, false>},
    {"selectattr", choose<true, true>},
    {"rejectattr", choose<false, true>},
};

}  // namespace

std::span<const NamedBuiltin> choosing_filters() { return kFilters; }

}  // namespace hearth::engine::jinja
