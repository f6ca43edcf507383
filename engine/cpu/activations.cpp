#include "engine/cpu/activations.h"

#include <algorithm>
#include <atomic>
#include <limits>

namespace hearth::engine::cpu {
namespace {

template <class T>
void at_least(std::vector<T>& buffer, std::int64_t size) {
  if (static_cast<std::int64_t>(buffer.size()) < size)
    buffer.resize(static_cast<std::size_t>(size));
}

}  // namespace

void Activations::prepare(WeightFormat format, std::int64_t rows, std::int64_t k) {
  format_ = format;
  rows_ = rows;
  k_ = k;
  const int best = format == WeightFormat::bf16   ? kernels_.rows_bf16
                   : format == WeightFormat::int8 ? kernels_.rows_int8
                                                  : kernels_.rows_int4;
  k_padded_ = padded_k(k);
  num_tiles_ = std::max<std::int64_t>(1, (rows + best - 1) / best);
  height_ = rows / num_tiles_;
  num_tall_ = rows % num_tiles_;
  const std::int64_t size = rows * k_padded_;
  if (format == WeightFormat::bf16) {
    if (kernels_.bf16_activations) {
      at_least(bf16_, size);
    } else {
      at_least(f32_, size);
    }
    return;
  }
  at_least(q8_, size);
  at_least(scale_, size / kGroup);
  at_least(minus_sum_, size / kGroup);
  at_least(start_, rows);
  std::fill_n(start_.begin(), rows, 0.0F);
}

std::int64_t Activations::tile_of(std::int64_t row) const {
  const std::int64_t in_tall = num_tall_ * (height_ + 1);
  return row < in_tall ? row / (height_ + 1) : num_tall_ + (row - in_tall) / height_;
}

std::int64_t Activations::bytes() const {
  const std::int64_t bytes = format_ != WeightFormat::bf16 ? 1 : kernels_.bf16_activations ? 2 : 4;
  return rows_ * k_padded_ * bytes;
}

void Activations::put_part(std::int64_t row, const float* values, std::int64_t begin,
                           std::int64_t end) {
  const std::int64_t tile = tile_of(row);
  const std::int64_t first = first_row(tile);
  const auto rows = static_cast<int>(first_row(tile + 1) - first);
  const auto in_tile = static_cast<int>(row - first);
  const std::int64_t at = first * k_padded_ + begin * rows;
  const std::int64_t count = end - begin;
  if (format_ != WeightFormat::bf16) {
    const int zero = format_ == WeightFormat::int8 ? kInt8Zero : kInt4Zero;
    const bool fits =
        kernels_.put_q8(values, count, padded_k(count), in_tile, rows, zero, q8_.data() + at,
                        scale_.data() + at / kGroup, minus_sum_.data() + at / kGroup);
    if (fits) return;
    std::atomic_ref(start_[static_cast<std::size_t>(row)])
        .store(std::numeric_limits<float>::quiet_NaN(), std::memory_order_relaxed);
  } else if (kernels_.bf16_activations) {
    kernels_.put_bf16(values, count, padded_k(count), in_tile, rows, bf16_.data() + at);
  } else {
    kernels_.put_f32(values, count, padded_k(count), in_tile, rows, f32_.data() + at);
  }
}

ActivationTile Activations::tile(std::int64_t index) const {
  const std::int64_t first = first_row(index);
  const std::int64_t group = first * (k_padded_ / kGroup);
  return {f32_.data() + first * k_padded_,
          bf16_.data() + first * k_padded_,
          q8_.data() + first * k_padded_,
          scale_.data() + group,
          minus_sum_.data() + group,
          start_.data() + first,
          static_cast<int>(first_row(index + 1) - first),
          k_padded_,
          nullptr,
          0};
}

}  // namespace hearth::engine::cpu
