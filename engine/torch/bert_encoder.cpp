#include "engine/torch/bert_encoder.h"

#include <algorithm>
#include <utility>

namespace hearth::engine {
namespace {

BertLayerWeights load_layer(WeightLoader& loader, const ModelSpec& spec, std::int64_t index) {
  const TensorNames& names = spec.names;
  const std::string layer = layer_prefix(spec, index);
  BertLayerWeights weights;
  weights.qkv =
      loader.linear({layer + names.q_proj, layer + names.k_proj, layer + names.v_proj}, true);
  weights.o = loader.linear({layer + names.o_proj}, true);
  weights.attention_norm = loader.layer_norm(layer + names.post_attention_norm);
  weights.up = loader.linear({layer + names.up_proj}, true);
  weights.down = loader.linear({layer + names.down_proj}, true);
  weights.output_norm = loader.layer_norm(layer + names.post_mlp_norm);
  return weights;
}

}  // namespace

BertWeights BertWeights::load(WeightLoader& loader, const ModelSpec& spec) {
  BertWeights weights;
  weights.words = loader.load("bert.embeddings.word_embeddings.weight");
  weights.positions = loader.load("bert.embeddings.position_embeddings.weight");
  weights.types = loader.load("bert.embeddings.token_type_embeddings.weight");
  weights.norm = loader.layer_norm("bert.embeddings.LayerNorm");
  for (std::int64_t i = 0; i < spec.num_layers; ++i) {
    weights.layers.push_back(load_layer(loader, spec, i));
  }
  if (!spec.is_classifier()) return weights;
  weights.pooler = loader.linear({"bert.pooler.dense"}, true);
  weights.classifier = loader.linear({spec.names.score}, true);
  return weights;
}

BertEncoder::BertEncoder(TorchRunnerParts parts, BertWeights weights)
    : TorchRunner(std::move(parts)), weights_(std::move(weights)) {}

std::string BertEncoder::check_row(const BatchRow& row) const {
  if (row.position != 0) return "a text cannot be continued";
  if (row.output == RowOutput::all_logits || row.output == RowOutput::logits) {
    return "the model is an encoder and has no logits";
  }
  if (!row.token_types.empty() && row.token_types.size() != row.tokens.size()) {
    return "there must be as many token types as tokens";
  }
  const auto num_types = weights_.types.size(0);
  const bool fits = std::all_of(row.token_types.begin(), row.token_types.end(),
                                [&](std::int32_t type) { return type >= 0 && type < num_types; });
  return fits ? TorchRunner::check_row(row) : "a token's type is not one of the model's";
}

at::Tensor BertEncoder::token_types(const Step& step) const {
  std::vector<std::int64_t> types;
  for (const Step::Row& r : step.rows) {
    const auto& given = r.row->token_types;
    if (given.empty()) {
      types.resize(types.size() + static_cast<std::size_t>(r.count), 0);
    } else {
      types.insert(types.end(), given.begin(), given.end());
    }
  }
  return on_device(types);
}

at::Tensor BertEncoder::attention_block(const Step& step, const BertLayerWeights& layer,
                                        const at::Tensor& x) const {
  const std::int64_t heads = spec_.num_heads;
  const at::Tensor qkv =
      apply_linear(x, layer.qkv).view({step.num_tokens, 3, heads, spec_.head_dim});
  at::Tensor out = at::empty({step.num_tokens, heads * spec_.head_dim}, options_);
  for (const Step::Row& r : step.rows) {
    // [3, H, T, D]
    const at::Tensor own = qkv.narrow(0, r.first, r.count).permute({1, 2, 0, 3}).contiguous();
    const at::Tensor scores = at::bmm(own[0], own[1].transpose(1, 2)).to(at::kFloat);
    const at::Tensor weights = at::softmax(scores * spec_.attention_scale, -1).to(x.scalar_type());
    const at::Tensor values = at::bmm(weights, own[2]);
    out.narrow(0, r.first, r.count)
        .copy_(values.permute({1, 0, 2}).reshape({r.count, heads * spec_.head_dim}));
  }
  return apply_linear(out, layer.o);
}

at::Tensor BertEncoder::forward(Step& step) {
  const double eps = spec_.norm_eps;
  at::Tensor h = weights_.words.index_select(0, step.ids) +
                 weights_.types.index_select(0, token_types(step)) +
                 weights_.positions.index_select(0, step.positions);
  h = apply_layer_norm(h, weights_.norm, eps);
  for (const BertLayerWeights& layer : weights_.layers) {
    h = apply_layer_norm(attention_block(step, layer, h) + h, layer.attention_norm, eps);
    const at::Tensor up = activated(apply_linear(h, layer.up), spec_.activation);
    h = apply_layer_norm(apply_linear(up, layer.down) + h, layer.output_norm, eps);
  }
  return h;
}

at::Tensor BertEncoder::scores(const at::Tensor& finished) const {
  const at::Tensor pooled = at::tanh(apply_linear(finished, weights_.pooler));
  return apply_linear(pooled, weights_.classifier).to(at::kFloat);
}

}  // namespace hearth::engine
