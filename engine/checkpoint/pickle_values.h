// What a restricted pickle builds: values in one arena, referring to each other by index. Used by
// pickle.cpp alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/checkpoint/tensor_view.h"

namespace hearth::engine {

using ValueIndex = std::uint32_t;

// The globals that a pickle may name.
enum class PickleGlobal : std::uint8_t {
  rebuild_tensor,     // torch._utils._rebuild_tensor_v2
  rebuild_parameter,  // torch._utils._rebuild_parameter
  ordered_dict,       // collections.OrderedDict
  storage,            // torch.FloatStorage and its kin
};

struct PickleValue {
  enum class Kind : std::uint8_t {
    none,
    boolean,
    integer,
    real,
    text,
    tuple,
    list,
    dict,
    global,
    storage,
    tensor,
  };
  Kind kind = Kind::none;
  PickleGlobal global = PickleGlobal::storage;
  Dtype dtype = Dtype::f32;       // a storage's, a tensor's, or that of a storage's global
  bool is_ordered_dict = false;   // made by OrderedDict(): may be given a state
  std::int64_t integer = 0;       // integer, boolean; a storage's elements; a tensor's offset
  std::string_view text;          // into the pickle; a storage's key
  std::vector<ValueIndex> items;  // of tuple and list; a dict's keys and values in turn; a tensor's
                                  // storage, sizes and strides
};

struct KnownGlobal {
  PickleGlobal global = PickleGlobal::storage;
  Dtype dtype = Dtype::f32;
};

// nullopt: not on the list, so the file is refused.
std::optional<KnownGlobal> find_pickle_global(std::string_view module, std::string_view name);

}  // namespace hearth::engine
