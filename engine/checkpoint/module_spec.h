// What a network is made of, as data: a list of modules with parameters, by their checkpoint names.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hearth::engine {

enum class ModuleKind : std::uint8_t {
  linear,
  embedding,
  rms_norm,
  layer_norm,
  convolution,  // over time: [out, in, taps, 1]
};

struct ModuleSpec {
  std::string
      path;  // "model.norm"; "{}" is the layer's index, and the module is there once for each
  ModuleKind kind = ModuleKind::linear;
  std::vector<std::int64_t> shape;  // of its weight; a bias has shape[0] elements
  bool has_bias = false;
  double eps = 0.0;  // norms
};

}  // namespace hearth::engine
