// What a model is made of: modules by their checkpoint names, with shapes, dtypes and parameter
// counts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/weight_map.h"

namespace hearth::engine {

struct Module {
  std::string name;                  // "q_proj"; "0-23" for equal siblings side by side
  std::string kind;                  // "Linear", "Embedding", "RMSNorm"; empty for a container
  std::string detail;                // "in 896, out 128, bias"
  std::string dtype;                 // as stored, "BF16"; of a leaf
  std::uint64_t num_parameters = 0;  // with everything below, for all of its copies
  std::int64_t num_copies = 1;
  std::vector<Module> children;

  bool operator==(const Module&) const = default;
};

// The root is the architecture. A tied head is a leaf of kind "tied" without parameters.
Module make_module_tree(const ModelSpec& spec, const WeightMap& weights);

}  // namespace hearth::engine
