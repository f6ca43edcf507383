#include "engine/text/jinja/value.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/unicode.h"

namespace hearth::engine::jinja {
namespace {

std::size_t hash_int(Int value) {
  return std::hash<std::uint64_t>{}(static_cast<std::uint64_t>(value) ^
                                    static_cast<std::uint64_t>(value >> 64));
}

bool same_items(const std::vector<Value>& left, const std::vector<Value>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), equals);
}

bool same_entries(const Dict& left, const Dict& right) {
  if (left.entries().size() != right.entries().size()) return false;
  return std::all_of(left.entries().begin(), left.entries().end(), [&](const Dict::Entry& entry) {
    const Value* other = right.find(entry.first);
    return other != nullptr && equals(entry.second, *other);
  });
}

bool comparable_sequences(const Sequence& left, const Sequence& right) {
  const auto is_tuple = [](const Sequence& s) {
    return s.kind == SequenceKind::tuple || s.kind == SequenceKind::group;
  };
  return left.kind == right.kind || (is_tuple(left) && is_tuple(right));
}

void check_size(std::size_t depth, std::size_t weight, const Budget& budget) {
  std::size_t outer = depth - 1;
  const DepthGuard guard(outer, budget.limits().value_depth, "nests values");
  Budget(budget.limits()).step(weight);
}

}  // namespace

std::optional<std::size_t> Dict::index_of(std::size_t hash, const Value& key) const {
  const auto [begin, end] = index_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (equals(entries_[it->second].first, key)) return it->second;
  }
  return std::nullopt;
}

const Value* Dict::find(const Value& key) const {
  const auto index = index_of(hash_of(key), key);
  return index ? &entries_[*index].second : nullptr;
}

const Value* Dict::find(std::string_view key) const { return find(make_text(key)); }

void Dict::set(const Value& key, Value value) {
  const std::size_t hash = hash_of(key);
  depth_ = std::max({depth_, depth_of(key) + 1, depth_of(value) + 1});
  weight_ += weight_of(key) + weight_of(value);
  if (const auto index = index_of(hash, key)) {
    entries_[*index].second = std::move(value);
    return;
  }
  index_.emplace(hash, entries_.size());
  entries_.emplace_back(key, std::move(value));
}

bool Loop::has(std::size_t index) {
  while (index >= items.size() && fetch && fetch()) {
  }
  return index < items.size();
}

void Loop::fetch_all() {
  while (fetch && fetch()) {
  }
}

Value make_undefined(std::string message, ErrorCode code) {
  return {std::make_shared<const Undefined>(Undefined{code, std::move(message)}), {}};
}

Value make_bool(bool value, Origin origin) { return {value, origin}; }
Value make_int(Int value, Origin origin) { return {value, origin}; }
Value make_float(double value, Origin origin) { return {value, origin}; }

Value make_text(MarkedText text, bool is_markup) {
  return {std::make_shared<const Str>(Str{std::move(text), is_markup}), {}};
}

Value make_text(std::string_view text, Origin origin) {
  return make_text(MarkedText(std::string(text), origin));
}

Value make_sequence(SequenceKind kind, std::vector<Value> items, const Budget& budget,
                    std::string shown) {
  std::size_t depth = 1;
  std::size_t weight = 1;
  for (const Value& item : items) {
    depth = std::max(depth, depth_of(item) + 1);
    weight += weight_of(item);
  }
  check_size(depth, weight, budget);
  return {std::make_shared<Sequence>(
              Sequence{kind, std::move(items), 0, depth, weight, std::move(shown), std::nullopt}),
          {}};
}

Value make_dict(Dict dict, const Budget& budget) {
  check_size(dict.depth(), dict.weight(), budget);
  return {std::make_shared<const Dict>(std::move(dict)), {}};
}

std::size_t depth_of(const Value& value) {
  if (const auto* sequence = value.object<Sequence>()) return sequence->depth;
  if (const auto* dict = value.object<const Dict>()) return dict->depth();
  if (const auto* loop = value.object<Loop>()) return loop->depth;
  if (const auto* callable = value.object<const Callable>()) return callable->depth;
  return 0;  // a namespace is emptied by its interpreter, so it never ends a chain of destructors
}

std::size_t weight_of(const Value& value) {
  constexpr std::size_t kTextBytesPerStep = 64;
  if (const auto* sequence = value.object<Sequence>()) return sequence->weight;
  if (const auto* dict = value.object<const Dict>()) return dict->weight();
  if (const MarkedText* text = value.text()) return 1 + text->text().size() / kTextBytesPerStep;
  return 1;
}

std::string_view type_name(const Value& value) {
  if (const auto* sequence = value.object<Sequence>()) {
    switch (sequence->kind) {
      case SequenceKind::list:
        return "list";
      case SequenceKind::tuple:
      case SequenceKind::group:
        return "tuple";
      case SequenceKind::generator:
        return "generator";
      case SequenceKind::range:
        return "range";
      case SequenceKind::keys:
        return "dict_keys";
      case SequenceKind::values:
        return "dict_values";
      case SequenceKind::items:
        return "dict_items";
      case SequenceKind::bytes:
        return "bytes";
    }
  }
  if (const Str* str = value.object<const Str>()) return str->is_markup ? "Markup" : "str";
  static constexpr std::string_view kNames[] = {"NoneType",  "Undefined",   "bool",    "int",
                                                "float",     "str",         "list",    "dict",
                                                "Namespace", "LoopContext", "function"};
  return kNames[value.data.index()];
}

bool is_true(const Value& value) {
  if (const bool* flag = value.as<bool>()) return *flag;
  if (const Int* number = value.as<Int>()) return *number != 0;
  if (const double* number = value.as<double>()) return *number != 0;
  if (const MarkedText* text = value.text()) return !text->empty();
  if (const auto* dict = value.object<const Dict>()) return !dict->entries().empty();
  if (const auto* sequence = value.object<Sequence>()) {
    return sequence->kind == SequenceKind::generator || !sequence->items.empty();
  }
  return !value.is_none() && !value.is_undefined();
}

bool equals(const Value& left, const Value& right) {
  if (const auto a = number_of(left)) {
    const auto b = number_of(right);
    if (!b) return false;
    const auto whole_a = integer_of(left);
    const auto whole_b = integer_of(right);
    return whole_a && whole_b ? *whole_a == *whole_b : *a == *b;
  }
  if (const MarkedText* text = left.text()) {
    return right.text() != nullptr && text->text() == right.text()->text();
  }
  if (const auto* a = left.object<Sequence>()) {
    const auto* b = right.object<Sequence>();
    if (a == b) return true;
    if (b == nullptr || !comparable_sequences(*a, *b) || a->kind == SequenceKind::generator) {
      return false;
    }
    return same_items(a->items, b->items);
  }
  if (const auto* a = left.object<const Dict>()) {
    const auto* b = right.object<const Dict>();
    return a == b || (b != nullptr && same_entries(*a, *b));
  }
  if (left.data.index() != right.data.index()) return false;
  if (left.is_none() || left.is_undefined()) return true;
  if (left.object<Namespace>()) return left.object<Namespace>() == right.object<Namespace>();
  if (left.object<Loop>()) return left.object<Loop>() == right.object<Loop>();
  return left.object<const Callable>() == right.object<const Callable>();
}

bool less(const Value& left, const Value& right) {
  for (const Value* side : {&left, &right}) {
    if (const auto* undefined = side->object<const Undefined>()) raise_undefined(*undefined);
  }
  const auto a = number_of(left);
  const auto b = number_of(right);
  if (a && b) {
    const auto whole_a = integer_of(left);
    const auto whole_b = integer_of(right);
    return whole_a && whole_b ? *whole_a < *whole_b : *a < *b;
  }
  if (left.text() && right.text()) return left.text()->text() < right.text()->text();
  const auto* x = left.object<Sequence>();
  const auto* y = right.object<Sequence>();
  if (x && y && comparable_sequences(*x, *y) &&
      (x->kind == SequenceKind::list || x->kind == SequenceKind::tuple ||
       x->kind == SequenceKind::group || x->kind == SequenceKind::bytes)) {
    const std::size_t common = std::min(x->items.size(), y->items.size());
    for (std::size_t i = 0; i < common; ++i) {
      if (!equals(x->items[i], y->items[i])) return less(x->items[i], y->items[i]);
    }
    return x->items.size() < y->items.size();
  }
  raise_type("'<' is not supported between " + std::string(type_name(left)) + " and " +
             std::string(type_name(right)) + ".");
}

std::size_t hash_of(const Value& value) {
  if (const auto whole = integer_of(value)) return hash_int(*whole);
  if (const double* number = value.as<double>()) {
    const bool is_whole = std::abs(*number) < 1e18 && std::floor(*number) == *number;
    return is_whole ? hash_int(static_cast<Int>(*number)) : std::hash<double>{}(*number);
  }
  if (const MarkedText* text = value.text()) return std::hash<std::string>{}(text->text());
  if (const auto* sequence = value.object<Sequence>()) {
    if (sequence->kind == SequenceKind::tuple || sequence->kind == SequenceKind::group ||
        sequence->kind == SequenceKind::range || sequence->kind == SequenceKind::bytes) {
      std::size_t hash = sequence->items.size();
      for (const Value& item : sequence->items) hash = hash * 1000003 + hash_of(item);
      return hash;
    }
    raise_type("unhashable type: '" + std::string(type_name(value)) + "'.");
  }
  if (value.object<const Dict>()) raise_type("unhashable type: 'dict'.");
  return value.data.index();
}

std::optional<Int> integer_of(const Value& value) {
  if (const bool* flag = value.as<bool>()) return *flag ? 1 : 0;
  if (const Int* number = value.as<Int>()) return *number;
  return std::nullopt;
}

std::optional<double> number_of(const Value& value) {
  if (const auto whole = integer_of(value)) return static_cast<double>(*whole);
  if (const double* number = value.as<double>()) return *number;
  return std::nullopt;
}

void raise_undefined(const Undefined& undefined) { raise(undefined.code, undefined.message); }

namespace {

Value from_json_at(const nlohmann::ordered_json& json, Origin origin, Budget& budget,
                   std::size_t& depth) {
  const DepthGuard guard(depth, budget.limits().value_depth, "is given values that nest");
  budget.step();
  Value value;
  if (json.is_boolean()) {
    value = make_bool(json.get<bool>());
  } else if (json.is_number_unsigned()) {
    value = make_int(json.get<std::uint64_t>());
  } else if (json.is_number_integer()) {
    value = make_int(json.get<std::int64_t>());
  } else if (json.is_number_float()) {
    value = make_float(json.get<double>());
  } else if (json.is_string()) {
    value = make_text(MarkedText(to_valid_utf8(json.get_ref<const std::string&>()), origin));
  } else if (json.is_array()) {
    std::vector<Value> items;
    items.reserve(json.size());
    for (const auto& item : json) items.push_back(from_json_at(item, origin, budget, depth));
    value = make_sequence(SequenceKind::list, std::move(items), budget);
  } else if (json.is_object()) {
    Dict dict;
    for (const auto& [key, item] : json.items()) {
      dict.set(make_text(to_valid_utf8(key), origin), from_json_at(item, origin, budget, depth));
    }
    value = make_dict(std::move(dict), budget);
  }
  value.origin = origin;
  return value;
}

}  // namespace

Value from_json(const nlohmann::ordered_json& json, Origin origin, Budget& budget) {
  std::size_t depth = 0;
  return from_json_at(json, origin, budget, depth);
}

}  // namespace hearth::engine::jinja
