// Reads config.json's quantization_config.
#pragma once

#include "engine/checkpoint/config_reader.h"
#include "engine/checkpoint/quantization.h"

namespace hearth::engine {

// None without the key. Errors, given to config: dtype_unsupported (a method, or a variant of one,
// that cannot be dequantised, by its name), config_invalid.
QuantizationSpec read_quantization(ConfigReader& config);

}  // namespace hearth::engine
