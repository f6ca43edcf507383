#include "engine/torch/torch_decoder.h"

#include <utility>

#include "engine/checkpoint/rope.h"
#include "engine/torch/attention.h"

namespace hearth::engine {

TorchDecoder::TorchDecoder(TorchRunnerParts parts, DecoderWeights weights)
    : TorchRunner(std::move(parts)), weights_(std::move(weights)) {
  const RopeTable table = make_rope_table(spec_.rope, traits_.context_length);
  inv_freq_ = on_device(table.inv_freq);
  attention_factor_ = table.attention_factor;
  if (spec_.local_rope.dim > 0) {
    const RopeTable local = make_rope_table(spec_.local_rope, traits_.context_length);
    local_inv_freq_ = on_device(local.inv_freq);
    local_attention_factor_ = local.attention_factor;
  }
}

at::Tensor TorchDecoder::project(const Step&, std::int64_t layer, const at::Tensor& x) {
  return apply_linear(x, weights_.layers[static_cast<std::size_t>(layer)].qkv);
}

at::Tensor TorchDecoder::attention_block(const Step& step, std::int64_t layer,
                                         const at::Tensor& x) {
  const LayerWeights& weights = weights_.layers[static_cast<std::size_t>(layer)];
  const LayerSpec& layer_spec = spec_.layers[static_cast<std::size_t>(layer)];
  const std::int64_t heads = spec_.num_heads;
  const std::int64_t kv_heads = spec_.num_kv_heads;
  const at::Tensor qkv =
      project(step, layer, x).view({step.num_tokens, heads + 2 * kv_heads, spec_.head_dim});
  at::Tensor q = qkv.narrow(1, 0, heads);
  at::Tensor k = qkv.narrow(1, heads, kv_heads);
  const at::Tensor v = qkv.narrow(1, heads + kv_heads, kv_heads);
  if (spec_.qk_norm) {
    q = apply_norm(q, weights.q_norm, spec_.norm, spec_.norm_eps);
    k = apply_norm(k, weights.k_norm, spec_.norm, spec_.norm_eps);
  }
  const Rotation& rotation = layer_spec.local_rope ? local_rotation_ : rotation_;
  q = apply_rotary(q, rotation);
  cache_->write(layer, step.slots, apply_rotary(k, rotation), v);

  AttentionParams params;
  params.scale = spec_.attention_scale;
  params.softcap = spec_.attention_softcap;
  params.window = layer_spec.window;
  at::Tensor out = at::empty({step.num_tokens, heads * spec_.head_dim}, options_);
  for (const Step::Row& r : step.rows) {
    out.narrow(0, r.first, r.count)
        .copy_(attend(q.narrow(0, r.first, r.count), *cache_, layer, r.row->block_table,
                      r.row->position, params));
  }
  return apply_linear(out, weights.o);
}

// For the device where the step is now.
void TorchDecoder::make_rotations(const Step& step) {
  const auto rotation = [&](const at::Tensor& inv_freq, float factor, RopeLayout layout) {
    return make_rotation(step.positions, inv_freq.to(options_.device()), factor, layout, dtype());
  };
  rotation_ = rotation(inv_freq_, attention_factor_, spec_.rope.layout);
  if (!local_inv_freq_.defined()) return;
  local_rotation_ = rotation(local_inv_freq_, local_attention_factor_, spec_.local_rope.layout);
}

// The residual stream after the last layer, [T, C].
at::Tensor TorchDecoder::forward(Step& step) {
  make_rotations(step);
  const auto norm = [&](const at::Tensor& x, const at::Tensor& weight) {
    return apply_norm(x, weight, spec_.norm, spec_.norm_eps);
  };
  at::Tensor h = weights_.embedding.index_select(0, step.ids);
  if (spec_.embedding_scale != 1.0) {
    h = h * at::scalar_tensor(spec_.embedding_scale, options_);  // rounded to the dtype first
  }
  for (std::int64_t layer = 0; layer < spec_.num_layers; ++layer) {
    if (enter_layer(layer, step, h)) make_rotations(step);
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

at::Tensor TorchDecoder::finish(const at::Tensor& hidden) const {
  return apply_norm(hidden, weights_.final_norm, spec_.norm, spec_.norm_eps);
}

at::Tensor TorchDecoder::scores(const at::Tensor& finished) const {
  return soft_capped(apply_linear(finished, weights_.head).to(at::kFloat), spec_.logits_softcap);
}

}  // namespace hearth::engine
