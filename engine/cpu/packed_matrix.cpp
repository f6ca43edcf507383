#include "engine/cpu/packed_matrix.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/check.h"
#include "engine/cpu/kernels/half.h"
#include "engine/cpu/worker_pool.h"

namespace hearth::engine::cpu {
namespace {

std::uint16_t load_u16(const std::uint8_t* at) {
  std::uint16_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Byte of (slot, k) within a group of the quantised formats; four values of k are neighbours, and
// in int4 eight share them.
std::int64_t int8_byte(int slot, int k) {
  return (k / 4) * 128 + (slot / kHalfRows) * 64 + (slot % kHalfRows) * 4 + k % 4;
}
std::int64_t int4_byte(int slot, int k) {
  return (k / 8) * 128 + (slot / kHalfRows) * 64 + (slot % kHalfRows) * 4 + k % 4;
}

void pack_int8_group(const KernelTable& kernels, const float* values, int slot,
                     std::uint8_t* group) {
  std::array<std::uint8_t, kGroup> q;
  const std::uint16_t scale = kernels.quantise_int8(values, q.data());
  for (int k = 0; k < kGroup; k += 4) std::memcpy(group + int8_byte(slot, k), q.data() + k, 4);
  std::memcpy(group + kInt8GroupBytes - 64 + slot * 2, &scale, sizeof scale);
}

void pack_int4_group(const KernelTable& kernels, const float* values, int slot,
                     std::uint8_t* group) {
  std::array<std::uint8_t, kGroup> q;
  const std::uint16_t scale = kernels.quantise_int4(values, q.data());
  for (int k = 0; k < kGroup; k += 8) {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::memcpy(&low, q.data() + k, 4);
    std::memcpy(&high, q.data() + k + 4, 4);
    const std::uint32_t both = low | (high << 4);
    std::memcpy(group + int4_byte(slot, k), &both, 4);
  }
  std::memcpy(group + kInt4GroupBytes - 64 + slot * 2, &scale, sizeof scale);
}

// One row into slot `slot` of a panel. values: [k_padded], zeros after k.
void pack_row(const KernelTable& kernels, WeightFormat format, const float* values,
              std::int64_t k_padded, int slot, std::uint8_t* panel) {
  switch (format) {
    case WeightFormat::bf16:  // a panel is laid out like a tile of 32 activation rows
      return kernels.put_bf16(values, k_padded, k_padded, slot, kPanelRows,
                              reinterpret_cast<std::uint16_t*>(panel));
    case WeightFormat::int8:
      for (std::int64_t g = 0; g < k_padded / kGroup; ++g)
        pack_int8_group(kernels, values + g * kGroup, slot, panel + g * kInt8GroupBytes);
      return;
    case WeightFormat::int4:
      for (std::int64_t g = 0; g < k_padded / kGroup; ++g)
        pack_int4_group(kernels, values + g * kGroup, slot, panel + g * kInt4GroupBytes);
      return;
  }
}

// Packs every slot; read_slot gives the slot's values, or false for a padding slot.
template <class ReadSlot>
void pack_slots(PackedMatrix& matrix, const KernelTable& kernels, WorkerPool& pool,
                const ReadSlot& read_slot) {
  CHECK(matrix.data != nullptr);
  pool.for_each(matrix.num_panels(), 1, [&](std::int64_t begin, std::int64_t end, int) {
    std::vector<float> values(static_cast<std::size_t>(matrix.k_padded()));
    for (std::int64_t p = begin; p < end; ++p) {
      std::uint8_t* panel = matrix.data + p * panel_bytes(matrix.format, matrix.k);
      for (int slot = 0; slot < kPanelRows; ++slot) {
        if (!read_slot(p, slot, values.data())) std::fill(values.begin(), values.end(), 0.0F);
        pack_row(kernels, matrix.format, values.data(), matrix.k_padded(), slot, panel);
      }
    }
  });
}

}  // namespace

std::string_view to_string(WeightFormat format) {
  switch (format) {
    case WeightFormat::bf16:
      return "bf16";
    case WeightFormat::int8:
      return "int8";
    case WeightFormat::int4:
      return "int4";
  }
  return "?";
}

std::int64_t panel_bytes(WeightFormat format, std::int64_t k) {
  const std::int64_t groups = padded_k(k) / kGroup;
  switch (format) {
    case WeightFormat::bf16:
      return groups * (kGroup / 2) * kBf16PairBytes;
    case WeightFormat::int8:
      return groups * kInt8GroupBytes;
    case WeightFormat::int4:
      return groups * kInt4GroupBytes;
  }
  return 0;
}

void PackedMatrix::unpack_row(std::int64_t row, float* out) const {
  const std::uint8_t* panel_data = panel(row / kPanelRows);
  const int slot = static_cast<int>(row % kPanelRows);
  for (std::int64_t i = 0; i < k; ++i) {
    const int in_group = static_cast<int>(i % kGroup);
    if (format == WeightFormat::bf16) {
      out[i] = from_bf16(load_u16(panel_data + (i / 2) * kBf16PairBytes + slot * 4 + (i % 2) * 2));
    } else if (format == WeightFormat::int8) {
      const std::uint8_t* group = panel_data + (i / kGroup) * kInt8GroupBytes;
      const float scale = from_fp16(load_u16(group + kInt8GroupBytes - 64 + slot * 2));
      out[i] = static_cast<float>(group[int8_byte(slot, in_group)] - 128) * scale;
    } else {
      const std::uint8_t* group = panel_data + (i / kGroup) * kInt4GroupBytes;
      const float scale = from_fp16(load_u16(group + kInt4GroupBytes - 64 + slot * 2));
      const int byte = group[int4_byte(slot, in_group)];
      out[i] = static_cast<float>((in_group % 8 < 4 ? byte & 0x0F : byte >> 4) - 8) * scale;
    }
  }
}

void pack(PackedMatrix& matrix, const RowReader& read_row, const KernelTable& kernels,
          WorkerPool& pool) {
  pack_slots(matrix, kernels, pool, [&](std::int64_t panel, int slot, float* out) {
    const std::int64_t row = panel * kPanelRows + slot;
    if (row >= matrix.rows) return false;
    read_row(row, out);
    return true;
  });
}

void pack_gate_up(PackedMatrix& matrix, const RowReader& read_gate, const RowReader& read_up,
                  std::int64_t intermediate, const KernelTable& kernels, WorkerPool& pool) {
  pack_slots(matrix, kernels, pool, [&](std::int64_t panel, int slot, float* out) {
    const std::int64_t row = panel / 2 * kPanelRows + slot;
    if (row >= intermediate) return false;
    (panel % 2 == 0 ? read_gate : read_up)(row, out);
    return true;
  });
}

}  // namespace hearth::engine::cpu
