// A matrix times the rows of a step, on all workers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

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

// out[i] = values[i] + bias[first + i], i < count ≤ 32; no bias when it is empty.
inline void put_values(const float* values, const std::vector<float>& bias, std::int64_t first,
                       std::int64_t count, float* out) {
  if (!bias.empty()) {
    const float* more = bias.data() + first;
    for (std::int64_t i = 0; i < count; ++i) out[i] = values[i] + more[i];
  } else if (count == kPanelRows) {
    std::memcpy(out, values, kPanelRows * sizeof *out);  // the usual case, in a few instructions
  } else {
    std::copy_n(values, count, out);
  }
}

// Calls use(row, panel, values[32], worker) for each row and panel of matrix · input. A row's
// panels 2p and 2p + 1 come in this order from the same worker, none of its others between them.
//
// A piece of panels and a block of tiles stay in the second-level cache together: a prompt's
// activations are read from further away once for each piece, not once for each panel. While a
// panel is multiplied the worker's next one is fetched; behind its last, the first of its share of
// `next`, the matrix that will be multiplied next (or null).
template <class Use>
void multiply(const PackedMatrix& matrix, const Activations& input, const PackedMatrix* next,
              const KernelTable& kernels, WorkerPool& pool, const Use& use) {
  const std::int64_t panels = matrix.num_panels();
  const std::int64_t tiles = input.num_tiles();
  const auto in_pairs = [](std::int64_t count) { return std::max<std::int64_t>(2, count / 2 * 2); };
  const std::int64_t stride = panel_bytes(matrix.format, matrix.k);
  const std::int64_t grain =
      in_pairs(std::min(panels / (pool.size() * kPiecesPerWorker), kPanelCache / stride));
  const std::int64_t blocks = (input.bytes() + kTileCache - 1) / kTileCache;
  const std::int64_t block = (tiles + blocks - 1) / blocks;
  const MultiplyFn kernel = matrix.format == WeightFormat::bf16   ? kernels.multiply_bf16
                            : matrix.format == WeightFormat::int8 ? kernels.multiply_int8
                                                                  : kernels.multiply_int4;
  const std::int64_t groups = matrix.k_padded() / kGroup;
  struct Bytes {
    const std::uint8_t* data = nullptr;
    std::int64_t size = 0;
  };
  // What the worker will want after this panel of a piece.
  const auto wanted_next = [&](std::int64_t panel, std::int64_t end, bool is_last_block,
                               int worker) -> Bytes {
    if (panel + 1 == end && !is_last_block) return {};  // the piece again, which is near
    if (panel + 1 < pool.share(panels, worker, 2).end) {
      // A single tile is one long stream, which the processor fetches ahead by itself.
      return {matrix.panel(panel + 1), tiles > 1 ? stride : 0};
    }
    if (next == nullptr) return {};
    return {next->panel(pool.share(next->num_panels(), worker, 2).begin),
            std::min(stride, panel_bytes(next->format, next->k))};
  };
  // Each tile fetches its part of `ahead` while it multiplies.
  const auto multiply_block = [&](std::int64_t panel, Bytes ahead, std::int64_t first_tile,
                                  std::int64_t last_tile, int worker) {
    alignas(64) float out[kMaxRows * kPanelRows];
    const std::int64_t step = (ahead.size / groups / (last_tile - first_tile) + 63) / 64 * 64;
    std::int64_t fetched = 0;
    for (std::int64_t t = first_tile; t < last_tile; ++t) {
      ActivationTile tile = input.tile(t);
      tile.ahead = ahead.data + fetched;
      tile.ahead_step = fetched < ahead.size ? step : 0;
      fetched += step * groups;
      kernel(matrix.panel(panel), tile, out);
      const std::int64_t first = input.first_row(t);
      for (int r = 0; r < tile.rows; ++r) use(first + r, panel, out + r * kPanelRows, worker);
    }
  };
  pool.for_each(
      panels, grain,
      [&](std::int64_t begin, std::int64_t end, int worker) {
        for (std::int64_t t = 0; t < tiles; t += block) {
          const std::int64_t t_end = std::min(tiles, t + block);
          for (std::int64_t panel = begin; panel < end; ++panel)
            multiply_block(panel, wanted_next(panel, end, t_end == tiles, worker), t, t_end,
                           worker);
        }
      },
      2);
}

}  // namespace hearth::engine::cpu
