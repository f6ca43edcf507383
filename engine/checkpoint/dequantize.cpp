#include "engine/checkpoint/dequantize.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "engine/checkpoint/element_reader.h"

namespace hearth::engine {
namespace {

// A companion tensor's elements by row and column.
class Elements {
 public:
  Elements() = default;
  explicit Elements(const TensorView& view)
      : view_(view),
        reader_(element_reader(view.dtype)),
        bytes_(bits_of(view.dtype) / 8),
        columns_(view.shape.size() > 1 ? view.shape[1] : 1) {}

  float at(std::int64_t row, std::int64_t column) const { return at(row * columns_ + column); }
  float at(std::int64_t i) const {
    return static_cast<float>(reader_(view_.bytes.data() + i * bytes_));
  }
  std::uint32_t word(std::int64_t row, std::int64_t column) const {
    std::uint32_t value = 0;
    std::memcpy(&value, view_.bytes.data() + (row * columns_ + column) * 4, sizeof value);
    return value;
  }
  std::int64_t integer(std::int64_t i) const {
    return static_cast<std::int64_t>(reader_(view_.bytes.data() + i * bytes_));
  }

 private:
  TensorView view_;
  ElementReader reader_ = nullptr;
  std::int64_t bytes_ = 0;
  std::int64_t columns_ = 1;
};

// "GPTQ", Frantar et al. 2022, as AutoGPTQ stores it: inputs packed along the rows.
class GptqRows final : public RowSource {
 public:
  GptqRows(Elements weights, Elements zeros, Elements scales, std::vector<std::int32_t> groups,
           const QuantizationSpec& spec)
      : weights_(std::move(weights)),
        zeros_(std::move(zeros)),
        scales_(std::move(scales)),
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
  AwqRows(Elements weights, Elements zeros, Elements scales, std::int64_t num_inputs,
          std::int64_t group_size)
      : weights_(std::move(weights)),
        zeros_(std::move(zeros)),
        scales_(std::move(scales)),
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

// Stored numbers times a scale: one for all, one for each row, or one for each block.
class ScaledRows final : public RowSource {
 public:
  ScaledRows(TensorView weights, Elements scales, std::int64_t block_rows,
             std::int64_t block_columns, float factor)
      : columns_(weights.shape[1]),
        weights_(weights),
        scales_(std::move(scales)),
        block_rows_(block_rows),
        block_columns_(block_columns),
        factor_(factor) {}

  void read(std::int64_t row, float* out) const override {
    const std::int64_t blocks = (columns_ + block_columns_ - 1) / block_columns_;
    for (std::int64_t i = 0; i < columns_; ++i) {
      const float scale = scales_.at(row / block_rows_ * blocks + i / block_columns_);
      out[i] = weights_.at(row, i) * (scale * factor_);
    }
  }

 private:
  std::int64_t columns_;
  Elements weights_;
  Elements scales_;
  std::int64_t block_rows_;
  std::int64_t block_columns_;
  float factor_;
};

using Shape = std::vector<std::int64_t>;

// Fetches the companions of one module and remembers the first thing that is wrong.
class Companions {
 public:
  Companions(const Checkpoint& checkpoint, std::string path)
      : checkpoint_(checkpoint), path_(std::move(path)) {}

  const TensorView* find(const char* name) {
    const TensorView* view = checkpoint_.find(path_ + name);
    if (view != nullptr) used_.push_back(path_ + name);
    return view;
  }

  // A contiguous tensor of that shape whose type passes `fits`.
  Elements need(const char* name, const Shape& shape, bool (*fits)(Dtype)) {
    const TensorView* view = find(name);
    if (view == nullptr) {
      refuse(ErrorCode::tensor_missing, name, "is missing from the weights");
      return {};
    }
    if (view->shape != shape) {
      refuse(ErrorCode::tensor_shape_mismatch, name,
             "must be " + format_shape(shape) + ", found " + format_shape(view->shape));
      return {};
    }
    if (!fits(view->dtype) || !view->is_contiguous()) {
      refuse(ErrorCode::dtype_unsupported, name,
             "is stored as " + std::string(name_of(view->dtype)) +
                 ", which its quantisation does not use");
      return {};
    }
    return Elements(*view);
  }

  void refuse(ErrorCode code, const char* name, const std::string& what) {
    if (!error_) {
      error_ = Error{
          code, checkpoint_.folder().string() + ": tensor \"" + path_ + name + "\" " + what + "."};
    }
  }

  const std::optional<Error>& error() const { return error_; }
  std::vector<std::string> take_used() { return std::move(used_); }

 private:
  const Checkpoint& checkpoint_;
  std::string path_;
  std::vector<std::string> used_;
  std::optional<Error> error_;
};

bool is_word(Dtype dtype) { return dtype == Dtype::i32 || dtype == Dtype::u32; }
bool is_index(Dtype dtype) { return dtype == Dtype::i32 || dtype == Dtype::i64; }

// The number of groups, from the scales' own shape; 0 without any.
std::int64_t count_groups(Companions& companions, std::int64_t num_rows) {
  const TensorView* scales = companions.find(".scales");
  if (scales == nullptr) {
    companions.refuse(ErrorCode::tensor_missing, ".scales", "is missing from the weights");
    return 0;
  }
  if (scales->shape.size() != 2 || scales->shape[0] < 1 || scales->shape[1] != num_rows) {
    companions.refuse(
        ErrorCode::tensor_shape_mismatch, ".scales",
        "must be [groups, " + std::to_string(num_rows) + "], found " + format_shape(scales->shape));
    return 0;
  }
  return scales->shape[0];
}

using Rows = std::shared_ptr<const RowSource>;

// Which group each input belongs to: as g_idx says, else in equal runs.
std::vector<std::int32_t> read_groups(Companions& companions, std::int64_t num_columns,
                                      std::int64_t num_groups) {
  std::vector<std::int32_t> groups(static_cast<std::size_t>(num_columns));
  const std::int64_t size = (num_columns + num_groups - 1) / num_groups;
  const bool is_listed = companions.find(".g_idx") != nullptr;
  const Elements listed =
      is_listed ? companions.need(".g_idx", {num_columns}, is_index) : Elements();
  if (companions.error()) return groups;
  for (std::int64_t i = 0; i < num_columns; ++i) {
    const std::int64_t group = is_listed ? listed.integer(i) : i / size;
    if (group < 0 || group >= num_groups) {
      companions.refuse(
          ErrorCode::weights_invalid, ".g_idx",
          "names group " + std::to_string(group) + " of " + std::to_string(num_groups));
      return groups;
    }
    groups[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(group);
  }
  return groups;
}

Rows gptq_rows(Companions& companions, const QuantizationSpec& spec, std::int64_t num_rows,
               std::int64_t num_columns) {
  const std::int64_t num_groups = count_groups(companions, num_rows);
  if (num_groups == 0) return nullptr;
  const std::int64_t per_word = 32 / spec.bits;
  Elements weights =
      companions.need(".qweight", {(num_columns + per_word - 1) / per_word, num_rows}, is_word);
  Elements zeros =
      companions.need(".qzeros", {num_groups, (num_rows + per_word - 1) / per_word}, is_word);
  Elements scales = companions.need(".scales", {num_groups, num_rows}, is_floating);
  std::vector<std::int32_t> groups = read_groups(companions, num_columns, num_groups);
  if (companions.error()) return nullptr;
  return std::make_shared<GptqRows>(std::move(weights), std::move(zeros), std::move(scales),
                                    std::move(groups), spec);
}

Rows awq_rows(Companions& companions, std::int64_t num_rows, std::int64_t num_columns) {
  const std::int64_t num_groups = count_groups(companions, num_rows);
  if (num_groups == 0) return nullptr;
  const std::int64_t words = (num_rows + 7) / 8;
  Elements weights = companions.need(".qweight", {num_columns, words}, is_word);
  Elements zeros = companions.need(".qzeros", {num_groups, words}, is_word);
  Elements scales = companions.need(".scales", {num_groups, num_rows}, is_floating);
  if (companions.error()) return nullptr;
  const std::int64_t group_size = (num_columns + num_groups - 1) / num_groups;
  return std::make_shared<AwqRows>(std::move(weights), std::move(zeros), std::move(scales),
                                   num_columns, group_size);
}

Rows fp8_rows(Companions& companions, const QuantizationSpec& spec, const TensorView& weight,
              std::int64_t num_rows, std::int64_t num_columns) {
  const bool is_inverse = companions.find(".weight_scale_inv") != nullptr;
  const char* const name = is_inverse ? ".weight_scale_inv" : ".weight_scale";
  const TensorView* found = companions.find(name);
  const Shape blocks = {(num_rows + spec.block_rows - 1) / spec.block_rows,
                        (num_columns + spec.block_columns - 1) / spec.block_columns};
  if (found != nullptr && found->num_elements() == 1) {
    Elements scales = companions.need(name, found->shape, is_floating);
    return std::make_shared<ScaledRows>(weight, std::move(scales), num_rows, num_columns, 1.0F);
  }
  const bool is_by_row = found != nullptr && found->shape.size() <= 2 && !found->shape.empty() &&
                         found->shape[0] == num_rows && found->num_elements() == num_rows;
  Elements scales = companions.need(name, is_by_row ? found->shape : blocks, is_floating);
  if (companions.error()) return nullptr;
  if (is_by_row) {
    return std::make_shared<ScaledRows>(weight, std::move(scales), 1, num_columns, 1.0F);
  }
  return std::make_shared<ScaledRows>(weight, std::move(scales), spec.block_rows,
                                      spec.block_columns, 1.0F);
}

Rows bnb8_rows(Companions& companions, const TensorView& weight, std::int64_t num_rows,
               std::int64_t num_columns) {
  companions.find(".weight_format");
  Elements scales = companions.need(".SCB", {num_rows}, is_floating);
  if (companions.error()) return nullptr;
  return std::make_shared<ScaledRows>(weight, std::move(scales), 1, num_columns, 1.0F / 127.0F);
}

// The tensor that tells a quantised module from one that kept its numbers.
const TensorView* find_packed(Companions& companions, QuantMethod method) {
  switch (method) {
    case QuantMethod::none:
      return nullptr;
    case QuantMethod::gptq:
    case QuantMethod::awq:
      return companions.find(".qweight");
    case QuantMethod::fp8:
    case QuantMethod::bnb8: {
      const Dtype stored = method == QuantMethod::fp8 ? Dtype::f8_e4m3 : Dtype::i8;
      const TensorView* weight = companions.find(".weight");
      return weight != nullptr && weight->dtype == stored ? weight : nullptr;
    }
  }
  return nullptr;
}

}  // namespace

Result<std::optional<DequantizedMatrix>> find_quantized(const Checkpoint& checkpoint,
                                                        const QuantizationSpec& spec,
                                                        const std::string& path,
                                                        std::int64_t num_rows,
                                                        std::int64_t num_columns) {
  Companions companions(checkpoint, path);
  const TensorView* packed = find_packed(companions, spec.method);
  if (packed == nullptr) return std::nullopt;
  DequantizedMatrix matrix;
  matrix.view.shape = {num_rows, num_columns};
  matrix.view.strides = contiguous_strides(matrix.view.shape);
  matrix.view.bytes = packed->bytes;
  matrix.view.dtype = Dtype::bf16;
  const bool is_stored_whole = spec.method == QuantMethod::fp8 || spec.method == QuantMethod::bnb8;
  if (is_stored_whole && (packed->shape != matrix.view.shape || !packed->is_contiguous())) {
    companions.refuse(
        ErrorCode::tensor_shape_mismatch, ".weight",
        "must be " + format_shape(matrix.view.shape) + ", found " + format_shape(packed->shape));
  } else if (spec.method == QuantMethod::gptq) {
    matrix.view.rows = gptq_rows(companions, spec, num_rows, num_columns);
  } else if (spec.method == QuantMethod::awq) {
    matrix.view.rows = awq_rows(companions, num_rows, num_columns);
  } else if (spec.method == QuantMethod::fp8) {
    matrix.view.rows = fp8_rows(companions, spec, *packed, num_rows, num_columns);
  } else {
    matrix.view.rows = bnb8_rows(companions, *packed, num_rows, num_columns);
  }
  if (companions.error()) return tl::unexpected(*companions.error());
  if (const TensorView* scales = checkpoint.find(path + ".scales")) {
    matrix.view.dtype = scales->dtype;
  }
  matrix.used = companions.take_used();
  return matrix;
}

}  // namespace hearth::engine
