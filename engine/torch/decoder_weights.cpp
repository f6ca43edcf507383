#include "engine/torch/decoder_weights.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "engine/base/check.h"

namespace hearth::engine {
namespace {

constexpr std::int64_t kPieceBytes = 16 << 20;

at::ScalarType scalar_type_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f16:
      return at::kHalf;
    case Dtype::bf16:
      return at::kBFloat16;
    case Dtype::f64:
      return at::kDouble;
    default:
      CHECK(dtype == Dtype::f32);  // WeightMap lets floating types through only
      return at::kFloat;
  }
}

// Copies parameters out of the mapped files and says how far it is.
class WeightLoader {
 public:
  WeightLoader(const Checkpoint& checkpoint, const WeightMap& map, const at::TensorOptions& options,
               const ProgressSink& progress)
      : checkpoint_(checkpoint),
        map_(map),
        options_(options),
        progress_(progress),
        total_bytes_(checkpoint.weight_bytes()) {}

  at::Tensor load(const std::string& name) {
    at::Tensor to = at::empty(map_.at(name).shape, options_);
    copy(name, to);
    return to;
  }

  // Stacks parameters of equal width, rows upon rows.
  at::Tensor stack(const std::vector<std::string>& names) {
    std::vector<std::int64_t> shape = map_.at(names.front()).shape;
    for (std::size_t i = 1; i < names.size(); ++i) shape[0] += map_.at(names[i]).shape[0];
    at::Tensor to = at::empty(shape, options_);
    std::int64_t row = 0;
    for (const std::string& name : names) {
      const std::int64_t rows = map_.at(name).shape[0];
      copy(name, to.narrow(0, row, rows));
      row += rows;
    }
    return to;
  }

  Linear linear(const std::vector<std::string>& paths, bool has_bias) {
    std::vector<std::string> weights;
    std::vector<std::string> biases;
    for (const std::string& path : paths) {
      weights.push_back(path + ".weight");
      biases.push_back(path + ".bias");
    }
    return {stack(weights), has_bias ? stack(biases) : at::Tensor()};
  }

 private:
  void copy(const std::string& name, const at::Tensor& to) {
    const TensorView& from = map_.at(name);
    report(name);
    if (from.is_contiguous() && !from.shape.empty() && from.shape[0] > 0) {
      copy_pieces(from, to);
    } else {
      copy_whole(from, to);
    }
    done_bytes_ += from.bytes.size();
  }

  void copy_pieces(const TensorView& from, const at::Tensor& to) {
    const std::int64_t rows = from.shape[0];
    const std::int64_t row_bytes = static_cast<std::int64_t>(from.bytes.size()) / rows;
    const std::int64_t step =
        std::max<std::int64_t>(1, kPieceBytes / std::max<std::int64_t>(row_bytes, 1));
    for (std::int64_t row = 0; row < rows; row += step) {
      TensorView piece = from;
      piece.shape[0] = std::min(step, rows - row);
      piece.bytes = from.bytes.subspan(static_cast<std::size_t>(row * row_bytes),
                                       static_cast<std::size_t>(piece.shape[0] * row_bytes));
      copy_whole(piece, to.narrow(0, row, piece.shape[0]));
    }
  }

  void copy_whole(const TensorView& from, const at::Tensor& to) {
    const auto type = scalar_type_of(from.dtype);
    const void* data = from.bytes.data();
    std::vector<std::byte> aligned;  // operator new aligns for every element type
    if (reinterpret_cast<std::uintptr_t>(data) % c10::elementSize(type) != 0) {
      aligned.assign(from.bytes.begin(), from.bytes.end());
      data = aligned.data();
    }
    // from_blob takes a mutable pointer, but copy_ only reads its source.
    to.copy_(
        at::from_blob(const_cast<void*>(data), from.shape, from.strides, at::TensorOptions(type)));
    checkpoint_.release(from);
  }

  void report(const std::string& name) {
    if (!progress_) return;
    const double share = total_bytes_ == 0
                             ? 1.0
                             : static_cast<double>(done_bytes_) / static_cast<double>(total_bytes_);
    progress_({"weights", 100.0 * share, name});
  }

  const Checkpoint& checkpoint_;
  const WeightMap& map_;
  at::TensorOptions options_;
  const ProgressSink& progress_;
  std::uint64_t total_bytes_ = 0;
  std::uint64_t done_bytes_ = 0;
};

LayerWeights load_layer(WeightLoader& loader, const ModelSpec& spec, std::int64_t index) {
  const TensorNames& names = spec.names;
  std::string layer = names.layer + ".";
  layer.replace(layer.find("{}"), 2, std::to_string(index));
  const auto norm = [&](const std::string& path) { return loader.load(layer + path + ".weight"); };

  LayerWeights weights;
  weights.input_norm = norm(names.input_norm);
  weights.qkv =
      spec.fused_qkv
          ? loader.linear({layer + names.qkv_proj}, spec.qkv_bias)
          : loader.linear({layer + names.q_proj, layer + names.k_proj, layer + names.v_proj},
                          spec.qkv_bias);
  if (spec.qk_norm) {
    weights.q_norm = norm(names.q_norm);
    weights.k_norm = norm(names.k_norm);
  }
  weights.o = loader.linear({layer + names.o_proj}, spec.o_bias);
  weights.post_attention_norm = norm(names.post_attention_norm);
  if (spec.sandwich_norms) {
    weights.pre_mlp_norm = norm(names.pre_mlp_norm);
    weights.post_mlp_norm = norm(names.post_mlp_norm);
  }
  weights.gate_up =
      spec.fused_gate_up
          ? loader.linear({layer + names.gate_up_proj}, spec.mlp_bias)
          : loader.linear({layer + names.gate_proj, layer + names.up_proj}, spec.mlp_bias);
  weights.down = loader.linear({layer + names.down_proj}, spec.mlp_bias);
  return weights;
}

}  // namespace

DecoderWeights DecoderWeights::load(const Checkpoint& checkpoint, const WeightMap& map,
                                    const ModelSpec& spec, const at::TensorOptions& options,
                                    const ProgressSink& progress) {
  WeightLoader loader(checkpoint, map, options, progress);
  DecoderWeights weights;
  weights.embedding = loader.load(spec.names.embedding + ".weight");
  for (std::int64_t i = 0; i < spec.num_layers; ++i) {
    weights.layers.push_back(load_layer(loader, spec, i));
  }
  weights.final_norm = loader.load(spec.names.final_norm + ".weight");
  if (spec.is_classifier()) {
    weights.head.weight = loader.load(spec.names.score + ".weight");
  } else if (map.head_is_embedding()) {
    weights.head.weight = weights.embedding;
  } else {
    weights.head.weight = loader.load(spec.names.lm_head + ".weight");
  }
  if (progress) progress({"weights", 100.0, ""});
  return weights;
}

}  // namespace hearth::engine
