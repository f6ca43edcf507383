// How much memory the CUDA devices have left, asked of NVIDIA's driver, which is looked for when
// the program runs: nothing of CUDA is needed to build.
#pragma once

#include <cstdint>
#include <vector>

namespace hearth {

// Free bytes of each device in CUDA's own order, after CUDA_VISIBLE_DEVICES. Empty without a driver
// or a device.
std::vector<std::int64_t> free_gpu_memory();

}  // namespace hearth
