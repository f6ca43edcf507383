// The functions that every template sees: Jinja's globals and transformers' two.
#include <string>

#include "engine/text/jinja/arguments.h"
#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/numbers.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/printing.h"
#include "engine/text/jinja/strftime.h"

namespace hearth::engine::jinja {
namespace {

Value range(Interpreter& interpreter, Arguments& arguments) {
  if (arguments.positional.size() > 3) raise_type("range expected at most 3 arguments.");
  const BoundArguments bound("range", arguments, {"start", "stop", "step"}, 1);
  const bool has_stop = bound.has(1);
  const Int start = has_stop ? bound.integer(0, 0) : 0;
  const Int stop = has_stop ? bound.integer(1, 0) : bound.integer(0, 0);
  const Int step = bound.integer(2, 1);
  if (step == 0) raise_value("range() arg 3 must not be zero.");
  const Int distance = step > 0 ? checked_subtract(stop, start) : checked_subtract(start, stop);
  const Int size = step > 0 ? step : -step;
  const Int count = distance > 0 ? (distance - 1) / size + 1 : 0;
  Budget& budget = interpreter.budget();
  budget.make_items(count > static_cast<Int>(budget.limits().loop_rounds)
                        ? budget.limits().loop_rounds + 1
                        : static_cast<std::size_t>(count));
  std::vector<Value> items;
  for (Int i = 0; i < count; ++i) items.push_back(make_int(start + i * step));
  std::string shown = "range(" + show_int(start) + ", " + show_int(stop);
  shown += step == 1 ? ")" : ", " + show_int(step) + ")";
  return make_sequence(SequenceKind::range, std::move(items), budget, std::move(shown));
}

// dict(mapping or pairs, **named), for dict and namespace.
Dict make_entries(const Arguments& arguments, Budget& budget) {
  if (arguments.positional.size() > 1) raise_type("dict expected at most 1 argument.");
  Dict dict;
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (const auto* undefined = source.object<const Undefined>()) raise_undefined(*undefined);
    if (const auto* given = source.object<const Dict>()) {
      dict = *given;
    } else {
      for (const Value& item : iterate(source, budget)) {
        const std::vector<Value> pair = iterate(item, budget);
        if (pair.size() != 2) raise_value("dict needs pairs.");
        budget.step(weight_of(pair[0]));
        dict.set(pair[0], pair[1]);
      }
    }
  }
  budget.make_items(dict.entries().size());
  for (const auto& [name, value] : arguments.named) dict.set(make_text(name), value);
  return dict;
}

Value dict(Interpreter& interpreter, Arguments& arguments) {
  return make_dict(make_entries(arguments, interpreter.budget()), interpreter.budget());
}

Value make_namespace(Interpreter& interpreter, Arguments& arguments) {
  return interpreter.make_namespace(make_entries(arguments, interpreter.budget()));
}

// Gives "" the first time and the separator after that.
Value joiner(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("joiner", arguments, {"sep"}, 0);
  const Value separator = bound.has(0) ? bound[0] : make_text(", ");
  std::size_t depth = depth_of(separator);
  const DepthGuard guard(depth, interpreter.budget().limits().value_depth, "nests values");
  Callable callable{"joiner", "<Joiner>", nullptr, depth_of(separator) + 1};
  callable.call = [separator, used = std::make_shared<bool>(false)](Interpreter&, Arguments&) {
    return std::exchange(*used, true) ? separator : make_text("");
  };
  return {std::make_shared<const Callable>(std::move(callable)), {}};
}

Value raise_exception(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("raise_exception", arguments, {"message"}, 1);
  raise(ErrorCode::template_raised, show(bound[0], interpreter.budget()).text());
}

Value strftime_now(Interpreter& interpreter, Arguments& arguments) {
  const BoundArguments bound("strftime_now", arguments, {"format"}, 1);
  return make_text(format_time(bound.text(0).text(), interpreter.now(), interpreter.budget()));
}

}  // namespace

Builtin find_function(std::string_view name) {
  if (name == "range") return range;
  if (name == "dict") return dict;
  if (name == "namespace") return make_namespace;
  if (name == "joiner") return joiner;
  if (name == "raise_exception") return raise_exception;
  if (name == "strftime_now") return strftime_now;
  return nullptr;
}

}  // namespace hearth::engine::jinja
