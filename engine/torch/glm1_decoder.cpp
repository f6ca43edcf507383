#include "engine/torch/glm1_decoder.h"

#include <utility>

#include "engine/checkpoint/rope.h"
#include "engine/torch/attention.h"

namespace hearth::engine {
namespace {

// The prompt ends in [gMASK] <sop>: everything before <sop> is seen by all.
std::int64_t context_of(const BatchRow& row) { return row.prompt_length - 1; }

Glm1LayerWeights load_layer(WeightLoader& loader, const ModelSpec& spec, std::int64_t index) {
  const TensorNames& names = spec.names;
  const std::string layer = layer_prefix(spec, index);
  Glm1LayerWeights weights;
  weights.input_norm = loader.layer_norm(layer + names.input_norm);
  weights.qkv = loader.linear({layer + names.qkv_proj}, true);
  weights.dense = loader.linear({layer + names.o_proj}, true);
  weights.post_attention_norm = loader.layer_norm(layer + names.post_attention_norm);
  weights.up = loader.linear({layer + names.up_proj}, true);
  weights.down = loader.linear({layer + names.down_proj}, true);
  return weights;
}

}  // namespace

Glm1Weights Glm1Weights::load(WeightLoader& loader, const ModelSpec& spec) {
  Glm1Weights weights;
  weights.embedding = loader.load(spec.names.embedding + ".weight");
  for (std::int64_t i = 0; i < spec.num_layers; ++i) {
    loader.begin_layer(i);
    weights.layers.push_back(load_layer(loader, spec, i));
  }
  loader.begin_tail();
  weights.final_norm = loader.layer_norm(spec.names.final_norm);
  weights.head.weight = loader.map().head_is_embedding()
                            ? weights.embedding
                            : loader.load(spec.names.lm_head + ".weight");
  return weights;
}

Glm1Decoder::Glm1Decoder(TorchRunnerParts parts, Glm1Weights weights)
    : TorchRunner(std::move(parts)), weights_(std::move(weights)) {
  inv_freq_ = on_device(make_rope_table(spec_.rope, traits_.context_length).inv_freq);
}

std::string Glm1Decoder::check_row(const BatchRow& row) const {
  const auto count = static_cast<std::int64_t>(row.tokens.size());
  if (row.prompt_length < 2) return "the prompt has no [gMASK] and <sop>";
  if (row.position == 0 ? count < row.prompt_length : row.position < row.prompt_length) {
    return "the prompt must be one chunk";
  }
  return TorchRunner::check_row(row);
}

// Up to <sop> a token's first position counts and its second is 0; from <sop> on the first stays
// [gMASK]'s and the second counts.
void Glm1Decoder::make_rotations(const Step& step) {
  const at::Tensor inv_freq = inv_freq_.to(options_.device());
  std::vector<std::int64_t> text;
  std::vector<std::int64_t> block;
  for (const Step::Row& r : step.rows) {
    const std::int64_t context = context_of(*r.row);
    for (std::int64_t p = r.row->position; p < r.row->position + r.count; ++p) {
      text.push_back(p < context ? p : context - 1);
      block.push_back(p < context ? 0 : p - context + 1);
    }
  }
  text_rotation_ = make_rotation(on_device(text), inv_freq, 1.0F, RopeLayout::half, dtype());
  block_rotation_ = make_rotation(on_device(block), inv_freq, 1.0F, RopeLayout::half, dtype());
}

at::Tensor Glm1Decoder::rotated(const at::Tensor& x) const {
  const std::int64_t half = spec_.head_dim / 2;
  return at::cat({apply_rotary(x.narrow(-1, 0, half), text_rotation_),
                  apply_rotary(x.narrow(-1, half, half), block_rotation_)},
                 -1);
}

at::Tensor Glm1Decoder::attention_block(const Step& step, std::int64_t layer, const at::Tensor& x) {
  const Glm1LayerWeights& weights = weights_.layers[static_cast<std::size_t>(layer)];
  const std::int64_t heads = spec_.num_heads;
  const std::int64_t size = spec_.head_dim;
  const at::Tensor qkv = apply_linear(x, weights.qkv).view({step.num_tokens, heads, 3 * size});
  const at::Tensor q = rotated(qkv.narrow(-1, 0, size));
  cache_->write(layer, step.slots, rotated(qkv.narrow(-1, size, size)),
                qkv.narrow(-1, 2 * size, size));
  at::Tensor out = at::empty({step.num_tokens, heads * size}, options_);
  for (const Step::Row& r : step.rows) {
    AttentionParams params;
    params.scale = spec_.attention_scale;
    params.prefix = context_of(*r.row);
    out.narrow(0, r.first, r.count)
        .copy_(attend(q.narrow(0, r.first, r.count), *cache_, layer, r.row->block_table,
                      r.row->position, params));
  }
  return apply_linear(out, weights.dense);
}

at::Tensor Glm1Decoder::forward(Step& step) {
  make_rotations(step);
  at::Tensor h = weights_.embedding.index_select(0, step.ids);
  for (std::int64_t layer = 0; layer < spec_.num_layers; ++layer) {
    if (enter_layer(layer, step, h)) make_rotations(step);
    const Glm1LayerWeights& weights = weights_.layers[static_cast<std::size_t>(layer)];
    const at::Tensor x = apply_layer_norm(h, weights.input_norm, spec_.norm_eps);
    const at::Tensor sum = x * spec_.residual_scale + attention_block(step, layer, x);
    const at::Tensor m = apply_layer_norm(sum, weights.post_attention_norm, spec_.norm_eps);
    const at::Tensor up = activated(apply_linear(m, weights.up), spec_.activation);
    h = m * spec_.residual_scale + apply_linear(up, weights.down);
  }
  return h;
}

at::Tensor Glm1Decoder::finish(const at::Tensor& hidden) const {
  return apply_layer_norm(hidden, weights_.final_norm, spec_.norm_eps);
}

at::Tensor Glm1Decoder::scores(const at::Tensor& finished) const {
  return apply_linear(finished, weights_.head).to(at::kFloat);
}

}  // namespace hearth::engine
