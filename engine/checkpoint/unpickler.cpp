#include "engine/checkpoint/unpickler.h"

#include <utility>

#include "engine/checkpoint/pickle.h"

namespace hearth::engine {

std::string shown_name(std::string_view text) {
  std::string result(text.substr(0, 80));
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = '?';
  }
  return "\"" + result + "\"";
}

std::optional<ValueIndex> Unpickler::run() {
  while (error_.empty()) {
    const std::string_view opcode = take(1);
    if (!error_.empty()) break;
    if (opcode[0] == '.') return finish();
    step(static_cast<unsigned char>(opcode[0]));
  }
  return std::nullopt;
}

void Unpickler::wrong(const std::string& what) {
  if (error_.empty()) error_ = what + " at byte " + std::to_string(at_);
}

std::optional<ValueIndex> Unpickler::finish() {
  if (at_ != bytes_.size()) {
    wrong("the pickle goes on after its end");
  } else if (stack_.size() != 1 || !marks_.empty()) {
    wrong("the pickle does not end with one value");
  }
  return error_.empty() ? std::optional(stack_.back()) : std::nullopt;
}

// The next bytes, or empty with an error.
std::string_view Unpickler::take(std::uint64_t count) {
  if (count > bytes_.size() - at_) {
    wrong("the pickle is truncated");
    return {};
  }
  at_ += count;
  return bytes_.substr(at_ - count, count);
}

std::uint64_t Unpickler::take_number(std::size_t count) {
  std::uint64_t value = 0;
  const std::string_view bytes = take(count);
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

std::string_view Unpickler::take_line() {
  const std::size_t end = bytes_.find('\n', at_);
  if (end == std::string_view::npos || end - at_ > PickleLimits::kNameBytesMax) {
    wrong("a global's name has no end");
    return {};
  }
  const std::string_view line = take(end - at_);
  at_ += 1;
  return line;
}

PickleValue& Unpickler::push(Kind kind) {
  if (values_.size() >= PickleLimits::kValuesMax) {
    wrong("the pickle holds too many values");
    return spare_ = PickleValue{};
  }
  stack_.push_back(static_cast<ValueIndex>(values_.size()));
  values_.emplace_back();
  values_.back().kind = kind;
  return values_.back();
}

// Never below the last mark.
std::optional<ValueIndex> Unpickler::pop() {
  if (stack_.size() == (marks_.empty() ? 0 : marks_.back())) {
    wrong("the pickle takes a value that is not there");
    return std::nullopt;
  }
  const ValueIndex top = stack_.back();
  stack_.pop_back();
  return top;
}

PickleValue* Unpickler::top() {
  if (stack_.size() == (marks_.empty() ? 0 : marks_.back())) {
    wrong("the pickle changes a value that is not there");
    return nullptr;
  }
  return &values_[stack_.back()];
}

std::vector<ValueIndex> Unpickler::pop_to_mark() {
  if (marks_.empty()) {
    wrong("the pickle goes back to a mark that is not there");
    return {};
  }
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<ValueIndex> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

void Unpickler::push_tuple(std::size_t size) {
  std::vector<ValueIndex> items(size);
  for (std::size_t i = size; i-- > 0;) items[i] = pop().value_or(0);
  if (error_.empty()) push(Kind::tuple).items = std::move(items);
}

void Unpickler::step(unsigned char opcode) {
  switch (opcode) {
    case 0x80:  // PROTO
      if (const std::uint64_t protocol = take_number(1); protocol < 2 || protocol > 4) {
        wrong("the pickle's protocol is " + std::to_string(protocol) + ", not 2 to 4,");
      }
      return;
    case 0x95:  // FRAME
      take(8);
      return;
    case '(':
      return push_mark();
    case 'N':
      push(Kind::none);
      return;
    case 0x88:
    case 0x89:
      push(Kind::boolean).integer = opcode == 0x88 ? 1 : 0;
      return;
    case ')':
      push(Kind::tuple);
      return;
    case ']':
      push(Kind::list);
      return;
    case '}':
      push(Kind::dict);
      return;
    default:
      return step_number_or_text(opcode);
  }
}

void Unpickler::step_number_or_text(unsigned char opcode) {
  switch (opcode) {
    case 'J':
      return push_integer(static_cast<std::int32_t>(take_number(4)));
    case 'K':
      return push_integer(static_cast<std::int64_t>(take_number(1)));
    case 'M':
      return push_integer(static_cast<std::int64_t>(take_number(2)));
    case 0x8A:
      return long1();
    case 'G':
      take(8);
      push(Kind::real);  // no tensor needs its number
      return;
    case 'X': {
      const std::string_view text = take(take_number(4));
      push(Kind::text).text = text;
      return;
    }
    case 0x8C: {
      const std::string_view text = take(take_number(1));
      push(Kind::text).text = text;
      return;
    }
    default:
      return step_structure(opcode);
  }
}

void Unpickler::step_structure(unsigned char opcode) {
  switch (opcode) {
    case 't': {
      std::vector<ValueIndex> items = pop_to_mark();
      push(Kind::tuple).items = std::move(items);
      return;
    }
    case 0x85:
    case 0x86:
    case 0x87:
      return push_tuple(opcode - 0x84U);
    case 'q':
      return put(take_number(1));
    case 'r':
      return put(take_number(4));
    case 0x94:
      return put(memo_.size());
    case 'h':
      return get(take_number(1));
    case 'j':
      return get(take_number(4));
    case 's':
      return set_items(pop_pair());
    case 'u':
      return set_items(pop_to_mark());
    case 'a':
      return append_items({pop().value_or(0)});
    case 'e':
      return append_items(pop_to_mark());
    default:
      return step_object(opcode);
  }
}

void Unpickler::step_object(unsigned char opcode) {
  switch (opcode) {
    case 'c': {
      const std::string_view module = take_line();
      const std::string_view name = take_line();
      return push_global(module, name);
    }
    case 0x93:
      return stack_global();
    case 'R':
      return reduce();
    case 'b':
      return build();
    case 'Q':
      return persistent_id();
    default:
      wrong("the pickle has the opcode " + std::to_string(opcode) +
            ", which no file of tensors needs,");
  }
}

void Unpickler::long1() {
  const std::uint64_t count = take_number(1);
  if (count > 8) return wrong("the pickle has an integer of more than 64 bits");
  std::uint64_t value = take_number(static_cast<std::size_t>(count));
  const bool is_negative = count > 0 && count < 8 && (value >> (8 * count - 1) & 1U) != 0;
  if (is_negative) value |= ~std::uint64_t{0} << (8 * count);
  push_integer(static_cast<std::int64_t>(value));
}

// Slots are bounded, so that a short file cannot ask for a large table.
void Unpickler::put(std::uint64_t slot) {
  if (top() == nullptr) return;
  if (slot >= PickleLimits::kValuesMax) return wrong("the pickle remembers too much");
  if (slot >= memo_.size()) memo_.resize(static_cast<std::size_t>(slot) + 1);
  memo_[static_cast<std::size_t>(slot)] = stack_.back();
}

void Unpickler::get(std::uint64_t slot) {
  if (slot >= memo_.size() || !memo_[static_cast<std::size_t>(slot)]) {
    return wrong("the pickle remembers what it never had");
  }
  stack_.push_back(*memo_[static_cast<std::size_t>(slot)]);
}

void Unpickler::push_mark() {
  if (marks_.size() >= PickleLimits::kValuesMax) return wrong("the pickle has too many marks");
  marks_.push_back(stack_.size());
}

std::vector<ValueIndex> Unpickler::pop_pair() {
  const auto second = pop();
  const auto first = pop();
  return {first.value_or(0), second.value_or(0)};
}

void Unpickler::set_items(std::vector<ValueIndex> items) {
  PickleValue* dict = error_.empty() ? top() : nullptr;
  if (dict == nullptr) return;
  if (dict->kind != Kind::dict || items.size() % 2 != 0) {
    return wrong("the pickle sets an item of something that is no dict");
  }
  dict->items.insert(dict->items.end(), items.begin(), items.end());
}

void Unpickler::append_items(const std::vector<ValueIndex>& items) {
  PickleValue* list = error_.empty() ? top() : nullptr;
  if (list == nullptr) return;
  if (list->kind != Kind::list) return wrong("the pickle appends to something that is no list");
  list->items.insert(list->items.end(), items.begin(), items.end());
}

}  // namespace hearth::engine
