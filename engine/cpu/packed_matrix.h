// One weight matrix in the panel layout of kernels/kernels.h, packed once at load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "engine/cpu/kernels/kernels.h"

namespace hearth::engine::cpu {

class WorkerPool;

enum class WeightFormat : std::uint8_t { bf16, int8, int4 };

std::string_view to_string(WeightFormat format);

// Bytes of one panel (32 rows) of k values, k padded to whole groups.
std::int64_t panel_bytes(WeightFormat format, std::int64_t k);
inline std::int64_t padded_k(std::int64_t k) { return (k + kGroup - 1) / kGroup * kGroup; }
inline std::int64_t padded_rows(std::int64_t rows) {
  return (rows + kPanelRows - 1) / kPanelRows * kPanelRows;
}

// Gives row `row` of the source as fp32, [k]. Called by several workers at once.
using RowReader = std::function<void(std::int64_t row, float* out)>;

// Shape and place of a packed matrix; the bytes belong to an Arena. Immutable after pack: any
// thread may read.
struct PackedMatrix {
  WeightFormat format = WeightFormat::bf16;
  std::int64_t rows = 0;  // of the source; the panels' padding rows are zeros
  std::int64_t k = 0;
  std::uint8_t* data = nullptr;  // [padded_rows(rows) / 32] panels

  std::int64_t num_panels() const { return padded_rows(rows) / kPanelRows; }
  std::int64_t k_padded() const { return padded_k(k); }
  std::int64_t bytes() const { return num_panels() * panel_bytes(format, k); }
  const std::uint8_t* panel(std::int64_t index) const {
    return data + index * panel_bytes(format, k);
  }

  // Row `row` as the products see it, [k].
  void unpack_row(std::int64_t row, float* out) const;
};

// Packs all rows into matrix.data. int8: scale = max|w| / 127 of each group of 32, as fp16. int4:
// of some twenty candidate scales, the one with the least squared error.
void pack(PackedMatrix& matrix, const RowReader& read_row, const KernelTable& kernels,
          WorkerPool& pool);

// Gate and up rows in one matrix, panel after panel by turns: panel 2p has gate rows 32p … 32p +
// 31, panel 2p + 1 the up rows that they gate.
void pack_gate_up(PackedMatrix& matrix, const RowReader& read_gate, const RowReader& read_up,
                  std::int64_t intermediate, const KernelTable& kernels, WorkerPool& pool);

}  // namespace hearth::engine::cpu
