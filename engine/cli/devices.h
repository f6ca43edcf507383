// Devices that a model could be put on: this machine's, or those that somebody names.
#pragma once

#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/placement.h"
#include "engine/checkpoint/weight_map.h"

namespace hearth::engine {

// named: "cuda:0=24G,cuda:1=24G,cpu=64G" (free memory; K, M, G and T are powers of 1024), or empty
// for what this machine has. Errors: usage.
Result<std::vector<PlacementDevice>> devices_for(const std::string& named, const ModelSpec& spec);

struct PlacementReport {
  bool fits = false;
  std::string text;     // "layers 0–15 on cuda:0, 16–31 on cuda:1", or what is missing
  Placement placement;  // when it fits
  std::int64_t cache_tokens = 0;  // that the plan leaves room for
};

PlacementReport plan_placement(const ModelSpec& spec, const WeightMap& weights,
                               const std::vector<PlacementDevice>& devices);

}  // namespace hearth::engine
