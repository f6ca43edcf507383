#include "engine/cuda/device_weights.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "engine/checkpoint/weight_map.h"
#include "engine/cuda/kernels/launch.h"
#include "engine/cuda/matrix_rows.h"
#include "engine/cuda/staging.h"

namespace hearth::engine::cuda {
namespace {

constexpr std::size_t kStagingBytes = std::size_t{32} << 20;

// Loads one model: knows the names, counts the progress, owns the staging. The first error ends it:
// what is asked afterwards does nothing.
class Loader {
 public:
  Loader(Device& device, const Checkpoint& checkpoint, const ModelSpec& spec, const WeightMap& map,
         Numbers numbers, const ProgressSink& progress, Staging staging)
      : device_(device),
        checkpoint_(checkpoint),
        spec_(spec),
        map_(map),
        numbers_(numbers),
        progress_(progress),
        staging_(std::move(staging)) {}

  Result<DeviceWeights> load() {
    const TensorNames& names = spec_.names;
    prefetch_layer(checkpoint_, spec_, 0);
    weights_.embedding = matrix({names.embedding});
    for (std::int64_t i = 0; i < spec_.num_layers; ++i) {
      prefetch_layer(checkpoint_, spec_, i + 1);
      weights_.layers.push_back(load_layer(i));
    }
    weights_.final_norm = vector({names.final_norm + ".weight"});
    weights_.head = map_.head_is_embedding() ? weights_.embedding : matrix({names.lm_head});
    keep(device_.synchronize());
    if (error_) return tl::unexpected(*error_);
    if (progress_) progress_({"weights", 100.0, ""});
    return std::move(weights_);
  }

 private:
  LayerWeights load_layer(std::int64_t index) {
    const TensorNames& names = spec_.names;
    const std::string at = layer_prefix(spec_, index);
    const auto biases = [&](std::vector<std::string> modules) {
      for (std::string& module : modules) module = at + module + ".bias";
      return vector(modules);
    };
    const std::vector<std::string> qkv =
        spec_.fused_qkv ? std::vector{names.qkv_proj}
                        : std::vector{names.q_proj, names.k_proj, names.v_proj};
    const std::vector<std::string> gate_up = spec_.fused_gate_up
                                                 ? std::vector{names.gate_up_proj}
                                                 : std::vector{names.gate_proj, names.up_proj};
    LayerWeights layer;
    layer.input_norm = vector({at + names.input_norm + ".weight"});
    layer.post_attention_norm = vector({at + names.post_attention_norm + ".weight"});
    layer.pre_mlp_norm = vector({at + names.pre_mlp_norm + ".weight"});
    layer.post_mlp_norm = vector({at + names.post_mlp_norm + ".weight"});
    layer.q_norm = vector({at + names.q_norm + ".weight"});
    layer.k_norm = vector({at + names.k_norm + ".weight"});
    layer.qkv = matrix(qkv, at);
    layer.qkv_bias = biases(qkv);
    layer.o = matrix({names.o_proj}, at);
    layer.o_bias = biases({names.o_proj});
    layer.gate_up = matrix(gate_up, at);
    layer.gate_up_bias = biases(gate_up);
    layer.down = matrix({names.down_proj}, at);
    layer.down_bias = biases({names.down_proj});
    return layer;
  }

  // The named vectors, one after the other; null when the model has none of them.
  const float* vector(const std::vector<std::string>& names) {
    std::vector<float> values;
    for (const std::string& name : names) {
      if (!map_.contains(name)) continue;
      const std::vector<float> part = read_vector(map_.at(name));
      values.insert(values.end(), part.begin(), part.end());
    }
    void* const data =
        values.empty() ? nullptr : take(values.size() * sizeof(float), names.front());
    if (data != nullptr) keep(staging_.send_values(data, std::as_bytes(std::span(values))));
    return static_cast<const float*>(data);
  }

  // Rows of the named modules' weights, one after the other.
  Matrix matrix(const std::vector<std::string>& modules, const std::string& prefix = {}) {
    Matrix out;
    std::vector<const TensorView*> parts;
    std::int64_t rows = 0;
    for (const std::string& module : modules) {
      parts.push_back(&map_.at(prefix + module + ".weight"));
      rows += parts.back()->shape[0];
    }
    out.numbers = numbers_;
    out.rows = static_cast<int>(rows);
    out.k = static_cast<int>(parts[0]->shape[1]);
    out.stride = padded_row(out.k);
    const std::size_t row_bytes = static_cast<std::size_t>(out.stride * bytes_of(numbers_));
    const std::string name = prefix + modules.front();
    auto* data = static_cast<std::byte*>(take(static_cast<std::size_t>(rows) * row_bytes, name));
    std::byte* scales = nullptr;
    const std::size_t groups = static_cast<std::size_t>(out.stride / kInt8Group);
    if (numbers_ == Numbers::int8) {
      scales = static_cast<std::byte*>(
          take(static_cast<std::size_t>(rows) * groups * sizeof(Fp16), name));
    }
    if (error_) return out;
    out.data = data;
    out.scales = reinterpret_cast<const Fp16*>(scales);
    for (std::size_t i = 0; i < parts.size() && !error_; ++i) {
      send_rows(*parts[i], out, data, scales);
      data += static_cast<std::size_t>(parts[i]->shape[0]) * row_bytes;
      if (scales != nullptr) scales += static_cast<std::size_t>(parts[i]->shape[0]) * groups * 2;
      done(prefix + modules[i], *parts[i]);
    }
    return out;
  }

  void send_rows(const TensorView& tensor, const Matrix& matrix, std::byte* data,
                 std::byte* scales) {
    const auto stride = static_cast<std::size_t>(matrix.stride);
    const std::size_t row_bytes = stride * static_cast<std::size_t>(bytes_of(numbers_));
    const std::size_t groups = stride / kInt8Group;
    const std::int64_t rows_at_once = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(staging_.bytes() / (row_bytes + groups * sizeof(Fp16))));
    std::vector<Fp16> row_scales(scales != nullptr ? static_cast<std::size_t>(rows_at_once) * groups
                                                   : 0);
    for (std::int64_t first = 0; first < tensor.shape[0] && !error_; first += rows_at_once) {
      const std::int64_t count = std::min(rows_at_once, tensor.shape[0] - first);
      for (std::int64_t i = 0; i < count; ++i) {
        fill_row(
            tensor, first + i, matrix, staging_.next() + static_cast<std::size_t>(i) * row_bytes,
            scales != nullptr ? row_scales.data() + static_cast<std::size_t>(i) * groups : nullptr);
      }
      keep(staging_.send(data + static_cast<std::size_t>(first) * row_bytes,
                         static_cast<std::size_t>(count) * row_bytes));
      if (scales != nullptr) {
        const auto bytes =
            std::as_bytes(std::span(row_scales).first(static_cast<std::size_t>(count) * groups));
        keep(staging_.send_values(scales + static_cast<std::size_t>(first) * groups * sizeof(Fp16),
                                  bytes));
      }
    }
  }

  void fill_row(const TensorView& tensor, std::int64_t row, const Matrix& matrix, std::byte* out,
                Fp16* scales) {
    if (is_stored_as(tensor, numbers_)) {
      const std::int64_t bytes = bits_of(tensor.dtype) / 8;
      const auto size = static_cast<std::size_t>(matrix.k * bytes);
      std::memcpy(out, tensor.bytes.data() + row * tensor.strides[0] * bytes, size);
      std::memset(out + size, 0, static_cast<std::size_t>((matrix.stride - matrix.k) * bytes));
      return;
    }
    row_.resize(static_cast<std::size_t>(matrix.k));
    read_row(tensor, row, row_.data());
    pack_row(row_.data(), matrix.k, matrix.stride, numbers_, out, scales);
  }

  void* take(std::size_t bytes, const std::string& name) {
    if (error_) return nullptr;
    auto buffer = device_.allocate(bytes);
    if (!buffer) {
      error_ = Error{ErrorCode::out_of_memory,
                     device_.name() + " has " + std::to_string(device_.free_bytes() / 1'000'000) +
                         " MB left and " + name + " needs " + std::to_string(bytes / 1'000'000) +
                         " MB; --dtype int8 takes half, --device cpu none."};
      return nullptr;
    }
    weights_.memory.push_back(std::move(*buffer));
    return weights_.memory.back().data();
  }

  void keep(const Result<void>& result) {
    if (!result && !error_) error_ = result.error();
  }

  void done(const std::string& name, const TensorView& view) {
    checkpoint_.release(view);
    loaded_bytes_ += static_cast<double>(view.bytes.size());
    if (progress_)
      progress_({"weights", 100.0 * loaded_bytes_ / static_cast<double>(checkpoint_.weight_bytes()),
                 name});
  }

  Device& device_;
  const Checkpoint& checkpoint_;
  const ModelSpec& spec_;
  const WeightMap& map_;
  Numbers numbers_;
  const ProgressSink& progress_;
  Staging staging_;
  DeviceWeights weights_;
  std::vector<float> row_;
  std::optional<Error> error_;
  double loaded_bytes_ = 0.0;
};

}  // namespace

Result<DeviceWeights> load_device_weights(Device& device, const Checkpoint& checkpoint,
                                          const ModelSpec& spec, Numbers numbers,
                                          const ProgressSink& progress) {
  const auto map = WeightMap::match(checkpoint, spec);
  if (!map) return tl::unexpected(map.error());
  const std::size_t longest_row =
      static_cast<std::size_t>(std::max(spec.intermediate_size, spec.hidden_size)) * 8;
  auto staging = Staging::create(device, std::max(kStagingBytes, longest_row));
  if (!staging) return tl::unexpected(staging.error());
  return Loader(device, checkpoint, spec, *map, numbers, progress, std::move(*staging)).load();
}

}  // namespace hearth::engine::cuda
