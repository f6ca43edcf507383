// The safetensors format (models §9): a checked header, and views into the bytes behind it.
//
// Stricter than the reference in one way only: limits on the number and rank of tensors and on the
// length of names. Unknown keys inside a tensor's entry are refused, since no writer makes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/tensor_view.h"

namespace hearth::engine {

struct SafetensorsLimits {
  static constexpr std::uint64_t kHeaderBytesMax = 100'000'000;
  static constexpr std::size_t kTensorsMax = 1'000'000;
  static constexpr std::size_t kRankMax = 8;
  static constexpr std::size_t kNameBytesMax = 4096;
};

// The tensors in the order of their bytes. The views point into `file`, which must outlive them.
// Never reads past `file`; memory is bounded by the header's length. `where` names the file in
// errors. Errors: weights_are_lfs_pointer, weights_invalid.
Result<std::vector<NamedTensor>> parse_safetensors(std::span<const std::byte> file,
                                                   const std::string& where);

}  // namespace hearth::engine
