// The values a template computes with: Python's, as far as templates can see them.
// Strings carry the origin of every byte (MarkedText); numbers and truth values carry the origin of
// the whole, so that a number from a message prints as message bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/text/jinja/limits.h"
#include "engine/text/marked_text.h"

namespace hearth::engine::jinja {

// Wide enough for every literal real templates use. Python's integers have no end; past ±2^126 is
// template_limit.
__extension__ typedef __int128 Int;

struct None {};

// Prints as nothing and is false; any other use raises. Made by a missing name, key or element.
struct Undefined {
  ErrorCode code =
      ErrorCode::template_undefined;  // or template_security: an attribute the sandbox hides
  std::string message;
};

struct Str {
  MarkedText text;
  bool is_markup =
      false;  // made by `safe` or `escape`: `+` then escapes the other side, as in markupsafe
};

struct Sequence;
class Dict;
struct Namespace;
struct Loop;
struct Callable;

struct Value {
  using Data = std::variant<None, std::shared_ptr<const Undefined>, bool, Int, double,
                            std::shared_ptr<const Str>, std::shared_ptr<Sequence>,
                            std::shared_ptr<const Dict>, std::shared_ptr<Namespace>,
                            std::shared_ptr<Loop>, std::shared_ptr<const Callable>>;
  Data data;
  Origin origin = Origin::from_template;

  template <class T>
  const T* as() const {
    return std::get_if<T>(&data);
  }
  template <class T>
  T* object() const {  // the pointee of a shared alternative, or null
    auto* pointer = std::get_if<std::shared_ptr<T>>(&data);
    return pointer ? pointer->get() : nullptr;
  }
  const MarkedText* text() const {
    const Str* str = object<const Str>();
    return str ? &str->text : nullptr;
  }
  bool is_none() const { return as<None>() != nullptr; }
  bool is_undefined() const { return object<const Undefined>() != nullptr; }
};

enum class SequenceKind : std::uint8_t {
  list,
  tuple,
  group,
  generator,
  range,
  keys,
  values,
  items,
  bytes
};

// Lists, tuples and everything that walks like one. Immutable, but for a generator's position.
struct Sequence {
  SequenceKind kind = SequenceKind::list;
  std::vector<Value> items;
  std::size_t next = 0;          // generators only: what the template has already taken
  std::size_t depth = 1;         // levels of containers, this one included
  std::size_t weight = 1;        // see weight_of
  std::string shown;             // ranges and generators only: how they print
  std::optional<Error> failure;  // generators only: raised by whoever walks past the items
};

// Insertion order, unique keys. Immutable once shared (a namespace's is its own).
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  // Raises template_type for a key that Python cannot hash.
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  void set(const Value& key, Value value);

  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t depth() const { return depth_; }
  std::size_t weight() const { return weight_; }
  void clear() { *this = Dict(); }

 private:
  std::optional<std::size_t> index_of(std::size_t hash, const Value& key) const;

  std::vector<Entry> entries_;
  std::unordered_multimap<std::size_t, std::size_t> index_;  // hash → entry
  std::size_t depth_ = 1;
  std::size_t weight_ = 1;
};

struct Namespace {
  Dict attributes;
};

// The variable `loop`. A loop with a test of its own finds its items one by one, as the template
// may change what the test reads; has() and fetch_all() look ahead as far as asked.
struct Loop {
  std::vector<Value> items;
  std::function<bool()>
      fetch;  // appends one more item, false when there is none; null: items is complete
  std::size_t index0 = 0;
  std::optional<std::vector<Value>> last_changed;
  std::size_t depth = 1;

  bool has(std::size_t index);
  void fetch_all();
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

class Interpreter;

struct Callable {
  std::string name;
  std::string shown;  // what printing it gives: "<Macro 'f'>"
  std::function<Value(Interpreter&, Arguments&)> call;
  std::size_t depth = 1;
};

Value make_undefined(std::string message, ErrorCode code = ErrorCode::template_undefined);
Value make_bool(bool value, Origin origin = Origin::from_template);
Value make_int(Int value, Origin origin = Origin::from_template);
Value make_float(double value, Origin origin = Origin::from_template);
Value make_text(MarkedText text, bool is_markup = false);
Value make_text(std::string_view text, Origin origin = Origin::from_template);
// Raises template_limit when the nesting passes Limits::value_depth.
Value make_sequence(SequenceKind kind, std::vector<Value> items, const Budget& budget,
                    std::string shown = {});
Value make_dict(Dict dict, const Budget& budget);

// How deep containers go inside value: 0 for scalars.
std::size_t depth_of(const Value& value);

// What walking the whole value costs, in steps: lists of the same list grow exponentially, and are
// refused when made (Limits::steps). Whoever compares, hashes or sorts pays this first.
std::size_t weight_of(const Value& value);

// Python's names: "str", "NoneType", "dict_items".
std::string_view type_name(const Value& value);

bool is_true(const Value& value);
bool equals(const Value& left, const Value& right);
// Python's <. Raises template_type for kinds that have no order, template_undefined for an
// undefined.
bool less(const Value& left, const Value& right);
// Raises template_type for lists and dicts.
std::size_t hash_of(const Value& value);

// bool, int: the number; others: null.
std::optional<Int> integer_of(const Value& value);
// bool, int, float.
std::optional<double> number_of(const Value& value);

// Raises the error that an undefined stands for.
[[noreturn]] void raise_undefined(const Undefined& undefined);

// Every string, number and container of json gets this origin. Invalid UTF-8 becomes U+FFFD.
Value from_json(const nlohmann::ordered_json& json, Origin origin, Budget& budget);

}  // namespace hearth::engine::jinja
