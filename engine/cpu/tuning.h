// Choices that depend on the processor, made by measuring instead of by the vendor's name
// (performance §0.2): VDPBF16PS is microcoded on some processors and runs at full rate on others.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "engine/cpu/kernels/kernels.h"

namespace hearth::engine::cpu {

struct Tuning {
  std::string processor;  // what it was measured on
  std::string kernels;    // one of available_kernels()
  int rows_bf16 = 0;      // tile heights; they change speed, never results
  int rows_int8 = 0;
  int rows_int4 = 0;
};

// Measures for some ten milliseconds on the calling thread.
Tuning measure_tuning();

// The tuning kept in `file` when it was measured on this processor, else a new one, then kept there
// as far as it can be written. So a server computes the same bits after every restart. An empty
// path keeps nothing.
Tuning load_tuning(const std::filesystem::path& file);

// The kernels of that name; "auto" takes both name and tile heights from load_tuning(file).
// Errors: usage (unknown name, or this processor cannot run it).
Result<KernelTable> tuned_kernels(std::string_view name, const std::filesystem::path& file);

}  // namespace hearth::engine::cpu
