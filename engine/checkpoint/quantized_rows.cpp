#include "engine/checkpoint/quantized_rows.h"

#include <array>
#include <cstddef>
#include <utility>

namespace hearth::engine {
namespace {

// "GPTQ", Frantar et al. 2022, as AutoGPTQ stores it: inputs packed along the rows.
class GptqRows final : public RowSource {
 public:
  GptqRows(PackedParts parts, std::vector<std::int32_t> groups, const QuantizationSpec& spec)
      : weights_(std::move(parts.weights)),
        zeros_(std::move(parts.zeros)),
        scales_(std::move(parts.scales)),
        groups_(std::move(groups)),
        bits_(spec.bits),
        zero_offset_(spec.zeros_are_exact ? 0 : 1) {}

  void read(std::int64_t row, float* out) const override {
    const std::int64_t per_word = 32 / bits_;
    const std::uint32_t mask = (std::uint32_t{1} << bits_) - 1;
    const auto zero_shift = static_cast<unsigned>(row % per_word * bits_);
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const auto column = static_cast<std::int64_t>(i);
      const auto shift = static_cast<unsigned>(column % per_word * bits_);
      const std::uint32_t q = weights_.word(column / per_word, row) >> shift & mask;
      const std::uint32_t stored = zeros_.word(groups_[i], row / per_word) >> zero_shift & mask;
      const std::uint32_t zero = (stored + zero_offset_) & mask;
      out[i] = scales_.at(groups_[i], row) * (static_cast<float>(q) - static_cast<float>(zero));
    }
  }

 private:
  Elements weights_;                  // [in · bits / 32, out] words
  Elements zeros_;                    // [groups, out · bits / 32] words
  Elements scales_;                   // [groups, out]
  std::vector<std::int32_t> groups_;  // of every input
  std::int64_t bits_;
  std::uint32_t zero_offset_;
};

// "AWQ", Lin et al. 2023, version gemm: eight outputs in a word, in this order.
class AwqRows final : public RowSource {
 public:
  AwqRows(PackedParts parts, std::int64_t num_inputs, std::int64_t group_size)
      : weights_(std::move(parts.weights)),
        zeros_(std::move(parts.zeros)),
        scales_(std::move(parts.scales)),
        num_inputs_(num_inputs),
        group_size_(group_size) {}

  void read(std::int64_t row, float* out) const override {
    constexpr std::array<unsigned, 8> kNibbleOf = {0, 4, 1, 5, 2, 6, 3, 7};
    const unsigned shift = 4 * kNibbleOf[static_cast<std::size_t>(row % 8)];
    for (std::int64_t i = 0; i < num_inputs_; ++i) {
      const std::int64_t group = i / group_size_;
      const std::uint32_t q = weights_.word(i, row / 8) >> shift & 15U;
      const std::uint32_t zero = zeros_.word(group, row / 8) >> shift & 15U;
      out[i] = scales_.at(group, row) * (static_cast<float>(q) - static_cast<float>(zero));
    }
  }

 private:
  Elements weights_;  // [in, out / 8] words
  Elements zeros_;    // [groups, out / 8] words
  Elements scales_;   // [groups, out]
  std::int64_t num_inputs_;
  std::int64_t group_size_;
};

// Stored numbers times a scale.
class ScaledRows final : public RowSource {
 public:
  ScaledRows(const TensorView& weights, BlockScales scales)
      : columns_(weights.shape[1]), weights_(weights), scales_(std::move(scales)) {}

  void read(std::int64_t row, float* out) const override {
    const std::int64_t blocks = (columns_ + scales_.block_columns - 1) / scales_.block_columns;
    for (std::int64_t i = 0; i < columns_; ++i) {
      const float scale =
          scales_.values.at(row / scales_.block_rows * blocks + i / scales_.block_columns);
      out[i] = weights_.at(row, i) * (scale * scales_.factor);
    }
  }

 private:
  std::int64_t columns_;
  Elements weights_;
  BlockScales scales_;
};

}  // namespace

Rows make_gptq_rows(PackedParts parts, std::vector<std::int32_t> groups,
                    const QuantizationSpec& spec) {
  return std::make_shared<GptqRows>(std::move(parts), std::move(groups), spec);
}

Rows make_awq_rows(PackedParts parts, std::int64_t num_inputs, std::int64_t group_size) {
  return std::make_shared<AwqRows>(std::move(parts), num_inputs, group_size);
}

Rows make_scaled_rows(const TensorView& weights, BlockScales scales) {
  return std::make_shared<ScaledRows>(weights, std::move(scales));
}

}  // namespace hearth::engine
