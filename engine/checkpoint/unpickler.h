// Runs the opcodes of a restricted pickle (models §8.4). Used by pickle.cpp alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/pickle_values.h"

namespace hearth::engine {

// The text between quotes, with '?' for what is not plain ASCII: names come from the file.
std::string shown_name(std::string_view text);

// The first thing that is wrong ends the run. The pickle must outlive it and the values' texts.
class Unpickler {
 public:
  explicit Unpickler(std::span<const std::byte> pickle)
      : bytes_(reinterpret_cast<const char*>(pickle.data()), pickle.size()) {}

  // The value that STOP leaves, or nothing; then error() says why.
  std::optional<ValueIndex> run();

  const std::string& error() const { return error_; }
  const PickleValue& value(ValueIndex index) const { return values_[index]; }

 private:
  using Kind = PickleValue::Kind;

  void wrong(const std::string& what);
  std::optional<ValueIndex> finish();
  // The next bytes, or empty with an error.
  std::string_view take(std::uint64_t count);
  std::uint64_t take_number(std::size_t count);
  std::string_view take_line();
  PickleValue& push(Kind kind);
  void push_integer(std::int64_t value) { push(Kind::integer).integer = value; }

  // Never below the last mark.
  std::optional<ValueIndex> pop();
  PickleValue* top();
  std::vector<ValueIndex> pop_to_mark();
  void push_tuple(std::size_t size);
  void push_mark();
  void step(unsigned char opcode);
  void step_number_or_text(unsigned char opcode);
  void step_structure(unsigned char opcode);
  void step_object(unsigned char opcode);
  void long1();
  void put(std::uint64_t slot);
  void get(std::uint64_t slot);
  std::vector<ValueIndex> pop_pair();
  void set_items(std::vector<ValueIndex> items);
  void append_items(const std::vector<ValueIndex>& items);
  void push_global(std::string_view module, std::string_view name);
  void stack_global();
  void reduce();
  // (storage, offset, sizes, strides, requires_grad, hooks[, metadata])
  void rebuild_tensor(const std::vector<ValueIndex>& items);
  // OrderedDict's attributes (_metadata); nobody needs them.
  void build();
  // ("storage", type, key, location, elements)
  void persistent_id();

  std::string_view bytes_;
  std::uint64_t at_ = 0;
  std::vector<PickleValue> values_;
  PickleValue spare_;  // what push returns when there is no room
  std::vector<ValueIndex> stack_;
  std::vector<std::size_t> marks_;  // stack sizes
  std::vector<std::optional<ValueIndex>> memo_;
  std::string error_;
};

}  // namespace hearth::engine
