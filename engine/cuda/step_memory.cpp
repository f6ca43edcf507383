#include "engine/cuda/step_memory.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/checkpoint/rope.h"
#include "engine/cuda/kernels/launch.h"
#include "engine/cuda/staging.h"

namespace hearth::engine::cuda {
namespace {

constexpr std::int64_t kFewestBlocks = 16;

// Takes buffers until the first that cannot be had.
class Taker {
 public:
  explicit Taker(Device& device) : device_(device) {}

  Buffer device(std::int64_t bytes) { return take(bytes, &Device::allocate); }
  Buffer pinned(std::int64_t bytes) { return take(bytes, &Device::allocate_pinned); }
  const Result<void>& result() const { return result_; }

 private:
  Buffer take(std::int64_t bytes, Result<Buffer> (Device::*allocate)(std::size_t)) {
    if (!result_) return {};
    auto buffer = (device_.*allocate)(static_cast<std::size_t>(bytes));
    if (buffer) return std::move(*buffer);
    result_ = tl::unexpected(buffer.error());
    return {};
  }

  Device& device_;
  Result<void> result_;
};

// cos and sin of fp32(position · inv_freq), times the attention factor: as CpuDecoder's.
std::vector<float> rope_values(const RopeSpec& rope, std::int64_t context) {
  const RopeTable table = make_rope_table(rope, context);
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(context * rope.dim));
  for (std::int64_t position = 0; position < context; ++position) {
    for (std::int64_t j = 0; j < rope.dim / 2; ++j) {
      const float angle =
          static_cast<float>(position) * table.inv_freq[static_cast<std::size_t>(j)];
      values.push_back(std::cos(angle) * table.attention_factor);
      values.push_back(std::sin(angle) * table.attention_factor);
    }
  }
  return values;
}

Result<Buffer> send_rope(Device& device, Staging& staging, const RopeSpec& rope,
                         std::int64_t context) {
  if (rope.dim == 0) return Buffer();
  const std::vector<float> values = rope_values(rope, context);
  auto buffer = device.allocate(values.size() * sizeof(float));
  if (!buffer) return buffer;
  if (auto sent = staging.send_values(buffer->data(), std::as_bytes(std::span(values))); !sent)
    return tl::unexpected(sent.error());
  return buffer;
}

}  // namespace

Result<StepMemory> make_step_memory(Device& device, const ModelSpec& spec, Numbers numbers,
                                    const PlanLimits& limits, std::int64_t context) {
  const std::int64_t tokens = limits.max_tokens;
  const std::int64_t value = bytes_of(activations_of(numbers));
  const auto padded = [](std::int64_t k) {
    return static_cast<std::int64_t>(padded_row(static_cast<int>(k)));
  };
  const std::int64_t q_width = spec.num_heads * spec.head_dim;
  const std::int64_t qkv_width = q_width + 2 * spec.num_kv_heads * spec.head_dim;
  const std::int64_t split_items =
      static_cast<std::int64_t>(limits.split_below) * limits.num_processors;
  const auto inputs = static_cast<std::int64_t>(
      most_inputs(limits, static_cast<int>((context + kBlockTokens - 1) / kBlockTokens)) *
      sizeof(std::int32_t));

  Taker take(device);
  StepMemory memory;
  memory.inputs = take.device(inputs);
  memory.pinned_inputs = take.pinned(inputs);
  memory.residual = take.device(tokens * spec.hidden_size * 4);
  memory.normed = take.device(tokens * padded(spec.hidden_size) * value);
  memory.qkv = take.device(tokens * qkv_width * 4);
  memory.queries = take.device(tokens * q_width * 4);
  memory.attended = take.device(tokens * padded(q_width) * value);
  memory.gate_up = take.device(tokens * 2 * spec.intermediate_size * 4);
  memory.gated = take.device(tokens * padded(spec.intermediate_size) * value);
  memory.delta = take.device(spec.sandwich_norms ? tokens * spec.hidden_size * 4 : 4);
  memory.partial = take.device(split_items * kMaxSplits * 8 * (kMaxHeadDim + 2) * 4);
  memory.tickets = take.device(split_items * 4);
  const std::int64_t widest = padded(std::max({spec.hidden_size, q_width, spec.intermediate_size}));
  memory.widened = take.device(numbers == Numbers::int8 ? kWidenedRows * widest * 2 : 4);
  if (!take.result()) return tl::unexpected(take.result().error());

  auto staging = Staging::create(device, std::size_t{1} << 20);
  if (!staging) return tl::unexpected(staging.error());
  for (auto [rope, to] :
       {std::pair(&spec.rope, &memory.rope), std::pair(&spec.local_rope, &memory.local_rope)}) {
    auto table = send_rope(device, *staging, *rope, context);
    if (!table) return tl::unexpected(table.error());
    *to = std::move(*table);
  }
  return memory;
}

Result<std::int64_t> blocks_for(const RunnerOptions& options, const CacheShape& shape,
                                std::int64_t context, std::int64_t available_bytes) {
  if (options.num_blocks > 0) return options.num_blocks;
  const std::int64_t per_sequence = (context + kBlockTokens - 1) / kBlockTokens;
  const std::int64_t budget = options.kv_cache_bytes > 0
                                  ? options.kv_cache_bytes
                                  : std::max<std::int64_t>(0, available_bytes);
  const std::int64_t affordable = budget / shape.block_bytes() - 1;  // one for padding
  if (affordable < kFewestBlocks) {
    return fail(ErrorCode::out_of_memory,
                "The KV cache has " + std::to_string(budget / 1'000'000) +
                    " MB of the GPU's memory, too little for a conversation of " +
                    std::to_string(kFewestBlocks * kBlockTokens) + " tokens.");
  }
  return std::min(per_sequence * options.max_sequences, affordable);
}

}  // namespace hearth::engine::cuda
