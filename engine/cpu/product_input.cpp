#include "engine/cpu/product_input.h"

#include "engine/cpu/grown.h"

namespace hearth::engine::cpu {

ProductInput::ProductInput(const KernelTable& kernels, WorkerPool& pool, float norm_eps,
                           float norm_offset)
    : kernels_(kernels),
      pool_(pool),
      norm_eps_(norm_eps),
      norm_offset_(norm_offset),
      activations_(kernels),
      normed_(static_cast<std::size_t>(pool.size())) {}

const Activations& ProductInput::prepare(const float* x, std::int64_t rows, std::int64_t k,
                                         const std::vector<float>& norm, WeightFormat format) {
  activations_.prepare(format, rows, k);
  for (std::vector<float>& normed : normed_) grown(normed, norm.empty() ? 0 : k);
  const auto put_rows = [&](std::int64_t begin, std::int64_t end, int worker) {
    float* normed = normed_[static_cast<std::size_t>(worker)].data();
    for (std::int64_t row = begin; row < end; ++row) {
      const float* values = x + row * k;
      if (!norm.empty()) {
        kernels_.rms_norm(values, norm.data(), norm_offset_, norm_eps_, k, normed);
        values = normed;
      }
      activations_.put(row, values);
    }
  };
  if (rows <= kSerialRows) {
    put_rows(0, rows, 0);
    return activations_;
  }
  // Whole tiles: the rows of one are interleaved and share their cache lines.
  pool_.for_each(activations_.num_tiles(), 1,
                 [&](std::int64_t tile, std::int64_t tile_end, int worker) {
                   put_rows(activations_.first_row(tile), activations_.first_row(tile_end), worker);
                 });
  return activations_;
}

}  // namespace hearth::engine::cpu
