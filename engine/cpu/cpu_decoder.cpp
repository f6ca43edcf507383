#include "engine/cpu/cpu_decoder.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/checkpoint/rope.h"
#include "engine/cpu/activations.h"
#include "engine/cpu/attention.h"
#include "engine/cpu/cpu_weights.h"
#include "engine/cpu/grown.h"
#include "engine/cpu/kv_cache.h"
#include "engine/cpu/memory_plan.h"
#include "engine/cpu/output_head.h"
#include "engine/cpu/product.h"
#include "engine/cpu/product_input.h"
#include "engine/cpu/rotary.h"
#include "engine/cpu/tuning.h"
#include "engine/cpu/worker_pool.h"
#include "engine/runtime/batch_check.h"

namespace hearth::engine::cpu {
namespace {

class CpuDecoder final : public StepRunner {
 public:
  CpuDecoder(ModelSpec spec, KernelTable kernels, std::unique_ptr<WorkerPool> pool,
             CpuWeights weights, KvCache cache, RunnerTraits traits)
      : spec_(std::move(spec)),
        kernels_(std::move(kernels)),
        pool_(std::move(pool)),
        weights_(std::move(weights)),
        cache_(std::move(cache)),
        traits_(std::move(traits)),
        attention_(kernels_,
                   {spec_.num_heads, spec_.num_kv_heads, spec_.head_dim,
                    static_cast<float>(spec_.attention_scale),
                    static_cast<float>(spec_.attention_softcap)},
                   pool_->size()),
        rotary_(spec_.rope, traits_.context_length),
        local_rotary_(spec_.local_rope, traits_.context_length),
        input_(kernels_, *pool_, static_cast<float>(spec_.norm_eps), norm_offset()),
        head_(spec_, weights_, kernels_, *pool_, input_),
        mid_(kernels_),
        gated_(static_cast<std::size_t>(pool_->size())) {}

  const RunnerTraits& traits() const override { return traits_; }

  Result<StepResult> run(const Batch& batch) override;

  int num_workers() const override { return pool_->size(); }
  void each_of(std::int64_t count, const std::function<void(std::int64_t, int)>& body) override {
    pool_->for_each(count, 1, [&](std::int64_t begin, std::int64_t end, int worker) {
      for (std::int64_t item = begin; item < end; ++item) body(item, worker);
    });
  }

 private:
  // Where one batch row's tokens stand among the step's.
  struct Token {
    std::int32_t row = 0;
    std::int64_t position = 0;
  };

  std::int64_t q_width() const { return spec_.num_heads * spec_.head_dim; }
  std::int64_t qkv_width() const {
    return (spec_.num_heads + 2 * spec_.num_kv_heads) * spec_.head_dim;
  }

  StepResult run_sound(const Batch& batch);
  void collect(const Batch& batch);
  void embed(const Batch& batch);
  void run_layer(const LayerWeights& layer, std::int64_t index);
  void attention_block(const LayerWeights& layer, std::int64_t index);
  void rotate_and_store(const LayerWeights& layer, std::int64_t index);
  void mlp_block(const LayerWeights& layer,
                 const PackedMatrix& after);  // after: what is multiplied next

  template <class Use>
  void multiply(const PackedMatrix& matrix, const Activations& input, const PackedMatrix* next,
                const Use& use) {
    cpu::multiply(matrix, input, next, kernels_, *pool_, use);
  }

  // residual[row] += matrix · input + bias, through `norm` first where the family has one there.
  void multiply_into_residual(const PackedMatrix& matrix, const Activations& input,
                              const PackedMatrix& next, const std::vector<float>& bias,
                              const std::vector<float>& norm);

  float norm_offset() const { return spec_.norm == NormKind::rms_unit_offset ? 1.0F : 0.0F; }

  ModelSpec spec_;
  KernelTable kernels_;
  std::unique_ptr<WorkerPool> pool_;
  CpuWeights weights_;
  KvCache cache_;
  RunnerTraits traits_;
  Attention attention_;
  Rotary rotary_;
  Rotary local_rotary_;
  ProductInput input_;
  OutputHead head_;
  Activations mid_;  // the MLP's middle, input of its last product

  // The step's buffers. T rows each, in the order of the batch.
  std::vector<std::vector<float>> gated_;  // [T, 32] for each worker: a group of the MLP's middle
  std::vector<Token> tokens_;
  std::vector<AttentionRow> attention_rows_;
  std::vector<float> residual_;  // [T, C]
  std::vector<float> qkv_;       // [T, q heads, k heads, v heads]
  std::vector<float> attended_;  // [T, q heads]
  std::vector<float> delta_;     // [T, C]  before a sandwich norm
};

void CpuDecoder::collect(const Batch& batch) {
  tokens_.clear();
  attention_rows_.clear();
  for (std::size_t r = 0; r < batch.rows.size(); ++r) {
    const BatchRow& row = batch.rows[r];
    attention_rows_.push_back({static_cast<std::int64_t>(tokens_.size()),
                               static_cast<std::int64_t>(row.tokens.size()), row.position,
                               row.block_table});
    for (std::size_t t = 0; t < row.tokens.size(); ++t) {
      tokens_.push_back(
          {static_cast<std::int32_t>(r), row.position + static_cast<std::int64_t>(t)});
    }
    const std::int64_t end = row.position + static_cast<std::int64_t>(row.tokens.size());
    rotary_.reach(end);
    local_rotary_.reach(end);
  }
}

void CpuDecoder::embed(const Batch& batch) {
  const std::int64_t hidden = spec_.hidden_size;
  float* residual = grown(residual_, static_cast<std::int64_t>(tokens_.size()) * hidden);
  pool_->for_each(static_cast<std::int64_t>(tokens_.size()), 8,
                  [&](std::int64_t begin, std::int64_t end, int) {
                    for (std::int64_t i = begin; i < end; ++i) {
                      const Token& token = tokens_[static_cast<std::size_t>(i)];
                      const BatchRow& row = batch.rows[static_cast<std::size_t>(token.row)];
                      float* out = residual + i * hidden;
                      weights_.embedding.unpack_row(
                          row.tokens[static_cast<std::size_t>(token.position - row.position)], out);
                      if (spec_.embedding_scale != 1.0) {
                        for (std::int64_t c = 0; c < hidden; ++c)
                          out[c] *= static_cast<float>(spec_.embedding_scale);
                      }
                    }
                  });
}

void CpuDecoder::run_layer(const LayerWeights& layer, std::int64_t index) {
  attention_block(layer, index);
  mlp_block(layer, index + 1 < spec_.num_layers
                       ? weights_.layers[static_cast<std::size_t>(index + 1)].qkv
                       : weights_.head());
}

void CpuDecoder::attention_block(const LayerWeights& layer, std::int64_t index) {
  const auto rows = static_cast<std::int64_t>(tokens_.size());
  const std::int64_t width = qkv_width();
  float* qkv = grown(qkv_, rows * width);
  multiply(
      layer.qkv,
      input_.prepare(residual_.data(), rows, spec_.hidden_size, layer.input_norm, layer.qkv.format),
      &layer.o, [&](std::int64_t row, std::int64_t panel, const float* values, int) {
        const std::int64_t first = panel * kPanelRows;
        const auto count = std::min<std::int64_t>(kPanelRows, width - first);
        put_values(values, layer.qkv_bias, first, count, qkv + row * width + first);
      });
  rotate_and_store(layer, index);
  float* attended = grown(attended_, rows * q_width());
  attention_.run(attention_rows_, cache_, index,
                 spec_.layers[static_cast<std::size_t>(index)].window, qkv, width, attended,
                 *pool_);
  multiply_into_residual(layer.o, input_.prepare(attended, rows, q_width(), {}, layer.o.format),
                         layer.gate_up, layer.o_bias,
                         spec_.sandwich_norms ? layer.post_attention_norm : std::vector<float>{});
}

void CpuDecoder::rotate_and_store(const LayerWeights& layer, std::int64_t index) {
  const std::int64_t heads = spec_.num_heads + spec_.num_kv_heads;  // v is not rotated
  const std::int64_t dim = spec_.head_dim;
  const Rotary& rotary =
      spec_.layers[static_cast<std::size_t>(index)].local_rope ? local_rotary_ : rotary_;
  const auto eps = static_cast<float>(spec_.norm_eps);
  const auto rows = static_cast<std::int64_t>(tokens_.size());
  const auto body = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Token& token = tokens_[static_cast<std::size_t>(i)];
      float* qkv = qkv_.data() + i * qkv_width();
      for (std::int64_t h = 0; h < heads; ++h) {
        float* head = qkv + h * dim;
        const std::vector<float>& norm = h < spec_.num_heads ? layer.q_norm : layer.k_norm;
        if (!norm.empty()) kernels_.rms_norm(head, norm.data(), norm_offset(), eps, dim, head);
        rotary.rotate(head, token.position);
      }
      const AttentionRow& row = attention_rows_[static_cast<std::size_t>(token.row)];
      const std::int32_t block =
          row.block_table[static_cast<std::size_t>(token.position / kBlockTokens)];
      for (std::int64_t h = 0; h < spec_.num_kv_heads; ++h) {
        const float* key = qkv + (spec_.num_heads + h) * dim;
        cache_.put(index, h, block, token.position % kBlockTokens, key,
                   key + spec_.num_kv_heads * dim);
      }
    }
  };
  if (rows <= kSerialRows) return body(0, rows, 0);
  pool_->for_each(rows, 4, body);
}

void CpuDecoder::mlp_block(const LayerWeights& layer, const PackedMatrix& after) {
  const auto rows = static_cast<std::int64_t>(tokens_.size());
  const std::vector<float>& norm =
      spec_.sandwich_norms ? layer.pre_mlp_norm : layer.post_attention_norm;
  const Activations& input =
      input_.prepare(residual_.data(), rows, spec_.hidden_size, norm, layer.gate_up.format);
  const std::int64_t width = spec_.intermediate_size;
  mid_.prepare(layer.down.format, rows, width);
  for (std::vector<float>& gated : gated_) grown(gated, rows * kGroup);
  const auto gate =
      spec_.activation == Activation::silu ? kernels_.silu_gate : kernels_.gelu_tanh_gate;
  // A panel of gate rows waits for its panel of up rows; together they give one group of the
  // middle, which never goes through memory as fp32.
  static_assert(kGroup == kPanelRows);
  multiply(layer.gate_up, input, &layer.down,
           [&](std::int64_t row, std::int64_t panel, const float* values, int worker) {
             const std::int64_t first = panel / 2 * kGroup;
             const auto count = std::min<std::int64_t>(kGroup, width - first);
             float* group = gated_[static_cast<std::size_t>(worker)].data() + row * kGroup;
             if (panel % 2 == 0) return put_values(values, layer.gate_bias, first, count, group);
             alignas(64) float biased[kPanelRows];
             if (!layer.up_bias.empty()) {
               put_values(values, layer.up_bias, first, count, biased);
               values = biased;
             }
             gate(group, values, count, group);
             mid_.put_part(row, group, first, first + count);
           });
  multiply_into_residual(layer.down, mid_, after, layer.down_bias,
                         spec_.sandwich_norms ? layer.post_mlp_norm : std::vector<float>{});
}

void CpuDecoder::multiply_into_residual(const PackedMatrix& matrix, const Activations& input,
                                        const PackedMatrix& next, const std::vector<float>& bias,
                                        const std::vector<float>& norm) {
  const std::int64_t hidden = spec_.hidden_size;
  const std::int64_t rows = input.rows();
  float* out = norm.empty() ? residual_.data() : grown(delta_, rows * hidden);
  multiply(
      matrix, input, &next, [&](std::int64_t row, std::int64_t panel, const float* values, int) {
        const std::int64_t first = panel * kPanelRows;
        float* to = out + row * hidden + first;
        const auto count = std::min<std::int64_t>(kPanelRows, hidden - first);
        if (!norm.empty()) return put_values(values, bias, first, count, to);
        if (bias.empty() && count == kPanelRows) {
          for (int i = 0; i < kPanelRows; ++i) to[i] += values[i];
          return;
        }
        for (std::int64_t i = 0; i < count; ++i)
          to[i] += bias.empty() ? values[i] : values[i] + bias[static_cast<std::size_t>(first + i)];
      });
  if (norm.empty()) return;
  pool_->for_each(rows, 4, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = begin; row < end; ++row) {
      float* delta = out + row * hidden;
      kernels_.rms_norm(delta, norm.data(), norm_offset(), static_cast<float>(spec_.norm_eps),
                        hidden, delta);
      for (std::int64_t c = 0; c < hidden; ++c)
        residual_[static_cast<std::size_t>(row * hidden + c)] += delta[c];
    }
  });
}

Result<StepResult> CpuDecoder::run(const Batch& batch) {
  std::vector<std::string> faults;
  for (const BatchRow& row : batch.rows) faults.push_back(fault_of(traits_, row));
  const auto is_sound = [](const std::string& fault) { return fault.empty(); };
  if (std::all_of(faults.begin(), faults.end(), is_sound)) return run_sound(batch);
  Batch sound;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    if (faults[i].empty()) sound.rows.push_back(batch.rows[i]);
  }
  StepResult computed = run_sound(sound);
  StepResult result;
  auto next = computed.rows.begin();
  for (std::string& fault : faults)
    result.rows.push_back(fault.empty() ? std::move(*next++) : RowResult{{}, std::move(fault)});
  return result;
}

StepResult CpuDecoder::run_sound(const Batch& batch) {
  collect(batch);
  if (tokens_.empty()) return {};
  CHECK(static_cast<std::int64_t>(tokens_.size()) <= traits_.max_batch_tokens);
  embed(batch);
  for (std::int64_t i = 0; i < spec_.num_layers; ++i)
    run_layer(weights_.layers[static_cast<std::size_t>(i)], i);
  return head_.compute(batch, attention_rows_, residual_.data());
}

}  // namespace

bool can_run(const ModelSpec& spec) {
  return spec.network == Network::decoder && !spec.is_classifier() &&
         spec.num_heads % spec.num_kv_heads == 0 &&
         (spec.norm == NormKind::rms || spec.norm == NormKind::rms_unit_offset ||
          spec.norm == NormKind::rms_fp32) &&
         (spec.activation == Activation::silu || spec.activation == Activation::gelu_tanh);
}

Result<std::unique_ptr<StepRunner>> load_cpu_decoder(const Checkpoint& checkpoint,
                                                     const ModelSpec& spec,
                                                     const CpuDecoderOptions& options,
                                                     const ProgressSink& progress) {
  if (!can_run(spec)) {
    return fail(ErrorCode::architecture_unsupported,
                "The packed CPU decoder cannot run " + spec.architecture +
                    "; use --dtype fp32 for the torch decoder.");
  }
  if (auto room = check_room(spec, options.format); !room) return tl::unexpected(room.error());
  const auto kernels = tuned_kernels(options.kernels, options.runner.tuning_file);
  if (!kernels) return tl::unexpected(kernels.error());
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  auto pool = std::make_unique<WorkerPool>(options.runner.threads > 0 ? options.runner.threads
                                                                      : static_cast<int>(cores));
  auto weights = load_cpu_weights(checkpoint, spec, options.format, *kernels, *pool, progress);
  if (!weights) return tl::unexpected(weights.error());

  RunnerTraits traits;
  traits.vocab_size = spec.vocab_size;
  traits.context_length = planned_context(spec, options.runner.context_length);
  traits.block_size = kBlockTokens;
  traits.max_sequences = options.runner.max_sequences;
  traits.max_batch_tokens = std::min<std::int64_t>(options.runner.max_batch_tokens, 512);
  KvCache::Shape shape{spec.num_layers, spec.num_kv_heads, spec.head_dim, 0,
                       options.runner.kv_dtype};
  const auto num_blocks = plan_blocks(options.runner, traits, KvCache::bytes_per_block(shape));
  if (!num_blocks) return tl::unexpected(num_blocks.error());
  traits.num_blocks = *num_blocks;
  traits.context_length = std::min(traits.context_length, traits.num_blocks * kBlockTokens);
  shape.num_blocks = traits.num_blocks;
  auto cache = KvCache::create(shape);
  if (!cache) return tl::unexpected(cache.error());
  traits.description = "CPU, " + std::string(to_string(options.format)) + " weights, " +
                       kernels->name + " kernels, " +
                       (options.runner.kv_dtype == KvDtype::int8 ? "int8 KV cache, " : "") +
                       std::to_string(pool->size()) + (pool->size() == 1 ? " thread" : " threads");
  return std::make_unique<CpuDecoder>(spec, *kernels, std::move(pool), std::move(*weights),
                                      std::move(*cache), std::move(traits));
}

}  // namespace hearth::engine::cpu
