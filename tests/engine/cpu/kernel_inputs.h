// Inputs for kernel tests: deterministic numbers, packed matrices with their storage, and fp64
// references.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "engine/cpu/activations.h"
#include "engine/cpu/packed_matrix.h"
#include "engine/cpu/worker_pool.h"

namespace hearth::engine::cpu {

inline std::vector<float> normal_values(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

struct OwnedMatrix {
  PackedMatrix matrix;
  std::vector<std::uint8_t> bytes;
  std::vector<double> as_seen;  // [rows, k] what the products see: the packed values, unpacked
};

inline OwnedMatrix packed(WeightFormat format, std::int64_t rows, std::int64_t k,
                          const std::vector<float>& weights,
                          const KernelTable& kernels = scalar_kernels()) {
  OwnedMatrix owned;
  owned.matrix.format = format;
  owned.matrix.rows = rows;
  owned.matrix.k = k;
  owned.bytes.resize(static_cast<std::size_t>(owned.matrix.bytes()));
  owned.matrix.data = owned.bytes.data();
  WorkerPool pool(1);
  pack(
      owned.matrix,
      [&](std::int64_t row, float* out) {
        for (std::int64_t i = 0; i < k; ++i)
          out[i] = weights[static_cast<std::size_t>(row * k + i)];
      },
      kernels, pool);
  std::vector<float> row_values(static_cast<std::size_t>(k));
  for (std::int64_t row = 0; row < rows; ++row) {
    owned.matrix.unpack_row(row, row_values.data());
    owned.as_seen.insert(owned.as_seen.end(), row_values.begin(), row_values.end());
  }
  return owned;
}

// matrix · activations, [rows of activations, padded rows of matrix].
inline std::vector<float> product(const KernelTable& kernels, const PackedMatrix& matrix,
                                  const Activations& activations) {
  const std::int64_t width = matrix.num_panels() * kPanelRows;
  std::vector<float> result(static_cast<std::size_t>(activations.rows() * width));
  std::vector<float> out(kMaxRows * kPanelRows);
  const MultiplyFn kernel = matrix.format == WeightFormat::bf16   ? kernels.multiply_bf16
                            : matrix.format == WeightFormat::int8 ? kernels.multiply_int8
                                                                  : kernels.multiply_int4;
  for (std::int64_t p = 0; p < matrix.num_panels(); ++p) {
    for (std::int64_t t = 0; t < activations.num_tiles(); ++t) {
      const ActivationTile tile = activations.tile(t);
      kernel(matrix.panel(p), tile, out.data());
      for (int r = 0; r < tile.rows; ++r) {
        for (int i = 0; i < kPanelRows; ++i) {
          result[static_cast<std::size_t>((activations.first_row(t) + r) * width + p * kPanelRows +
                                          i)] = out[static_cast<std::size_t>(r * kPanelRows + i)];
        }
      }
    }
  }
  return result;
}

}  // namespace hearth::engine::cpu
