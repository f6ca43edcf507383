// Which device computes which layer (models §8.5): contiguous runs of layers in the order of the
// devices, so that the residual stream crosses from one to the next once. A pure function of sizes:
// what it plans for three GPUs can be asked on a machine without any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/checkpoint/model_spec.h"

namespace hearth::engine {

// What has to be put somewhere, in elements: the devices may compute in different dtypes.
struct PlacementSizes {
  std::int64_t embedding = 0;        // and what else comes before the layers
  std::vector<std::int64_t> layers;  // each with its part of the KV cache
  std::int64_t tail = 0;             // final norm and head
  bool is_head_tied = false;         // the head is the embedding: the tail goes where that is

  std::int64_t total() const;
};

struct PlacementDevice {
  std::string name;  // "cuda:0", "cpu"
  std::int64_t free_bytes = 0;
  std::int64_t element_bytes = 2;
  bool is_host = false;  // the last one, if any: slow, takes what the others cannot
};

// Indices of devices.
struct Placement {
  std::size_t embedding = 0;
  std::vector<std::size_t> layers;  // never falling
  std::size_t tail = 0;

  bool operator==(const Placement&) const = default;
};

// As few of the accelerators as hold everything, from the first on, filled to the same share of
// what they have free; where even all of them are too small, each as full as it may be and the rest
// on the host. A tenth of an accelerator's memory stays free for the step itself. nullopt: too
// little.
std::optional<Placement> place_layers(const PlacementSizes& sizes,
                                      std::span<const PlacementDevice> devices);

// The parameters of spec's modules, and in each layer `cache_elements` more.
PlacementSizes placement_sizes(const ModelSpec& spec, bool is_head_tied,
                               std::int64_t cache_elements);

// "layers 0–15 on cuda:0, 16–31 on cuda:1": the names alone where everything is on one device.
std::string describe(const Placement& placement, std::span<const PlacementDevice> devices);

}  // namespace hearth::engine
