// The JSON half of safetensors: entries as written, checked for form but not for sense. Used by
// safetensors.cpp alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/tensor_view.h"

namespace hearth::engine {

struct SafetensorsEntry {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0;  // bytes behind the header
  std::uint64_t end = 0;
};

// Rules 2 to 4 of models §9.2: UTF-8 JSON, no duplicate keys, string metadata, non-negative
// integers, begin ≤ end. Errors: weights_invalid.
Result<std::vector<SafetensorsEntry>> parse_safetensors_header(std::string_view json,
                                                               const std::string& where);

}  // namespace hearth::engine
