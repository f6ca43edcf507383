#include "engine/torch/run_plan.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>

#include <torch/cuda.h>

#include "engine/base/memory.h"
#include "engine/torch/attention.h"
#include "engine/torch/cpu_matmul.h"

namespace hearth::engine {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

// A GPU's share when nobody said: its free memory cannot be asked without CUDA's headers.
constexpr std::int64_t kDeviceCacheBytes = std::int64_t{4} << 30;

std::string gib(double bytes) {
  std::string text = std::to_string(bytes / kGiB);
  return text.substr(0, text.find('.') + 3) + " GiB";
}

Result<at::Device> choose_device(ComputeDevice wanted) {
  const bool has_cuda = torch::cuda::is_available();
  if (wanted == ComputeDevice::cuda && !has_cuda) {
    return fail(ErrorCode::engine_failed, "This build of libtorch finds no CUDA device.");
  }
  return has_cuda && wanted != ComputeDevice::cpu ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
}

Result<at::ScalarType> choose_dtype(ComputeDtype wanted, const at::Device& device, Dtype stored) {
  switch (wanted) {
    case ComputeDtype::fp32:
      return at::kFloat;
    case ComputeDtype::bf16:
      return at::kBFloat16;
    case ComputeDtype::fp16:
      if (device.is_cpu()) {
        return fail(ErrorCode::dtype_unsupported,
                    "fp16 needs a GPU; on the CPU choose fp32 or bf16.");
      }
      return at::kHalf;
    case ComputeDtype::int8:
    case ComputeDtype::int4:
      return fail(ErrorCode::dtype_unsupported,
                  "int8 and int4 are computed by the packed CPU decoder only, which does not know "
                  "this model or device; choose fp32 or bf16.");
    case ComputeDtype::automatic:
      break;
  }
  if (device.is_cpu()) return at::kFloat;
  if (stored == Dtype::f16) return at::kHalf;
  return stored == Dtype::bf16 ? at::kBFloat16 : at::kFloat;
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

const char* name_of(at::ScalarType dtype) {
  if (dtype == at::kFloat) return "fp32";
  return dtype == at::kBFloat16 ? "bf16" : "fp16";
}

std::string describe(const RunPlan& plan, at::ScalarType dtype) {
  if (!plan.options.device().is_cpu()) {
    return std::string("TorchDecoder on ") + plan.options.device().str() + ", " + name_of(dtype);
  }
  std::string text = "TorchDecoder on the CPU, ";
  text.append(name_of(dtype)).append(", ").append(cpu_matmul_instruction_set()).append(", ");
  return text.append(std::to_string(plan.threads))
      .append(plan.threads == 1 ? " thread" : " threads");
}

}  // namespace

Result<RunPlan> make_run_plan(const WeightMap& weights, const ModelSpec& spec,
                              const RunnerOptions& options) {
  if (auto checked = check_options(options); !checked) return tl::unexpected(checked.error());
  const auto device = choose_device(options.device);
  if (!device) return tl::unexpected(device.error());
  const Dtype stored = weights.at(spec.names.embedding + ".weight").dtype;
  const auto dtype = choose_dtype(options.dtype, *device, stored);
  if (!dtype) return tl::unexpected(dtype.error());

  RunPlan plan;
  plan.options = at::TensorOptions(*dtype).device(*device);
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  plan.threads = options.threads > 0 ? options.threads : static_cast<int>(cores);

  const auto element_bytes = static_cast<std::int64_t>(c10::elementSize(*dtype));
  const std::int64_t weight_bytes =
      static_cast<std::int64_t>(weights.num_parameters()) * element_bytes;
  const std::int64_t memory =
      device->is_cpu() ? available_memory() : std::numeric_limits<std::int64_t>::max() / 2;
  const std::int64_t cache_budget =
      device->is_cpu() ? (memory - weight_bytes) / 4 : kDeviceCacheBytes;

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
    traits.num_blocks = automatic_blocks(options, traits.context_length, block_bytes, cache_budget);
  }
  // Linux grants memory that it does not have and then kills the process: ask before, not after.
  const double needed = static_cast<double>(weight_bytes) +
                        static_cast<double>(traits.num_blocks) * static_cast<double>(block_bytes);
  if (traits.num_blocks < 1 || needed > static_cast<double>(memory)) {
    return fail(ErrorCode::out_of_memory,
                "The model needs " + gib(static_cast<double>(weight_bytes)) + " in " +
                    name_of(*dtype) + " and " + gib(needed - static_cast<double>(weight_bytes)) +
                    " of KV cache, but only " + gib(static_cast<double>(memory)) +
                    " of memory is free.");
  }
  if (spec.network != Network::bert) {
    traits.context_length = std::min(traits.context_length, traits.num_blocks * traits.block_size);
  }
  traits.description = describe(plan, *dtype);
  return plan;
}

}  // namespace hearth::engine
