// Weights stored in fewer bits than they are computed in: config.json's quantization_config (models
// §8.6).
#pragma once

#include <cstdint>

namespace hearth::engine {

enum class QuantMethod : std::uint8_t { none, gptq, awq, fp8, bnb8 };

struct QuantizationSpec {
  QuantMethod method = QuantMethod::none;
  int bits = 4;                   // gptq, awq
  bool zeros_are_exact = false;   // gptq_v2: the stored zero is not one too small
  std::int64_t block_rows = 128;  // fp8: one scale for so many rows and columns
  std::int64_t block_columns = 128;
};

}  // namespace hearth::engine
