// A few values of a tensor, as a table.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/tensor_view.h"

namespace hearth::engine {

// Of a tensor seen as rows of its last dimension; one without or with one dimension is a single
// row.
struct TensorWindow {
  std::int64_t row = 0;
  std::int64_t num_rows = 0;
  std::int64_t column = 0;
  std::int64_t num_columns = 0;
};

struct TableSize {
  std::int64_t num_rows = 0;
  std::int64_t num_columns = 0;
};
TableSize table_size(const TensorView& view);

// The part of the window that lies in the tensor, row by row; empty when nothing does. What the
// file stores: of quantised weights the codes. Errors: dtype_unsupported.
Result<std::vector<std::vector<double>>> read_window(const TensorView& view,
                                                     const TensorWindow& window);

}  // namespace hearth::engine
