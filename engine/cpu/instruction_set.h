// Which kernels this machine can run, and which it should.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/cpu/kernels/kernels.h"

namespace hearth::engine::cpu {

// Names of the tables that this processor can run, slowest first: "scalar", "avx2", "avx512",
// "avx512-bf16".
std::vector<std::string_view> available_kernels();

// The named table; "auto" is the last of available_kernels(). Errors: usage (unknown name, or this
// processor cannot run it).
Result<const KernelTable*> choose_kernels(std::string_view name);

}  // namespace hearth::engine::cpu
