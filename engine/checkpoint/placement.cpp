#include "engine/checkpoint/placement.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

namespace hearth::engine {
namespace {

constexpr double kUsableShare = 0.9;  // of an accelerator

double usable_bytes(const PlacementDevice& device) {
  return static_cast<double>(device.free_bytes) * (device.is_host ? 1.0 : kUsableShare);
}

// Puts one thing after the other on the present device, and goes on to the next where it is full.
class Filling {
 public:
  Filling(std::span<const PlacementDevice> devices, double share)
      : devices_(devices), share_(share) {}

  // The device that took it; nullopt: none has room.
  std::optional<std::size_t> put(std::int64_t elements) {
    for (; at_ < devices_.size(); ++at_, used_ = 0.0) {
      const PlacementDevice& device = devices_[at_];
      const double bytes =
          static_cast<double>(elements) * static_cast<double>(device.element_bytes);
      if (used_ + bytes > usable_bytes(device) * share_) continue;
      used_ += bytes;
      return at_;
    }
    return std::nullopt;
  }

 private:
  std::span<const PlacementDevice> devices_;
  double share_;
  std::size_t at_ = 0;
  double used_ = 0.0;
};

// Every device filled to at most `share`, as much as possible on the first ones.
std::optional<Placement> filled(const PlacementSizes& sizes,
                                std::span<const PlacementDevice> devices, double share) {
  Filling filling(devices, share);
  Placement placement;
  const auto first = filling.put(sizes.embedding + (sizes.is_head_tied ? sizes.tail : 0));
  if (!first) return std::nullopt;
  placement.embedding = *first;
  for (const std::int64_t layer : sizes.layers) {
    const auto device = filling.put(layer);
    if (!device) return std::nullopt;
    placement.layers.push_back(*device);
  }
  const auto last = sizes.is_head_tied ? first : filling.put(sizes.tail);
  if (!last) return std::nullopt;
  placement.tail = *last;
  return placement;
}

// The smallest share at which everything fits: no device is fuller than it has to be.
std::optional<Placement> balanced(const PlacementSizes& sizes,
                                  std::span<const PlacementDevice> devices) {
  std::optional<Placement> best = filled(sizes, devices, 1.0);
  if (!best) return std::nullopt;
  double low = 0.0;
  double high = 1.0;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    if (auto placement = filled(sizes, devices, middle)) {
      best = std::move(placement);
      high = middle;
    } else {
      low = middle;
    }
  }
  return best;
}

std::int64_t num_elements(const ModuleSpec& module) {
  const std::int64_t weight = std::accumulate(module.shape.begin(), module.shape.end(),
                                              std::int64_t{1}, std::multiplies<>());
  return weight + (module.has_bias ? module.shape.front() : 0);
}

}  // namespace

std::int64_t PlacementSizes::total() const {
  return std::accumulate(layers.begin(), layers.end(), embedding + tail);
}

std::optional<Placement> place_layers(const PlacementSizes& sizes,
                                      std::span<const PlacementDevice> devices) {
  const auto host = std::find_if(devices.begin(), devices.end(),
                                 [](const PlacementDevice& device) { return device.is_host; });
  const auto num_accelerators = static_cast<std::size_t>(host - devices.begin());
  for (std::size_t count = 1; count <= num_accelerators; ++count) {
    if (auto placement = balanced(sizes, devices.first(count))) return placement;
  }
  return filled(sizes, devices, 1.0);
}

PlacementSizes placement_sizes(const ModelSpec& spec, bool is_head_tied,
                               std::int64_t cache_elements) {
  PlacementSizes sizes;
  sizes.is_head_tied = is_head_tied;
  std::int64_t layer = cache_elements;
  bool is_behind_layers = false;
  for (const ModuleSpec& module : spec.modules) {
    if (module.path.find("{}") != std::string::npos) {
      layer += num_elements(module);
      is_behind_layers = true;
    } else {
      (is_behind_layers ? sizes.tail : sizes.embedding) += num_elements(module);
    }
  }
  // config.json says tied, but the file has a head of its own (WeightMap).
  const bool has_own_head = spec.tied_embeddings && !is_head_tied && !spec.is_classifier();
  if (has_own_head) sizes.tail += spec.vocab_size * spec.hidden_size;
  sizes.layers.assign(static_cast<std::size_t>(spec.num_layers), layer);
  return sizes;
}

std::string describe(const Placement& placement, std::span<const PlacementDevice> devices) {
  std::string text;
  const std::vector<std::size_t>& layers = placement.layers;
  for (std::size_t first = 0; first < layers.size();) {
    std::size_t end = first;
    while (end < layers.size() && layers[end] == layers[first]) ++end;
    const std::string& name = devices[layers[first]].name;
    if (first == 0 && end == layers.size()) return name;
    text += text.empty() ? "layers " : ", ";
    text += std::to_string(first);
    if (end - first > 1) text += "–" + std::to_string(end - 1);
    text += " on " + name;
    first = end;
  }
  return text;
}

}  // namespace hearth::engine
