#include "engine/cli/devices.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <string_view>

#include "engine/base/gpu_memory.h"
#include "engine/base/memory.h"

namespace hearth::engine {
namespace {

constexpr std::int64_t kPlannedTokens = 4096;  // of conversation, unless the context is shorter

// "24G" → bytes; 0 when it is no such number.
std::int64_t bytes_of(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string_view unit = end;
  constexpr std::string_view kUnits = "KMGT";
  double factor = 1.0;
  if (unit.size() == 1 && kUnits.find(unit[0]) != std::string_view::npos) {
    factor = std::pow(1024.0, static_cast<double>(kUnits.find(unit[0]) + 1));
  } else if (!unit.empty()) {
    return 0;
  }
  const double bytes = number * factor;
  return bytes >= 1.0 && bytes < 1e18 ? static_cast<std::int64_t>(bytes) : 0;
}

// As the decoders choose where nobody says: a GPU computes in what is stored, the CPU in bf16, or
// in fp32 what spills over to it in fp16.
void set_element_bytes(std::vector<PlacementDevice>& devices, const ModelSpec& spec) {
  const Dtype stored = spec.stored_dtype.value_or(Dtype::bf16);
  for (PlacementDevice& device : devices) {
    const bool is_alone = devices.size() == 1;
    const bool is_wide = device.is_host ? !is_alone && stored != Dtype::bf16 : stored == Dtype::f32;
    device.element_bytes = is_wide ? 4 : 2;
  }
}

}  // namespace

Result<std::vector<PlacementDevice>> devices_for(const std::string& named, const ModelSpec& spec) {
  std::vector<PlacementDevice> devices;
  if (named.empty()) {
    for (const std::int64_t free : free_gpu_memory()) {
      devices.push_back({"cuda:" + std::to_string(devices.size()), free, 2, false});
    }
    devices.push_back({"cpu", available_memory(), 2, true});
  }
  std::istringstream parts(named);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string name = part.substr(0, equals);
    const std::int64_t bytes = bytes_of(part.substr(std::min(equals + 1, part.size())));
    const bool is_last = devices.empty() || !devices.back().is_host;
    if (name.empty() || bytes == 0 || !is_last) {
      return fail(ErrorCode::usage,
                  "--devices takes names and free memory, the CPU last: cuda:0=24G,cpu=64G.");
    }
    devices.push_back({name, bytes, 2, name == "cpu"});
  }
  set_element_bytes(devices, spec);
  return devices;
}

PlacementReport plan_placement(const ModelSpec& spec, const WeightMap& weights,
                               const std::vector<PlacementDevice>& devices) {
  PlacementReport report;
  report.cache_tokens = std::min(kPlannedTokens, spec.context_length);
  const std::int64_t cache_elements = kv_bytes_per_token(spec, 1) * report.cache_tokens /
                                      std::max<std::int64_t>(spec.num_layers, 1);
  const PlacementSizes sizes = placement_sizes(spec, weights.head_is_embedding(), cache_elements);
  const auto placement = place_layers(sizes, devices);
  report.fits = placement.has_value();
  if (!placement) {
    report.text = "too large for";
    for (const PlacementDevice& device : devices) {
      report.text += (&device == devices.data() ? " " : ", ") + device.name;
    }
    return report;
  }
  report.placement = *placement;
  report.text = describe(*placement, devices);
  return report;
}

}  // namespace hearth::engine
