// pytorch_model*.bin: the zip file that torch.save writes since 1.6, a pickle beside raw storages
// (models §8.4).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/tensor_view.h"

namespace hearth::engine {

// The tensors in the order of their bytes. Views into `file`, which must outlive them; several may
// share bytes, and strides are as the file says. No code of the file is run. `where` names the file
// in errors. Errors: weights_are_lfs_pointer, weights_invalid.
Result<std::vector<NamedTensor>> parse_torch_archive(std::span<const std::byte> file,
                                                     const std::string& where);

}  // namespace hearth::engine
