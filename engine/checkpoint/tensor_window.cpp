#include "engine/checkpoint/tensor_window.h"

#include <algorithm>
#include <string>

#include "engine/checkpoint/element_reader.h"

namespace hearth::engine {
namespace {

// Of the first element of a row, in elements.
std::int64_t row_offset(const TensorView& view, std::int64_t row) {
  std::int64_t offset = 0;
  for (std::size_t d = view.shape.size() - std::min<std::size_t>(1, view.shape.size()); d-- > 0;) {
    offset += row % view.shape[d] * view.strides[d];
    row /= view.shape[d];
  }
  return offset;
}

}  // namespace

TableSize table_size(const TensorView& view) {
  if (view.shape.empty()) return {1, 1};
  const std::int64_t columns = view.shape.back();
  return {columns == 0 ? 0 : view.num_elements() / columns, columns};
}

Result<std::vector<std::vector<double>>> read_window(const TensorView& view,
                                                     const TensorWindow& window) {
  const ElementReader reader = element_reader(view.dtype);
  if (reader == nullptr) {
    return fail(ErrorCode::dtype_unsupported,
                "Values of the dtype " + std::string(name_of(view.dtype)) + " cannot be shown.");
  }
  const TableSize size = table_size(view);
  const std::int64_t element_bytes = bits_of(view.dtype) / 8;
  const std::int64_t column_stride = view.shape.empty() ? 0 : view.strides.back();
  const std::int64_t row_end = std::min(size.num_rows, window.row + window.num_rows);
  const std::int64_t column_end = std::min(size.num_columns, window.column + window.num_columns);
  std::vector<std::vector<double>> rows;
  for (std::int64_t row = window.row; row < row_end; ++row) {
    std::vector<double>& values = rows.emplace_back();
    const std::int64_t begin = row_offset(view, row);
    for (std::int64_t column = window.column; column < column_end; ++column) {
      const std::int64_t place = begin + column * column_stride;
      values.push_back(reader(view.bytes.data() + place * element_bytes));
    }
  }
  return rows;
}

}  // namespace hearth::engine
