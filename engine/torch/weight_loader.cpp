#include "engine/torch/weight_loader.h"

#include <algorithm>
#include <cstring>

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

}  // namespace

WeightLoader::WeightLoader(const Checkpoint& checkpoint, const WeightMap& map, const Places& places,
                           const ProgressSink& progress)
    : checkpoint_(checkpoint),
      map_(map),
      places_(places),
      options_(places.embedding),
      progress_(progress),
      total_bytes_(checkpoint.weight_bytes()) {}

at::Tensor WeightLoader::load(const std::string& name) {
  at::Tensor to = at::empty(map_.at(name).shape, options_);
  copy(name, to);
  return to;
}

at::Tensor WeightLoader::stack(const std::vector<std::string>& names) {
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

Linear WeightLoader::linear(const std::vector<std::string>& paths, bool has_bias) {
  std::vector<std::string> weights;
  std::vector<std::string> biases;
  for (const std::string& path : paths) {
    weights.push_back(path + ".weight");
    biases.push_back(path + ".bias");
  }
  return {stack(weights), has_bias ? stack(biases) : at::Tensor()};
}

LayerNorm WeightLoader::layer_norm(const std::string& path) {
  return {load(path + ".weight"), load(path + ".bias")};
}

void WeightLoader::copy(const std::string& name, const at::Tensor& to) {
  const TensorView& from = map_.at(name);
  report(name);
  if (from.rows != nullptr) {
    copy_computed(from, to);
  } else if (from.is_contiguous() && !from.shape.empty() && from.shape[0] > 0) {
    copy_pieces(from, to);
  } else {
    copy_whole(from, to);
  }
  done_bytes_ += from.bytes.size();
}

void WeightLoader::copy_pieces(const TensorView& from, const at::Tensor& to) {
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

// Rows that are computed one by one (quantised weights).
void WeightLoader::copy_computed(const TensorView& from, const at::Tensor& to) {
  const std::int64_t rows = from.shape[0];
  const std::int64_t columns = from.shape[1];
  const std::int64_t step = std::max<std::int64_t>(
      1,
      kPieceBytes / std::max<std::int64_t>(columns * static_cast<std::int64_t>(sizeof(float)), 1));
  for (std::int64_t first = 0; first < rows; first += step) {
    const std::int64_t count = std::min(step, rows - first);
    const at::Tensor piece = at::empty({count, columns}, at::kFloat);
    float* const out = piece.data_ptr<float>();
    for (std::int64_t row = 0; row < count; ++row)
      from.rows->read(first + row, out + row * columns);
    to.narrow(0, first, count).copy_(piece);
  }
  checkpoint_.release(from);
}

void WeightLoader::copy_whole(const TensorView& from, const at::Tensor& to) {
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

void WeightLoader::report(const std::string& name) const {
  if (!progress_) return;
  const double share = total_bytes_ == 0
                           ? 1.0
                           : static_cast<double>(done_bytes_) / static_cast<double>(total_bytes_);
  progress_({"weights", 100.0 * share, name});
}

void WeightLoader::report_end() const {
  if (progress_) progress_({"weights", 100.0, ""});
}

}  // namespace hearth::engine
