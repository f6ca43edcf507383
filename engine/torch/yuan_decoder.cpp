#include "engine/torch/yuan_decoder.h"

#include <algorithm>
#include <utility>

namespace hearth::engine {
namespace {

// The filter's own norm, whatever config.json says.
constexpr double kFilterEps = 1e-6;

// [out, in, 2, 1] → [out, 2 in], the earlier tap first.
Linear load_convolution(WeightLoader& loader, const std::string& path) {
  const at::Tensor taps = loader.load(path + ".weight").squeeze(-1);
  return {at::cat({taps.select(2, 0), taps.select(2, 1)}, 1).contiguous(),
          loader.load(path + ".bias")};
}

// Rows of the stacked q_proj and k_proj belong to heads in turn: of each head first the query's,
// then the key's. Sorted here into all queries and all keys.
at::Tensor sorted_heads(const at::Tensor& stacked, std::int64_t num_heads, std::int64_t head_dim) {
  const at::Tensor heads = stacked.view({num_heads, 2, head_dim, stacked.size(1)});
  return heads.permute({1, 0, 2, 3}).reshape({2 * num_heads * head_dim, stacked.size(1)});
}

}  // namespace

YuanFilterWeights YuanFilterWeights::load(WeightLoader& loader, const ModelSpec& spec,
                                          std::int64_t layer) {
  const TensorNames& names = spec.names;
  const std::string prefix = layer_prefix(spec, layer);
  const std::string filter = prefix + "self_attn.lf_gate.";
  YuanFilterWeights weights;
  weights.first = load_convolution(loader, filter + "conv1");
  weights.second = load_convolution(loader, filter + "conv2");
  weights.norm = loader.load(filter + "output_layernorm.weight");
  const at::Tensor stacked =
      loader.stack({prefix + names.q_proj + ".weight", prefix + names.k_proj + ".weight"});
  weights.qk.weight = sorted_heads(stacked, spec.num_heads, spec.head_dim);
  weights.v = loader.linear({prefix + names.v_proj}, false);
  return weights;
}

YuanDecoder::YuanDecoder(TorchRunnerParts parts, DecoderWeights weights,
                         std::vector<YuanFilterWeights> filters)
    : TorchDecoder(std::move(parts), std::move(weights)), filters_(std::move(filters)) {
  const std::int64_t width = spec_.hidden_size + spec_.hidden_size / 2;
  for (std::int64_t i = 0; i < spec_.num_layers; ++i) {
    memory_.push_back(
        at::empty({traits_.num_blocks, width}, places_.layers[static_cast<std::size_t>(i)]));
  }
  remembered_.assign(static_cast<std::size_t>(traits_.num_blocks), -1);
}

std::string YuanDecoder::check_row(const BatchRow& row) const {
  std::string fault = TorchDecoder::check_row(row);
  if (!fault.empty() || row.position == 0) return fault;
  const auto before = static_cast<std::size_t>((row.position - 1) / traits_.block_size);
  const auto block = static_cast<std::size_t>(row.block_table[before]);
  return remembered_[block] == row.position - 1 ? ""
                                                : "the filter does not remember the token before";
}

// Of each block that a row writes, the last token it writes there.
void YuanDecoder::plan_memory(const Step& step) {
  std::vector<std::int64_t> blocks;
  std::vector<std::int64_t> tokens;
  const std::int64_t size = traits_.block_size;
  for (const Step::Row& r : step.rows) {
    const std::int64_t begin = r.row->position;
    const std::int64_t end = begin + r.count;
    for (std::int64_t b = begin / size; b * size < end; ++b) {
      const std::int64_t last = std::min((b + 1) * size, end) - 1;
      const std::int32_t block = r.row->block_table[static_cast<std::size_t>(b)];
      blocks.push_back(block);
      tokens.push_back(r.first + last - begin);
      remembered_[static_cast<std::size_t>(block)] = last;
    }
  }
  kept_blocks_ = at::tensor(blocks, at::kLong);
  kept_tokens_ = at::tensor(tokens, at::kLong);
}

at::Tensor YuanDecoder::token_before(const Step& step, std::int64_t layer, const at::Tensor& x,
                                     std::int64_t begin) const {
  const at::Tensor& memory = memory_[static_cast<std::size_t>(layer)];
  at::Tensor before = at::empty(x.sizes(), x.options());
  for (const Step::Row& r : step.rows) {
    if (r.row->position == 0) {
      before.select(0, r.first).zero_();
    } else {
      const auto b = static_cast<std::size_t>((r.row->position - 1) / traits_.block_size);
      const at::Tensor remembered = memory.select(0, r.row->block_table[b]);
      before.select(0, r.first).copy_(remembered.narrow(0, begin, x.size(1)));
    }
    if (r.count == 1) continue;
    before.narrow(0, r.first + 1, r.count - 1).copy_(x.narrow(0, r.first, r.count - 1));
  }
  return before;
}

at::Tensor YuanDecoder::project(const Step& step, std::int64_t layer, const at::Tensor& x) {
  const YuanFilterWeights& filter = filters_[static_cast<std::size_t>(layer)];
  const std::int64_t size = spec_.hidden_size;
  const at::Tensor first =
      apply_linear(at::cat({token_before(step, layer, x, 0), x}, 1), filter.first);
  const at::Tensor second =
      apply_linear(at::cat({token_before(step, layer, first, size), first}, 1), filter.second);
  kept_blocks_ = kept_blocks_.to(x.device());
  kept_tokens_ = kept_tokens_.to(x.device());
  const at::Tensor kept = at::cat({x, first}, 1).index_select(0, kept_tokens_);
  memory_[static_cast<std::size_t>(layer)].index_copy_(0, kept_blocks_, kept);
  const at::Tensor y = apply_norm(second + x, filter.norm, NormKind::rms, kFilterEps);
  return at::cat({apply_linear(y, filter.qk), apply_linear(x, filter.v)}, 1);
}

at::Tensor YuanDecoder::forward(Step& step) {
  plan_memory(step);
  return TorchDecoder::forward(step);
}

}  // namespace hearth::engine
