#include "engine/cpu/packed_matrix.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "engine/base/check.h"
#include "engine/cpu/bf16.h"
#include "engine/cpu/worker_pool.h"

namespace hearth::engine::cpu {
namespace {

using Group = std::array<float, kGroup>;

// fp32 → fp16, to nearest even; what is too large becomes the largest finite value.
std::uint16_t to_fp16(float value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float size = std::fabs(value);
  if (!(size > 0.0F)) return 0;
  if (size >= 65504.0F) return static_cast<std::uint16_t>(sign | 0x7BFF);
  if (size < 6.103515625e-5F)
    return static_cast<std::uint16_t>(
        sign | static_cast<std::uint16_t>(std::nearbyint(size * 16777216.0F)));
  const auto bits = std::bit_cast<std::uint32_t>(size);
  const std::uint32_t rounded = bits + 0x0FFFU + ((bits >> 13) & 1U);
  return static_cast<std::uint16_t>(sign |
                                    static_cast<std::uint16_t>((rounded >> 13) - (112U << 10)));
}

float from_fp16(std::uint16_t half) {
  const float sign = (half & 0x8000U) != 0 ? -1.0F : 1.0F;
  const std::uint32_t exponent = (half >> 10) & 0x1FU;
  const std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0) return sign * static_cast<float>(mantissa) * 5.9604644775390625e-8F;
  return sign * std::bit_cast<float>(((exponent + 112U) << 23) | (mantissa << 13));
}

void store_u16(std::uint8_t* at, std::uint16_t value) { std::memcpy(at, &value, sizeof value); }

std::uint16_t load_u16(const std::uint8_t* at) {
  std::uint16_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Byte of (slot, k) within a group of the quantised formats; kPerByte values of k share a byte in
// int4.
std::int64_t int8_byte(int slot, int k) {
  return (k / 4) * 128 + (slot / kHalfRows) * 64 + (slot % kHalfRows) * 4 + k % 4;
}
std::int64_t int4_byte(int slot, int k) {
  return (k / 8) * 128 + (slot / kHalfRows) * 64 + (slot % kHalfRows) * 4 + k % 4;
}

int quantise(float value, float inverse, int lowest, int highest) {
  const float scaled = std::nearbyint(value * inverse);
  return static_cast<int>(
      std::clamp(scaled, static_cast<float>(lowest), static_cast<float>(highest)));
}

float largest_magnitude(const Group& values) {
  float largest = 0.0F;
  for (const float value : values) largest = std::max(largest, std::fabs(value));
  return largest;
}

void pack_int8_group(const Group& values, int slot, std::uint8_t* group) {
  const std::uint16_t half = to_fp16(largest_magnitude(values) / 127.0F);
  const float scale = from_fp16(half);
  const float inverse = scale > 0.0F ? 1.0F / scale : 0.0F;
  for (int k = 0; k < kGroup; ++k) {
    group[int8_byte(slot, k)] = static_cast<std::uint8_t>(
        quantise(values[static_cast<std::size_t>(k)], inverse, -127, 127) + 128);
  }
  store_u16(group + kInt8GroupBytes - 64 + slot * 2, half);
}

// Of the scales that put the largest weight on −6.2 … −9.35 steps, the one with the least squared
// error. The scale takes the sign that sends the largest weight to the negative side, which reaches
// −8 where the positive one ends at 7.
float search_int4_scale(const Group& values) {
  float extreme = 0.0F;
  for (const float value : values) {
    if (std::fabs(value) > std::fabs(extreme)) extreme = value;
  }
  float best_scale = 0.0F;
  float best_error = INFINITY;
  for (int candidate = 0; candidate < 22; ++candidate) {
    const float scale =
        from_fp16(to_fp16(-extreme / (6.2F + 0.15F * static_cast<float>(candidate))));
    if (scale == 0.0F) continue;
    const float inverse = 1.0F / scale;
    float error = 0.0F;
    for (const float value : values) {
      const float miss = std::clamp(std::nearbyint(value * inverse), -8.0F, 7.0F) * scale - value;
      error += miss * miss;
    }
    if (error < best_error) {
      best_error = error;
      best_scale = scale;
    }
  }
  return best_scale;
}

void pack_int4_group(const Group& values, int slot, std::uint8_t* group) {
  const float scale = search_int4_scale(values);
  const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
  for (int k = 0; k < kGroup; ++k) {
    const int q = quantise(values[static_cast<std::size_t>(k)], inverse, -8, 7) + 8;
    std::uint8_t& byte = group[int4_byte(slot, k)];
    byte = static_cast<std::uint8_t>(k % 8 < 4 ? (byte & 0xF0) | q : (byte & 0x0F) | (q << 4));
  }
  store_u16(group + kInt4GroupBytes - 64 + slot * 2, to_fp16(scale));
}

// One row into slot `slot` of a panel. values: [k_padded], zeros after k.
void pack_row(WeightFormat format, const std::vector<float>& values, int slot,
              std::uint8_t* panel) {
  const auto k_padded = static_cast<std::int64_t>(values.size());
  if (format == WeightFormat::bf16) {
    for (std::int64_t k = 0; k < k_padded; ++k) {
      store_u16(panel + (k / 2) * kBf16PairBytes + slot * 4 + (k % 2) * 2,
                to_bf16(values[static_cast<std::size_t>(k)]));
    }
    return;
  }
  const bool is_int8 = format == WeightFormat::int8;
  for (std::int64_t g = 0; g < k_padded / kGroup; ++g) {
    Group group;
    std::copy_n(values.begin() + g * kGroup, kGroup, group.begin());
    if (is_int8) {
      pack_int8_group(group, slot, panel + g * kInt8GroupBytes);
    } else {
      pack_int4_group(group, slot, panel + g * kInt4GroupBytes);
    }
  }
}

// Packs every slot; read_slot gives the slot's values, or false for a padding slot.
template <class ReadSlot>
void pack_slots(PackedMatrix& matrix, WorkerPool& pool, const ReadSlot& read_slot) {
  CHECK(matrix.data != nullptr);
  pool.for_each(matrix.num_panels(), 1, [&](std::int64_t begin, std::int64_t end, int) {
    std::vector<float> values(static_cast<std::size_t>(matrix.k_padded()));
    for (std::int64_t p = begin; p < end; ++p) {
      std::uint8_t* panel = matrix.data + p * panel_bytes(matrix.format, matrix.k);
      for (int slot = 0; slot < kPanelRows; ++slot) {
        if (!read_slot(p, slot, values.data())) std::fill(values.begin(), values.end(), 0.0F);
        pack_row(matrix.format, values, slot, panel);
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

void pack(PackedMatrix& matrix, const RowReader& read_row, WorkerPool& pool) {
  pack_slots(matrix, pool, [&](std::int64_t panel, int slot, float* out) {
    const std::int64_t row = panel * kPanelRows + slot;
    if (row >= matrix.rows) return false;
    read_row(row, out);
    return true;
  });
}

void pack_gate_up(PackedMatrix& matrix, const RowReader& read_gate, const RowReader& read_up,
                  std::int64_t intermediate, WorkerPool& pool) {
  pack_slots(matrix, pool, [&](std::int64_t panel, int slot, float* out) {
    const std::int64_t row = panel * kHalfRows + slot % kHalfRows;
    if (row >= intermediate) return false;
    (slot < kHalfRows ? read_gate : read_up)(row, out);
    return true;
  });
}

}  // namespace hearth::engine::cpu
