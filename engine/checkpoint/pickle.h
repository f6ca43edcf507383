// A reader of one kind of pickle: a dict of tensors, as torch.save writes a state dict (models
// §8.4).
//
// Goals: what pytorch_model.bin files hold, and nothing else. No code is ever run: of the globals a
// pickle may name, a fixed few are known, and REDUCE and BUILD do what this reader itself does for
// them. Any other opcode or global is an error. Values live in one arena and refer to each other by
// index, so that no input can make the reader recurse. Non-goals: protocols above 4's opcodes,
// pickles that share state, anything that Python could do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/tensor_view.h"

namespace hearth::engine {

struct PickleLimits {
  static constexpr std::size_t kBytesMax = 64U << 20U;
  static constexpr std::size_t kValuesMax = 2'000'000;  // also marks, and slots of the memo
  static constexpr std::size_t kRankMax = 8;
  static constexpr std::size_t kTensorsMax = 1'000'000;
  static constexpr std::size_t kNameBytesMax = 4096;
};

// A tensor as its pickle describes it: a part of a storage. Not yet compared with the storage's
// bytes.
struct PickledTensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::string storage;  // the key of its record
  std::uint64_t storage_elements = 0;
  std::uint64_t offset = 0;         // of the first element
  std::vector<std::int64_t> shape;  // ≥ 0; their product, and every stride's reach, fits 62 bits
  std::vector<std::int64_t> strides;  // ≥ 0
};

// In the dict's order. `where` names the file in errors. Errors: weights_invalid.
Result<std::vector<PickledTensor>> read_state_dict(std::span<const std::byte> pickle,
                                                   const std::string& where);

}  // namespace hearth::engine
