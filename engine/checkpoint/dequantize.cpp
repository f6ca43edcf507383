#include "engine/checkpoint/dequantize.h"

#include <cstdint>
#include <utility>

#include "engine/checkpoint/quantized_rows.h"

namespace hearth::engine {
namespace {

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
  return make_gptq_rows({std::move(weights), std::move(zeros), std::move(scales)},
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
  return make_awq_rows({std::move(weights), std::move(zeros), std::move(scales)}, num_columns,
                       group_size);
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
    return make_scaled_rows(weight, {std::move(scales), num_rows, num_columns, 1.0F});
  }
  const bool is_by_row = found != nullptr && found->shape.size() <= 2 && !found->shape.empty() &&
                         found->shape[0] == num_rows && found->num_elements() == num_rows;
  Elements scales = companions.need(name, is_by_row ? found->shape : blocks, is_floating);
  if (companions.error()) return nullptr;
  if (is_by_row) {
    return make_scaled_rows(weight, {std::move(scales), 1, num_columns, 1.0F});
  }
  return make_scaled_rows(weight, {std::move(scales), spec.block_rows, spec.block_columns, 1.0F});
}

Rows bnb8_rows(Companions& companions, const TensorView& weight, std::int64_t num_rows,
               std::int64_t num_columns) {
  companions.find(".weight_format");
  Elements scales = companions.need(".SCB", {num_rows}, is_floating);
  if (companions.error()) return nullptr;
  return make_scaled_rows(weight, {std::move(scales), 1, num_columns, 1.0F / 127.0F});
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
