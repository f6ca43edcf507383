#include "engine/checkpoint/pickle_values.h"

#include <array>

namespace hearth::engine {

std::optional<KnownGlobal> find_pickle_global(std::string_view module, std::string_view name) {
  struct Entry {
    std::string_view module;
    std::string_view name;
    KnownGlobal known;
  };
  constexpr PickleGlobal kStorage = PickleGlobal::storage;
  static constexpr std::array<Entry, 15> kKnown = {{
      {"torch._utils", "_rebuild_tensor_v2", {PickleGlobal::rebuild_tensor, Dtype::f32}},
      {"torch._utils", "_rebuild_parameter", {PickleGlobal::rebuild_parameter, Dtype::f32}},
      {"collections", "OrderedDict", {PickleGlobal::ordered_dict, Dtype::f32}},
      {"torch", "FloatStorage", {kStorage, Dtype::f32}},
      {"torch", "HalfStorage", {kStorage, Dtype::f16}},
      {"torch", "BFloat16Storage", {kStorage, Dtype::bf16}},
      {"torch", "DoubleStorage", {kStorage, Dtype::f64}},
      {"torch", "LongStorage", {kStorage, Dtype::i64}},
      {"torch", "IntStorage", {kStorage, Dtype::i32}},
      {"torch", "ShortStorage", {kStorage, Dtype::i16}},
      {"torch", "CharStorage", {kStorage, Dtype::i8}},
      {"torch", "ByteStorage", {kStorage, Dtype::u8}},
      {"torch", "BoolStorage", {kStorage, Dtype::boolean}},
      {"torch.storage", "UntypedStorage", {kStorage, Dtype::u8}},
      {"torch.storage", "TypedStorage", {kStorage, Dtype::u8}},
  }};
  for (const Entry& entry : kKnown) {
    if (entry.module == module && entry.name == name) return entry.known;
  }
  return std::nullopt;
}

}  // namespace hearth::engine
