#include "engine/torch/run_plan.h"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "engine/checkpoint/placement.h"
#include "engine/torch/attention.h"
#include "engine/torch/cpu_matmul.h"
#include "engine/torch/devices.h"

namespace hearth::engine {
namespace {

constexpr std::int64_t kCacheBytesMax = std::int64_t{1} << 50;    // no machine's; sums stay exact
constexpr std::int64_t kBlindCacheBytes = std::int64_t{4} << 30;  // on a GPU that tells nothing
constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

std::string gib(double bytes) {
  std::string text = std::to_string(bytes / kGiB);
  return text.substr(0, text.find('.') + 3) + " GiB";
}

Result<void> check_options(const RunnerOptions& options) {
  const auto invalid = [](const char* what) { return fail(ErrorCode::invalid_parameter, what); };
  if (options.block_size < 1 || kAttentionChunk % options.block_size != 0) {
    return invalid("block_size must divide 256.");
  }
  if (options.max_sequences < 1) return invalid("max_sequences must be at least 1.");
  if (options.max_batch_tokens < 1) return invalid("max_batch_tokens must be at least 1.");
  if (options.threads < 0) return invalid("threads must be 0 or more.");
  if (options.num_blocks < 0 || options.kv_cache_bytes < 0 || options.context_length < 0) {
    return invalid("num_blocks, kv_cache_bytes and context_length must be 0 or more.");
  }
  return {};
}

// Blocks for every slot's full context, as far as the budget goes.
std::int64_t automatic_blocks(const RunnerOptions& options, std::int64_t context,
                              std::int64_t block_bytes, std::int64_t budget) {
  const std::int64_t per_sequence = (context + options.block_size - 1) / options.block_size;
  return std::min(per_sequence * options.max_sequences, budget / block_bytes);
}

// What the kind of network asks of the engine: a prompt in one piece, no reuse, memory beside the
// cache.
void plan_network(const ModelSpec& spec, std::int64_t element_bytes, RunnerTraits& traits) {
  const bool is_whole = spec.network == Network::chatglm1 || spec.network == Network::bert;
  if (is_whole) {
    traits.can_chunk = false;
    traits.can_cache = false;
    traits.max_batch_tokens = std::max(traits.max_batch_tokens, traits.context_length);
  }
  if (spec.network == Network::yuan2) {
    traits.state_bytes =
        spec.num_layers * (spec.hidden_size + spec.hidden_size / 2) * element_bytes;
  }
}

std::vector<PlacementDevice> placement_devices(const std::vector<DeviceChoice>& choices) {
  std::vector<PlacementDevice> devices;
  for (const DeviceChoice& choice : choices) devices.push_back(choice.device);
  return devices;
}

std::string describe(const RunPlan& plan, const Placement& placement,
                     const std::vector<DeviceChoice>& choices) {
  const at::TensorOptions& first = plan.places.layers.front();
  const char* const dtype = name_of(c10::typeMetaToScalarType(first.dtype()));
  if (!first.device().is_cpu()) {
    std::string text = "TorchDecoder on " + describe(placement, placement_devices(choices));
    return text.append(", ").append(dtype);
  }
  std::string text = "TorchDecoder on the CPU, ";
  text.append(dtype).append(", ").append(cpu_matmul_instruction_set()).append(", ");
  return text.append(std::to_string(plan.threads))
      .append(plan.threads == 1 ? " thread" : " threads");
}

// What may be spent on the cache: on GPUs most of what the weights leave, else (the CPU, or weights
// that already spill over to it) a quarter.
std::int64_t cache_budget(const std::vector<DeviceChoice>& choices, std::int64_t num_parameters) {
  if (choices.front().device.free_bytes == kUnknownFreeBytes) return kBlindCacheBytes;
  std::int64_t on_gpus = 0;
  std::int64_t in_all = 0;
  for (const DeviceChoice& choice : choices) {
    if (!choice.device.is_host) on_gpus += choice.device.free_bytes / 10 * 9;
    in_all += choice.device.free_bytes;
  }
  const std::int64_t weight_bytes = num_parameters * choices.front().device.element_bytes;
  if (on_gpus > weight_bytes) {
    return (on_gpus - weight_bytes) / 4 * 3;
  }
  return (in_all - weight_bytes) / 4;
}

Error too_large(const std::vector<DeviceChoice>& choices, double weight_bytes, double cache_bytes) {
  double free = 0.0;
  for (const DeviceChoice& choice : choices) free += static_cast<double>(choice.device.free_bytes);
  const auto dtype = c10::typeMetaToScalarType(choices.front().place.dtype());
  return {ErrorCode::out_of_memory, "The model needs " + gib(weight_bytes) + " in " +
                                        name_of(dtype) + " and " + gib(std::max(cache_bytes, 0.0)) +
                                        " of KV cache, but only " + gib(free) +
                                        " of memory is free."};
}

Places places_of(const Placement& placement, const std::vector<DeviceChoice>& choices) {
  Places places;
  places.embedding = choices[placement.embedding].place;
  places.tail = choices[placement.tail].place;
  for (const std::size_t device : placement.layers) places.layers.push_back(choices[device].place);
  return places;
}

}  // namespace

Result<RunPlan> make_run_plan(const WeightMap& weights, const ModelSpec& spec,
                              const RunnerOptions& options) {
  if (auto checked = check_options(options); !checked) return tl::unexpected(checked.error());
  const Dtype stored = weights.at(spec.names.embedding + ".weight").dtype;
  auto choices = choose_devices(options, spec, stored);
  if (!choices) return tl::unexpected(choices.error());
  if (spec.network == Network::bert)
    choices->resize(1, choices->front());  // small, and in one piece

  RunPlan plan;
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  plan.threads = options.threads > 0 ? options.threads : static_cast<int>(cores);
  const std::int64_t element_bytes = choices->front().device.element_bytes;
  const auto num_parameters = static_cast<std::int64_t>(weights.num_parameters());

  RunnerTraits& traits = plan.traits;
  traits.vocab_size = spec.vocab_size;
  traits.context_length = planned_context(spec, options.context_length);
  traits.block_size = options.block_size;
  traits.max_sequences = options.max_sequences;
  traits.max_batch_tokens = options.max_batch_tokens;
  plan_network(spec, element_bytes, traits);
  // An encoder keeps nothing; a block of its own costs a byte, so that nothing below divides by 0.
  const std::int64_t block_bytes = std::max<std::int64_t>(
      1, kv_bytes_per_token(spec, element_bytes) * options.block_size + traits.state_bytes);
  if (options.num_blocks > 0) {
    traits.num_blocks = options.num_blocks;
  } else if (options.kv_cache_bytes > 0) {
    traits.num_blocks = options.kv_cache_bytes / block_bytes;
  } else {
    traits.num_blocks = automatic_blocks(options, traits.context_length, block_bytes,
                                         cache_budget(*choices, num_parameters));
  }
  const double weight_bytes =
      static_cast<double>(num_parameters) * static_cast<double>(element_bytes);
  const double cache_bytes =
      static_cast<double>(traits.num_blocks) * static_cast<double>(block_bytes);
  const Error no_room = too_large(*choices, weight_bytes, cache_bytes);
  if (traits.num_blocks < 1 || cache_bytes > static_cast<double>(kCacheBytesMax))
    return tl::unexpected(no_room);
  // Linux grants memory that it does not have and then kills the process: ask before, not after.
  const std::int64_t cache_elements =
      traits.num_blocks * (block_bytes / element_bytes) / spec.num_layers;
  const auto placement =
      place_layers(placement_sizes(spec, weights.head_is_embedding(), cache_elements),
                   placement_devices(*choices));
  if (!placement) return tl::unexpected(no_room);
  plan.places = places_of(*placement, *choices);
  if (spec.network != Network::bert) {
    traits.context_length = std::min(traits.context_length, traits.num_blocks * traits.block_size);
  }
  traits.description = describe(plan, *placement, *choices);
  return plan;
}

}  // namespace hearth::engine
