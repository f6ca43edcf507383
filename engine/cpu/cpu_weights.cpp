#include "engine/cpu/cpu_weights.h"

#include <string>
#include <utility>

#include "engine/checkpoint/weight_map.h"
#include "engine/cpu/cpu_decoder.h"
#include "engine/cpu/tensor_rows.h"
#include "engine/cpu/worker_pool.h"

namespace hearth::engine::cpu {
namespace {

PackedMatrix shape_of(WeightFormat format, std::int64_t rows, std::int64_t k) {
  PackedMatrix matrix;
  matrix.format = format;
  matrix.rows = rows;
  matrix.k = k;
  return matrix;
}

// The shapes of all matrices, without their bytes, and the size of the arena that will hold them.
struct WeightPlan {
  WeightPlan(const ModelSpec& spec, WeightFormat format, bool head_is_embedding) {
    const std::int64_t q_rows = spec.num_heads * spec.head_dim;
    const std::int64_t kv_rows = spec.num_kv_heads * spec.head_dim;
    const std::int64_t hidden = spec.hidden_size;
    const WeightFormat outer = format == WeightFormat::int4 ? WeightFormat::int8 : format;
    weights.head_is_embedding = head_is_embedding;
    weights.embedding = planned(shape_of(outer, spec.vocab_size, hidden));
    if (!head_is_embedding) weights.own_head = planned(shape_of(outer, spec.vocab_size, hidden));
    weights.layers.resize(static_cast<std::size_t>(spec.num_layers));
    for (LayerWeights& layer : weights.layers) {
      layer.qkv = planned(shape_of(format, q_rows + 2 * kv_rows, hidden));
      layer.o = planned(shape_of(format, hidden, q_rows));
      layer.gate_up = planned(shape_of(format, 2 * padded_rows(spec.intermediate_size), hidden));
      layer.down = planned(shape_of(format, hidden, spec.intermediate_size));
    }
  }

  PackedMatrix planned(PackedMatrix matrix) {
    bytes += matrix.bytes() + static_cast<std::int64_t>(Arena::kAlignment);
    return matrix;
  }

  CpuWeights weights;
  std::int64_t bytes = 0;
};

// Loads one model: knows the names, counts the progress, hands out the arena.
class Loader {
 public:
  Loader(const Checkpoint& checkpoint, const ModelSpec& spec, const WeightMap& map,
         WeightFormat format, const KernelTable& kernels, WorkerPool& pool,
         const ProgressSink& progress)
      : checkpoint_(checkpoint),
        spec_(spec),
        map_(map),
        format_(format),
        kernels_(kernels),
        pool_(pool),
        progress_(progress) {}

  Result<CpuWeights> load() {
    WeightPlan plan(spec_, format_, map_.head_is_embedding());
    CpuWeights& weights = plan.weights;
    auto arena = Arena::create(static_cast<std::size_t>(plan.bytes));
    if (!arena) return tl::unexpected(arena.error());
    weights.arena = std::move(*arena);
    arena_ = &weights.arena;

    prefetch_layer(checkpoint_, spec_, 0);
    pack_from(weights.embedding, {spec_.names.embedding});
    for (std::int64_t i = 0; i < spec_.num_layers; ++i) {
      prefetch_layer(checkpoint_, spec_, i + 1);
      load_layer(i, weights.layers[static_cast<std::size_t>(i)]);
    }
    weights.final_norm = vector(spec_.names.final_norm + ".weight");
    if (!weights.head_is_embedding) pack_from(weights.own_head, {spec_.names.lm_head});
    if (progress_) progress_({"weights", 100.0, ""});
    return std::move(weights);
  }

 private:
  void load_layer(std::int64_t index, LayerWeights& layer) {
    const TensorNames& names = spec_.names;
    const std::string prefix = layer_prefix(spec_, index);
    layer.input_norm = vector(prefix + names.input_norm + ".weight");
    layer.post_attention_norm = vector(prefix + names.post_attention_norm + ".weight");
    layer.pre_mlp_norm = vector(prefix + names.pre_mlp_norm + ".weight");
    layer.post_mlp_norm = vector(prefix + names.post_mlp_norm + ".weight");
    layer.q_norm = vector(prefix + names.q_norm + ".weight");
    layer.k_norm = vector(prefix + names.k_norm + ".weight");
    if (spec_.fused_qkv) {
      pack_from(layer.qkv, {prefix + names.qkv_proj});
      layer.qkv_bias = vector(prefix + names.qkv_proj + ".bias");
    } else {
      pack_from(layer.qkv, {prefix + names.q_proj, prefix + names.k_proj, prefix + names.v_proj});
      for (const std::string& name : {names.q_proj, names.k_proj, names.v_proj}) {
        const std::vector<float> bias = vector(prefix + name + ".bias");
        layer.qkv_bias.insert(layer.qkv_bias.end(), bias.begin(), bias.end());
      }
    }
    pack_from(layer.o, {prefix + names.o_proj});
    layer.o_bias = vector(prefix + names.o_proj + ".bias");
    load_mlp(prefix, layer);
  }

  void load_mlp(const std::string& prefix, LayerWeights& layer) {
    const TensorNames& names = spec_.names;
    layer.gate_up.data = arena_->take(static_cast<std::size_t>(layer.gate_up.bytes()));
    if (spec_.fused_gate_up) {
      const TensorView& both = map_.at(prefix + names.gate_up_proj + ".weight");
      const std::int64_t intermediate = spec_.intermediate_size;
      pack_gate_up(
          layer.gate_up, [&](std::int64_t row, float* out) { read_row(kernels_, both, row, out); },
          [&](std::int64_t row, float* out) { read_row(kernels_, both, intermediate + row, out); },
          intermediate, kernels_, pool_);
      done(prefix + names.gate_up_proj, both);
    } else {
      const TensorView& gate = map_.at(prefix + names.gate_proj + ".weight");
      const TensorView& up = map_.at(prefix + names.up_proj + ".weight");
      pack_gate_up(
          layer.gate_up, [&](std::int64_t row, float* out) { read_row(kernels_, gate, row, out); },
          [&](std::int64_t row, float* out) { read_row(kernels_, up, row, out); },
          spec_.intermediate_size, kernels_, pool_);
      done(prefix + names.gate_proj, gate);
      done(prefix + names.up_proj, up);
      layer.gate_bias = vector(prefix + names.gate_proj + ".bias");
      layer.up_bias = vector(prefix + names.up_proj + ".bias");
    }
    pack_from(layer.down, {prefix + names.down_proj});
    layer.down_bias = vector(prefix + names.down_proj + ".bias");
  }

  // Rows of the named modules' weights, one after the other.
  void pack_from(PackedMatrix& matrix, const std::vector<std::string>& modules) {
    matrix.data = arena_->take(static_cast<std::size_t>(matrix.bytes()));
    std::vector<const TensorView*> parts;
    for (const std::string& module : modules) parts.push_back(&map_.at(module + ".weight"));
    pack(
        matrix,
        [&](std::int64_t row, float* out) {
          for (const TensorView* part : parts) {
            if (row < part->shape[0]) return read_row(kernels_, *part, row, out);
            row -= part->shape[0];
          }
        },
        kernels_, pool_);
    for (std::size_t i = 0; i < parts.size(); ++i) done(modules[i], *parts[i]);
  }

  std::vector<float> vector(const std::string& name) const {
    return map_.contains(name) ? read_vector(kernels_, map_.at(name)) : std::vector<float>{};
  }

  void done(const std::string& name, const TensorView& view) {
    checkpoint_.release(view);
    loaded_bytes_ += static_cast<double>(view.bytes.size());
    if (progress_)
      progress_({"weights", 100.0 * loaded_bytes_ / static_cast<double>(checkpoint_.weight_bytes()),
                 name});
  }

  const Checkpoint& checkpoint_;
  const ModelSpec& spec_;
  const WeightMap& map_;
  WeightFormat format_;
  const KernelTable& kernels_;
  WorkerPool& pool_;
  const ProgressSink& progress_;
  Arena* arena_ = nullptr;
  double loaded_bytes_ = 0.0;
};

}  // namespace

std::int64_t packed_bytes(const ModelSpec& spec, WeightFormat format) {
  return WeightPlan(spec, format, spec.tied_embeddings).bytes;
}

Result<CpuWeights> load_cpu_weights(const Checkpoint& checkpoint, const ModelSpec& spec,
                                    WeightFormat format, const KernelTable& kernels,
                                    WorkerPool& pool, const ProgressSink& progress) {
  if (spec.network != Network::decoder || spec.is_classifier()) {
    return fail(
        ErrorCode::architecture_unsupported,
        "The packed CPU decoder does not run " + spec.architecture + "; the torch decoder may.");
  }
  const auto map = WeightMap::match(checkpoint, spec);
  if (!map) return tl::unexpected(map.error());
  return Loader(checkpoint, spec, *map, format, kernels, pool, progress).load();
}

}  // namespace hearth::engine::cpu
