#include "engine/torch/torch_decoder.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "engine/checkpoint/rope.h"
#include "engine/torch/attention.h"
#include "engine/torch/failure.h"
#include "engine/torch/ops.h"

namespace hearth::engine {

// What one step computes on: the rows that are fit to run, their tokens side by side.
struct TorchDecoder::Step {
  struct Row {
    const BatchRow* row = nullptr;
    std::size_t index = 0;   // in the batch
    std::int64_t first = 0;  // of its tokens among the T of the step
    std::int64_t count = 0;
  };
  std::vector<Row> rows;
  std::int64_t num_tokens = 0;
  at::Tensor ids;    // [T]
  at::Tensor slots;  // [T], where each token's key and value go
  Rotation rotation;
  Rotation local_rotation;
};

TorchDecoder::TorchDecoder(TorchDecoderParts parts)
    : spec_(std::move(parts.spec)),
      weights_(std::move(parts.weights)),
      cache_(std::move(parts.cache)),
      options_(parts.options),
      traits_(std::move(parts.traits)) {
  const auto on_device = [&](const RopeTable& table) {
    return at::tensor(table.inv_freq, at::kFloat).to(options_.device());
  };
  const RopeTable table = make_rope_table(spec_.rope, traits_.context_length);
  inv_freq_ = on_device(table);
  attention_factor_ = table.attention_factor;
  if (spec_.local_rope.dim > 0) {
    const RopeTable local = make_rope_table(spec_.local_rope, traits_.context_length);
    local_inv_freq_ = on_device(local);
    local_attention_factor_ = local.attention_factor;
  }
}

Result<StepResult> TorchDecoder::run(const Batch& batch) {
  try {
    const c10::InferenceMode guard;
    return run_step(batch);
  } catch (const std::exception& error) {
    return tl::unexpected(failure_of(error));
  }
}

// The sentence for a row that cannot run, or empty. The scheduler never sends one; a wrong id would
// read outside the tables.
std::string TorchDecoder::check_row(const BatchRow& row) const {
  if (row.tokens.empty()) return "the row has no tokens";
  const auto length = row.position + static_cast<std::int64_t>(row.tokens.size());
  if (row.position < 0 || length > traits_.context_length) {
    return "the sequence is longer than the context of " + std::to_string(traits_.context_length);
  }
  if (static_cast<std::int64_t>(row.block_table.size()) * traits_.block_size < length) {
    return "the block table does not cover the sequence";
  }
  for (const std::int32_t block : row.block_table) {
    if (block < 0 || block >= traits_.num_blocks) return "the block table names no block";
  }
  for (const TokenId id : row.tokens) {
    if (id < 0 || id >= spec_.vocab_size) {
      return "token id " + std::to_string(id) + " is not in the vocabulary";
    }
  }
  const bool wants_class = row.output == RowOutput::class_scores;
  const bool wants_logits = row.output == RowOutput::logits || row.output == RowOutput::all_logits;
  if (wants_class && !spec_.is_classifier()) return "the model has no class scores";
  if (wants_logits && spec_.is_classifier()) return "the model is a classifier and has no logits";
  return {};
}

StepResult TorchDecoder::run_step(const Batch& batch) {
  StepResult result;
  result.rows.resize(batch.rows.size());
  Step step;
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const BatchRow& row = batch.rows[i];
    result.rows[i].error = check_row(row);
    if (!result.rows[i].error.empty()) continue;
    const auto count = static_cast<std::int64_t>(row.tokens.size());
    step.rows.push_back({&row, i, step.num_tokens, count});
    step.num_tokens += count;
  }
  if (step.rows.empty()) return result;

  // One host-to-device copy: ids, positions and slots.
  const at::Tensor host = at::empty({3, step.num_tokens}, at::kLong);
  auto table = host.accessor<std::int64_t, 2>();
  for (const Step::Row& r : step.rows) {
    for (std::int64_t t = 0; t < r.count; ++t) {
      const std::int64_t position = r.row->position + t;
      const std::int64_t size = traits_.block_size;
      table[0][r.first + t] = r.row->tokens[static_cast<std::size_t>(t)];
      table[1][r.first + t] = position;
      table[2][r.first + t] =
          r.row->block_table[static_cast<std::size_t>(position / size)] * size + position % size;
    }
  }
  const at::Tensor inputs = host.to(options_.device());
  const auto dtype = c10::typeMetaToScalarType(options_.dtype());
  step.ids = inputs[0];
  step.slots = inputs[2];
  step.rotation = make_rotation(inputs[1], inv_freq_, attention_factor_, spec_.rope.layout, dtype);
  if (local_inv_freq_.defined()) {
    step.local_rotation = make_rotation(inputs[1], local_inv_freq_, local_attention_factor_,
                                        spec_.local_rope.layout, dtype);
  }
  collect(step, forward(step), result);
  return result;
}

at::Tensor TorchDecoder::attention_block(const Step& step, std::int64_t layer,
                                         const at::Tensor& x) const {
  const LayerWeights& weights = weights_.layers[static_cast<std::size_t>(layer)];
  const LayerSpec& layer_spec = spec_.layers[static_cast<std::size_t>(layer)];
  const std::int64_t heads = spec_.num_heads;
  const std::int64_t kv_heads = spec_.num_kv_heads;
  const at::Tensor qkv =
      apply_linear(x, weights.qkv).view({step.num_tokens, heads + 2 * kv_heads, spec_.head_dim});
  at::Tensor q = qkv.narrow(1, 0, heads);
  at::Tensor k = qkv.narrow(1, heads, kv_heads);
  const at::Tensor v = qkv.narrow(1, heads + kv_heads, kv_heads);
  if (spec_.qk_norm) {
    q = apply_norm(q, weights.q_norm, spec_.norm, spec_.norm_eps);
    k = apply_norm(k, weights.k_norm, spec_.norm, spec_.norm_eps);
  }
  const Rotation& rotation = layer_spec.local_rope ? step.local_rotation : step.rotation;
  q = apply_rotary(q, rotation);
  cache_->write(layer, step.slots, apply_rotary(k, rotation), v);

  const AttentionParams params{spec_.attention_scale, spec_.attention_softcap, layer_spec.window};
  at::Tensor out = at::empty({step.num_tokens, heads * spec_.head_dim}, options_);
  for (const Step::Row& r : step.rows) {
    out.narrow(0, r.first, r.count)
        .copy_(attend(q.narrow(0, r.first, r.count), *cache_, layer, r.row->block_table,
                      r.row->position, params));
  }
  return apply_linear(out, weights.o);
}

// The residual stream after the last layer, [T, C].
at::Tensor TorchDecoder::forward(const Step& step) const {
  const auto norm = [&](const at::Tensor& x, const at::Tensor& weight) {
    return apply_norm(x, weight, spec_.norm, spec_.norm_eps);
  };
  at::Tensor h = weights_.embedding.index_select(0, step.ids);
  if (spec_.embedding_scale != 1.0) {
    h = h * at::scalar_tensor(spec_.embedding_scale, options_);  // rounded to the dtype first
  }
  for (std::int64_t layer = 0; layer < spec_.num_layers; ++layer) {
    const LayerWeights& weights = weights_.layers[static_cast<std::size_t>(layer)];
    at::Tensor attended = attention_block(step, layer, norm(h, weights.input_norm));
    if (spec_.sandwich_norms) attended = norm(attended, weights.post_attention_norm);
    h = h + attended;
    const at::Tensor& mlp_norm =
        spec_.sandwich_norms ? weights.pre_mlp_norm : weights.post_attention_norm;
    const at::Tensor gate_up = apply_linear(norm(h, mlp_norm), weights.gate_up);
    at::Tensor out = apply_linear(apply_gated(gate_up, spec_.activation), weights.down);
    if (spec_.sandwich_norms) out = norm(out, weights.post_mlp_norm);
    h = h + out;
  }
  return h;
}

// Final norm and head for the rows that ask, all in one product, then one copy to the host.
void TorchDecoder::collect(const Step& step, const at::Tensor& hidden, StepResult& result) {
  std::vector<std::int64_t> head_tokens;    // through the head
  std::vector<std::int64_t> hidden_tokens;  // the normed hidden state itself
  for (const Step::Row& r : step.rows) {
    const std::int64_t last = r.first + r.count - 1;
    switch (r.row->output) {
      case RowOutput::none:
        break;
      case RowOutput::hidden:
        hidden_tokens.push_back(last);
        break;
      case RowOutput::all_logits:
        for (std::int64_t t = r.first; t <= last; ++t) head_tokens.push_back(t);
        break;
      case RowOutput::logits:
      case RowOutput::class_scores:
        head_tokens.push_back(last);
        break;
    }
  }
  const auto normed = [&](const std::vector<std::int64_t>& tokens) {
    const at::Tensor index = at::tensor(tokens, at::kLong).to(options_.device());
    return apply_norm(hidden.index_select(0, index), weights_.final_norm, spec_.norm,
                      spec_.norm_eps);
  };
  std::vector<at::Tensor> parts;
  if (!head_tokens.empty()) {
    const at::Tensor scores = apply_linear(normed(head_tokens), weights_.head).to(at::kFloat);
    parts.push_back(soft_capped(scores, spec_.logits_softcap).reshape(-1));
  }
  if (!hidden_tokens.empty()) {
    parts.push_back(normed(hidden_tokens).to(at::kFloat).reshape(-1));
  }
  if (parts.empty()) return;
  output_ = (parts.size() == 1 ? parts[0] : at::cat(parts)).to(at::kCPU).contiguous();

  const std::int64_t width = spec_.is_classifier() ? spec_.num_labels : spec_.vocab_size;
  const float* next_scores = output_.data_ptr<float>();
  const float* next_hidden = next_scores + static_cast<std::int64_t>(head_tokens.size()) * width;
  for (const Step::Row& r : step.rows) {
    const bool is_hidden = r.row->output == RowOutput::hidden;
    if (r.row->output == RowOutput::none) continue;
    const std::int64_t rows = r.row->output == RowOutput::all_logits ? r.count : 1;
    const std::int64_t count = is_hidden ? spec_.hidden_size : rows * width;
    const float*& next = is_hidden ? next_hidden : next_scores;
    RowResult& out = result.rows[r.index];
    out.values = {next, static_cast<std::size_t>(count)};
    next += count;
    const bool has_nan =
        std::any_of(out.values.begin(), out.values.end(), [](float x) { return std::isnan(x); });
    if (has_nan) {
      out.values = {};
      out.error = "the model's result is not a number";
    }
  }
}

}  // namespace hearth::engine
