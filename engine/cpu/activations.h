// The input of one matrix product: activation rows in the tiles and number form that the weights'
// kernel wants.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/cpu/kernels/kernels.h"
#include "engine/cpu/packed_matrix.h"

namespace hearth::engine::cpu {

// Buffers grow to the largest product and are then reused. prepare and finish run on the engine
// thread, put on any worker.
class Activations {
 public:
  explicit Activations(const KernelTable& kernels) : kernels_(kernels) {}

  // Starts `rows` rows of k values for a matrix of this format.
  void prepare(WeightFormat format, std::int64_t rows, std::int64_t k);

  // Row `row`, [k]. Different rows, and different parts of one, may be put at once.
  void put(std::int64_t row, const float* values) { put_part(row, values, 0, k_); }

  // Its values [begin, end), [end − begin]; begin is a multiple of kGroup, and so is end unless it
  // is k. A row with a value that int8 cannot hold (above 127 · 2^100, not a number) has products
  // that are NaN.
  void put_part(std::int64_t row, const float* values, std::int64_t begin, std::int64_t end);

  std::int64_t rows() const { return rows_; }
  std::int64_t num_tiles() const { return num_tiles_; }
  // Of tile 0 … num_tiles (the end). Tiles are equally high, give or take one row: 8 rows at a best
  // height of 6 are 4 + 4, not 6 + 2.
  std::int64_t first_row(std::int64_t tile) const {
    return tile * height_ + (tile < num_tall_ ? tile : num_tall_);
  }
  ActivationTile tile(std::int64_t index) const;
  std::int64_t bytes() const;  // of all tiles

 private:
  std::int64_t tile_of(std::int64_t row) const;

  const KernelTable& kernels_;
  WeightFormat format_ = WeightFormat::bf16;
  std::int64_t rows_ = 0;
  std::int64_t k_ = 0;
  std::int64_t k_padded_ = 0;
  std::int64_t num_tiles_ = 0;
  std::int64_t height_ = 1;    // of the last tile
  std::int64_t num_tall_ = 0;  // tiles, the first ones, that are one row higher
  std::vector<float> f32_;
  std::vector<std::uint16_t> bf16_;
  std::vector<std::int8_t> q8_;
  std::vector<std::int32_t> scale_;
  std::vector<std::int32_t> minus_sum_;
  std::vector<float> start_;  // [rows]
};

}  // namespace hearth::engine::cpu
