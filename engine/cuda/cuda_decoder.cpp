#include "engine/cuda/cuda_decoder.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/cuda/device_weights.h"
#include "engine/cuda/kernels/launch.h"
#include "engine/cuda/layer_launcher.h"
#include "engine/cuda/step_memory.h"
#include "engine/cuda/step_plan.h"
#include "engine/runtime/batch_check.h"

namespace hearth::engine::cuda {
namespace {

constexpr std::size_t kMostGraphs = 128;

// Parts of a decoder. The device is first: everything else lies in its memory.
struct Parts {
  std::unique_ptr<Device> device;
  ModelSpec spec;
  Numbers numbers = Numbers::fp32;
  RunnerTraits traits;
  PlanLimits limits;
  DeviceWeights weights;
  StepMemory memory;
  Buffer cache;
  CacheShape cache_shape;
  bool records_steps = true;
};

class CudaDecoder final : public StepRunner {
 public:
  explicit CudaDecoder(Parts parts)
      : parts_(std::move(parts)),
        launcher_(
            *parts_.device, parts_.spec, parts_.numbers, parts_.weights, parts_.memory,
            {parts_.cache.as<std::byte>(), parts_.cache_shape, parts_.traits.num_blocks + 1}) {}

  const RunnerTraits& traits() const override { return parts_.traits; }

  Result<StepResult> run(const Batch& batch) override;

  // Memory for the logits of a token of every sequence, so that it need not grow while people wait.
  // Errors: out_of_memory.
  Result<void> reserve_outputs();

 private:
  Result<StepResult> run_sound(const Batch& batch, std::vector<std::string>& faults);
  void compute(const StepPlan& plan);
  bool make_room(const StepShape& shape);
  Result<StepResult> results(const Batch& batch, const StepPlan& plan,
                             const std::vector<std::string>& faults) const;

  // The outputs of a step: a float for each (1: all numbers), the logits, the hidden states.
  std::size_t output_floats(const StepShape& shape) const {
    const auto logits = static_cast<std::size_t>(shape.num_logits);
    const auto hidden = static_cast<std::size_t>(shape.num_hidden);
    return logits + hidden + logits * static_cast<std::size_t>(parts_.spec.vocab_size) +
           hidden * static_cast<std::size_t>(parts_.spec.hidden_size);
  }

  Parts parts_;
  LayerLauncher launcher_;
  Buffer outputs_;
  Buffer pinned_outputs_;
  Buffer head_input_;  // [logits, padded C] activations
  // A shape is run once, recorded the second time, then replayed. Null: cannot be recorded.
  std::map<StepShape, std::unique_ptr<Graph>> graphs_;
  std::map<StepShape, int> seen_;
};

Result<StepResult> CudaDecoder::run(const Batch& batch) {
  std::vector<std::string> faults;
  for (const BatchRow& row : batch.rows) {
    faults.push_back(fault_of(parts_.traits, row));
    if (faults.back().empty() && row.output == RowOutput::class_scores)
      faults.back() = "The GPU decoder gives no class scores.";
  }
  Batch sound;
  std::vector<std::string> sound_faults;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    if (faults[i].empty()) sound.rows.push_back(batch.rows[i]);
  }
  sound_faults.resize(sound.rows.size());
  auto computed = run_sound(sound, sound_faults);
  if (!computed) return computed;
  StepResult result;
  auto next = computed->rows.begin();
  for (std::string& fault : faults)
    result.rows.push_back(fault.empty() ? std::move(*next++) : RowResult{{}, std::move(fault)});
  return result;
}

// Memory for the outputs of a step, on both sides; false when there is none, and what was there
// stays.
bool CudaDecoder::make_room(const StepShape& shape) {
  Device& device = *parts_.device;
  const std::size_t bytes = output_floats(shape) * sizeof(float);
  const std::size_t head_bytes = static_cast<std::size_t>(shape.num_logits) *
                                 static_cast<std::size_t>(parts_.weights.head.stride) *
                                 static_cast<std::size_t>(bytes_of(activations_of(parts_.numbers)));
  if (bytes <= outputs_.bytes() && head_bytes <= head_input_.bytes()) return true;
  graphs_.clear();  // they hold the old addresses
  seen_.clear();
  auto outputs = device.allocate(std::max(bytes, outputs_.bytes()));
  if (!outputs) return false;
  auto head_input = device.allocate(std::max(head_bytes, head_input_.bytes()));
  if (!head_input) return false;
  auto pinned = device.allocate_pinned(std::max(bytes, outputs_.bytes()));
  if (!pinned) return false;
  outputs_ = std::move(*outputs);
  head_input_ = std::move(*head_input);
  pinned_outputs_ = std::move(*pinned);
  return true;
}

Result<void> CudaDecoder::reserve_outputs() {
  StepShape shape;
  shape.num_logits = parts_.limits.max_rows;
  if (make_room(shape)) return {};
  return fail(ErrorCode::out_of_memory, "The GPU has no memory for the logits of " +
                                            std::to_string(shape.num_logits) + " sequences.");
}

// The row that asks for most gives up its result first.
std::size_t greediest(const Batch& batch, const StepPlan& plan) {
  std::size_t worst = 0;
  for (std::size_t r = 1; r < batch.rows.size(); ++r) {
    if (plan.wanted[r].count > plan.wanted[worst].count) worst = r;
  }
  return worst;
}

Result<StepResult> CudaDecoder::run_sound(const Batch& asked, std::vector<std::string>& faults) {
  if (asked.rows.empty()) return StepResult{};
  Batch batch = asked;
  StepPlan plan = plan_step(batch, parts_.limits);
  CHECK(plan.num_tokens <= parts_.limits.max_tokens);
  CHECK(static_cast<int>(batch.rows.size()) <= parts_.limits.max_rows);
  while (!make_room(plan.shape)) {
    const std::size_t worst = greediest(batch, plan);
    if (plan.wanted[worst].count == 0)
      return fail(ErrorCode::out_of_memory, "The GPU has no memory left.");
    faults[worst] = "The GPU has no memory for the results of " +
                    std::to_string(plan.wanted[worst].count) + " tokens.";
    batch.rows[worst].output = RowOutput::none;
    plan = plan_step(batch, parts_.limits);
  }
  auto* const inputs = parts_.memory.pinned_inputs.as<std::int32_t>();
  write_inputs(batch, plan, parts_.limits, inputs);
  parts_.device->upload(parts_.memory.inputs.data(), inputs,
                        InputLayout(plan.shape).size * sizeof(std::int32_t));
  compute(plan);
  return results(batch, plan, faults);
}

void CudaDecoder::compute(const StepPlan& plan) {
  Device& device = *parts_.device;
  const OutputPlace place{outputs_.as<float>(), head_input_.data()};
  if (!parts_.records_steps || !plan.is_decode) return launcher_.run(plan.shape, place);
  const auto recorded = graphs_.find(plan.shape);
  if (recorded != graphs_.end() && recorded->second != nullptr)
    return device.replay(*recorded->second);
  const bool is_first = seen_[plan.shape]++ == 0;
  if (is_first || recorded != graphs_.end() || graphs_.size() >= kMostGraphs)
    return launcher_.run(plan.shape, place);
  device.begin_capture();
  launcher_.run(plan.shape, place);
  std::unique_ptr<Graph>& graph = graphs_[plan.shape];
  graph = device.end_capture();
  if (graph == nullptr) return launcher_.run(plan.shape, place);
  device.replay(*graph);
}

Result<StepResult> CudaDecoder::results(const Batch& batch, const StepPlan& plan,
                                        const std::vector<std::string>& faults) const {
  const StepShape& shape = plan.shape;
  const auto vocab = static_cast<std::size_t>(parts_.spec.vocab_size);
  const auto hidden = static_cast<std::size_t>(parts_.spec.hidden_size);
  const auto num_logits = static_cast<std::size_t>(shape.num_logits);
  const auto outputs = static_cast<std::size_t>(shape.num_outputs());
  // One copy. Padding stands at the end of the logits, where there are then no hidden states.
  const std::size_t floats =
      shape.num_hidden > 0 ? output_floats(shape)
                           : outputs + static_cast<std::size_t>(plan.num_real_outputs) * vocab;
  const float* const out = pinned_outputs_.as<float>();
  if (plan.num_real_outputs > 0)
    parts_.device->download(pinned_outputs_.data(), outputs_.data(), floats * sizeof(float));
  if (auto done = parts_.device->synchronize(); !done) return tl::unexpected(done.error());

  StepResult result;
  for (std::size_t r = 0; r < batch.rows.size(); ++r) {
    RowResult row;
    const auto first = static_cast<std::size_t>(plan.wanted[r].first);
    const auto count = static_cast<std::size_t>(plan.wanted[r].count);
    const RowOutput output = batch.rows[r].output;
    const bool is_hidden = output == RowOutput::hidden || output == RowOutput::all_hidden;
    if (!faults[r].empty()) {
      row.error = faults[r];
    } else if (std::any_of(out + first, out + first + count,
                           [](float is_finite) { return is_finite != 1.0F; })) {
      row.error = "The model computed a value that is not a number.";
    } else if (is_hidden) {
      const float* at = out + outputs + num_logits * vocab + (first - num_logits) * hidden;
      row.values = {at, count * hidden};
    } else if (count > 0) {
      row.values = {out + outputs + first * vocab, count * vocab};
    }
    result.rows.push_back(std::move(row));
  }
  return result;
}

Result<Numbers> numbers_of(const ModelSpec& spec, ComputeDtype dtype) {
  switch (dtype) {
    case ComputeDtype::fp32:
      return Numbers::fp32;
    case ComputeDtype::bf16:
      return Numbers::bf16;
    case ComputeDtype::fp16:
      return Numbers::fp16;
    case ComputeDtype::int8:
      return Numbers::int8;
    case ComputeDtype::automatic:
      break;
    case ComputeDtype::int4:
      return fail(ErrorCode::dtype_unsupported, "The GPU decoder has no int4.");
  }
  const Dtype stored = spec.stored_dtype.value_or(Dtype::bf16);
  return stored == Dtype::f32   ? Numbers::fp32
         : stored == Dtype::f16 ? Numbers::fp16
                                : Numbers::bf16;
}

int padded_dim(std::int64_t head_dim, Numbers numbers) {
  const int piece = kPieceBytes / bytes_of(activations_of(numbers));
  return static_cast<int>((head_dim + piece - 1) / piece * piece);
}

PlanLimits limits_of(const ModelSpec& spec, const RunnerTraits& traits, const Device& device) {
  PlanLimits limits;
  limits.group = static_cast<int>(spec.num_heads / spec.num_kv_heads);
  limits.num_kv_heads = static_cast<int>(spec.num_kv_heads);
  limits.num_processors = device.num_processors();
  limits.max_tokens = static_cast<int>(traits.max_batch_tokens);
  limits.max_rows = static_cast<int>(traits.max_sequences);
  return limits;
}

std::string_view to_string(Numbers numbers) {
  switch (numbers) {
    case Numbers::fp32:
      return "fp32";
    case Numbers::bf16:
      return "bf16";
    case Numbers::fp16:
      return "fp16";
    case Numbers::int8:
      return "int8";
  }
  return {};
}

}  // namespace

bool can_run(const ModelSpec& spec, const RunnerOptions& options) {
  return spec.network == Network::decoder && !spec.is_classifier() &&
         spec.num_heads % spec.num_kv_heads == 0 && spec.head_dim <= kMaxHeadDim &&
         spec.head_dim % 2 == 0 &&
         (spec.norm == NormKind::rms || spec.norm == NormKind::rms_unit_offset ||
          spec.norm == NormKind::rms_fp32) &&
         (spec.activation == Activation::silu || spec.activation == Activation::gelu_tanh) &&
         options.dtype != ComputeDtype::int4 && options.kv_dtype == KvDtype::bf16;
}

Result<std::unique_ptr<StepRunner>> load_cuda_decoder(std::unique_ptr<Device> device,
                                                      const Checkpoint& checkpoint,
                                                      const ModelSpec& spec,
                                                      const CudaDecoderOptions& options,
                                                      const ProgressSink& progress) {
  if (!can_run(spec, options.runner)) {
    return fail(ErrorCode::architecture_unsupported, "The GPU decoder cannot run " +
                                                         spec.architecture +
                                                         " in this dtype; the torch decoder may.");
  }
  const auto numbers = numbers_of(spec, options.runner.dtype);
  if (!numbers) return tl::unexpected(numbers.error());
  Parts parts;
  parts.device = std::move(device);
  parts.spec = spec;
  parts.numbers = *numbers;
  parts.records_steps = options.records_steps;
  auto weights = load_device_weights(*parts.device, checkpoint, spec, *numbers, progress);
  if (!weights) return tl::unexpected(weights.error());
  parts.weights = std::move(*weights);

  RunnerTraits& traits = parts.traits;
  traits.vocab_size = spec.vocab_size;
  traits.context_length = planned_context(spec, options.runner.context_length);
  traits.block_size = kBlockTokens;
  traits.max_sequences = options.runner.max_sequences;
  traits.max_batch_tokens =
      std::max<std::int64_t>(options.runner.max_batch_tokens, options.runner.max_sequences);
  parts.limits = limits_of(spec, traits, *parts.device);
  auto memory =
      make_step_memory(*parts.device, spec, *numbers, parts.limits, traits.context_length);
  if (!memory) return tl::unexpected(memory.error());
  parts.memory = std::move(*memory);

  parts.cache_shape = {spec.num_layers, spec.num_kv_heads, padded_dim(spec.head_dim, *numbers),
                       bytes_of(activations_of(*numbers))};
  const auto num_blocks = blocks_for(options.runner, parts.cache_shape, traits.context_length,
                                     parts.device->free_bytes() - options.reserve_bytes);
  if (!num_blocks) return tl::unexpected(num_blocks.error());
  traits.num_blocks = *num_blocks;
  traits.context_length = std::min(traits.context_length, traits.num_blocks * kBlockTokens);
  parts.limits.padding_block = static_cast<int>(traits.num_blocks);
  auto cache = parts.device->allocate(
      static_cast<std::size_t>((traits.num_blocks + 1) * parts.cache_shape.block_bytes()));
  if (!cache) return tl::unexpected(cache.error());
  parts.cache = std::move(*cache);
  traits.description = parts.device->name() + ", " + std::string(to_string(*numbers)) + " weights";
  auto decoder = std::make_unique<CudaDecoder>(std::move(parts));
  if (auto reserved = decoder->reserve_outputs(); !reserved)
    return tl::unexpected(reserved.error());
  return decoder;
}

}  // namespace hearth::engine::cuda
