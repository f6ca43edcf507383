// What a pickle makes of its numbers and texts: the few constructors that a file of tensors needs,
// and nothing else. None of them is ever imported or called; each only writes down what it stands
// for.
#include <utility>

#include "engine/checkpoint/pickle.h"
#include "engine/checkpoint/unpickler.h"

namespace hearth::engine {

void Unpickler::push_global(std::string_view module, std::string_view name) {
  if (!error_.empty()) return;
  const auto known = find_pickle_global(module, name);
  if (!known) {
    return wrong("the pickle asks for " +
                 shown_name(std::string(module) + "." + std::string(name)) +
                 ", which is no tensor; it is not run, and the file is refused");
  }
  PickleValue& value = push(Kind::global);
  value.global = known->global;
  value.dtype = known->dtype;
}

void Unpickler::stack_global() {
  const auto name = pop();
  const auto module = pop();
  if (!error_.empty()) return;
  if (value(*name).kind != Kind::text || value(*module).kind != Kind::text) {
    return wrong("the pickle asks for a global without a name");
  }
  push_global(value(*module).text, value(*name).text);
}

void Unpickler::reduce() {
  const auto arguments = pop();
  const auto callee = pop();
  if (!error_.empty()) return;
  if (value(*callee).kind != Kind::global || value(*arguments).kind != Kind::tuple) {
    return wrong("the pickle calls something that is no known constructor");
  }
  const std::vector<ValueIndex> items = value(*arguments).items;
  switch (value(*callee).global) {
    case PickleGlobal::ordered_dict:
      if (!items.empty()) return wrong("the pickle makes an OrderedDict with arguments");
      push(Kind::dict).is_ordered_dict = true;
      return;
    case PickleGlobal::rebuild_tensor:
      return rebuild_tensor(items);
    case PickleGlobal::rebuild_parameter:
      if (items.size() != 3 || value(items[0]).kind != Kind::tensor) {
        return wrong("the pickle makes a parameter of something that is no tensor");
      }
      return stack_.push_back(items[0]);
    case PickleGlobal::storage:
      return wrong("the pickle calls a storage");
  }
}

// (storage, offset, sizes, strides, requires_grad, hooks[, metadata])
void Unpickler::rebuild_tensor(const std::vector<ValueIndex>& items) {
  const bool fits = (items.size() == 6 || items.size() == 7) &&
                    value(items[0]).kind == Kind::storage &&
                    value(items[1]).kind == Kind::integer && value(items[2]).kind == Kind::tuple &&
                    value(items[3]).kind == Kind::tuple;
  if (!fits) return wrong("the pickle makes a tensor of something that is no storage");
  const std::int64_t offset = value(items[1]).integer;
  const Dtype dtype = value(items[0]).dtype;
  PickleValue& tensor = push(Kind::tensor);
  tensor.dtype = dtype;
  tensor.integer = offset;
  tensor.items = {items[0], items[2], items[3]};
}

// OrderedDict's attributes (_metadata); nobody needs them.
void Unpickler::build() {
  pop();
  const PickleValue* object = error_.empty() ? top() : nullptr;
  if (object == nullptr) return;
  if (object->kind != Kind::dict || !object->is_ordered_dict) {
    wrong("the pickle gives a state to something that is no OrderedDict");
  }
}

// ("storage", type, key, location, elements)
void Unpickler::persistent_id() {
  const auto id = pop();
  if (!error_.empty()) return;
  const std::vector<ValueIndex> items =
      value(*id).kind == Kind::tuple ? value(*id).items : std::vector<ValueIndex>{};
  const bool fits = items.size() == 5 && value(items[0]).text == "storage" &&
                    value(items[1]).kind == Kind::global &&
                    value(items[1]).global == PickleGlobal::storage &&
                    value(items[2]).kind == Kind::text && value(items[3]).kind == Kind::text &&
                    value(items[4]).kind == Kind::integer && value(items[4]).integer >= 0;
  if (!fits) return wrong("the pickle refers to something that is no storage");
  const Dtype dtype = value(items[1]).dtype;
  const std::string_view key = value(items[2]).text;
  const std::int64_t elements = value(items[4]).integer;
  PickleValue& storage = push(Kind::storage);
  storage.dtype = dtype;
  storage.text = key;
  storage.integer = elements;
}

}  // namespace hearth::engine
