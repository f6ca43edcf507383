// A matrix times the rows of a step, on all workers.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/cpu/activations.h"
#include "engine/cpu/kernels/kernels.h"
#include "engine/cpu/packed_matrix.h"
#include "engine/cpu/worker_pool.h"

namespace hearth::engine::cpu {

// A worker that loses its core for a while leaves little undone.
inline constexpr std::int64_t kPiecesPerWorker = 8;
// Bytes of weights and of activations that a core's second-level cache (1 MiB or more) holds at
// once.
inline constexpr std::int64_t kPanelCache = 448 << 10;
inline constexpr std::int64_t kTileCache = 160 << 10;

// Calls use(row, panel, values[32], worker) for each row and panel of matrix · input. A row's
// panels 2p and 2p + 1 come in this order from the same worker, none of its others between them.
//
// A group of panels and a block of tiles stay in the second-level cache together: a prompt's
// activations are read from further away once for each group, not once for each panel.
template <class Use>
void multiply(const PackedMatrix& matrix, const Activations& input, const KernelTable& kernels,
              WorkerPool& pool, const Use& use) {
  const std::int64_t panels = matrix.num_panels();
  const std::int64_t tiles = input.num_tiles();
  const auto in_pairs = [](std::int64_t count) { return std::max<std::int64_t>(2, count / 2 * 2); };
  const std::int64_t grain = in_pairs(panels / (pool.size() * kPiecesPerWorker));
  const std::int64_t group = in_pairs(kPanelCache / panel_bytes(matrix.format, matrix.k));
  const std::int64_t block = std::max<std::int64_t>(1, kTileCache / input.tile_bytes());
  const MultiplyFn kernel = matrix.format == WeightFormat::bf16   ? kernels.multiply_bf16
                            : matrix.format == WeightFormat::int8 ? kernels.multiply_int8
                                                                  : kernels.multiply_int4;
  const std::int64_t groups = matrix.k_padded() / kGroup;
  const std::int64_t stride = panel_bytes(matrix.format, matrix.k);
  const auto multiply_block = [&](std::int64_t panel, std::int64_t next, std::int64_t first_tile,
                                  std::int64_t last_tile, int worker) {
    alignas(64) float out[kMaxRows * kPanelRows];
    const std::int64_t count = last_tile - first_tile;
    const bool has_next = next < panels && count > 1;
    // Of the next panel, each tile fetches its share while it multiplies this one.
    const std::int64_t step = (stride / groups / count + 63) / 64 * 64;
    for (std::int64_t t = first_tile; t < last_tile; ++t) {
      ActivationTile tile = input.tile(t);
      tile.ahead = matrix.panel(has_next ? next : panel) + (t - first_tile) * step * groups;
      tile.ahead_step = has_next && (t - first_tile) * step * groups < stride ? step : 0;
      kernel(matrix.panel(panel), tile, out);
      const std::int64_t first = input.first_row(t);
      for (int r = 0; r < tile.rows; ++r) use(first + r, panel, out + r * kPanelRows, worker);
    }
  };
  pool.for_each(panels, grain, [&](std::int64_t begin, std::int64_t end, int worker) {
    // Where all are equally fast, this worker's next piece.
    const std::int64_t next_piece = end + grain * (pool.size() - 1);
    for (std::int64_t first = begin; first < end; first += group) {
      const std::int64_t last = std::min(end, first + group);
      for (std::int64_t t = 0; t < tiles; t += block) {
        const std::int64_t after = t + block < tiles ? first : last < end ? last : next_piece;
        for (std::int64_t panel = first; panel < last; ++panel) {
          multiply_block(panel, panel + 1 < last ? panel + 1 : after, t, std::min(tiles, t + block),
                         worker);
        }
      }
    }
  });
}

}  // namespace hearth::engine::cpu
