// Where each part of a network lives: the dtype and device of its weights and of its cache. One
// place as a rule; several where a model is larger than one GPU (checkpoint/placement.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/torch/torch.h"

namespace hearth::engine {

struct Places {
  at::TensorOptions embedding;
  std::vector<at::TensorOptions> layers;
  at::TensorOptions tail;  // final norm and head

  static Places one(const at::TensorOptions& place, std::int64_t num_layers) {
    return {place, std::vector(static_cast<std::size_t>(num_layers), place), place};
  }
};

inline bool is_same_place(const at::TensorOptions& a, const at::TensorOptions& b) {
  return a.device() == b.device() && a.dtype() == b.dtype();
}

}  // namespace hearth::engine
