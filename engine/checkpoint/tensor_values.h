// The numbers of a tensor, for people.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/tensor_view.h"

namespace hearth::engine {

struct TensorSummary {
  double min = 0.0;  // of the numbers that are finite, as all below; 0 when there are none
  double max = 0.0;
  double mean = 0.0;
  double standard_deviation = 0.0;
  std::int64_t num_not_finite = 0;
  std::vector<double> first;  // at most `count` values in row-major order
};

// One pass over the tensor. Errors: dtype_unsupported (complex numbers and 8 bits or less of
// float).
Result<TensorSummary> summarise(const TensorView& view, std::size_t count);

}  // namespace hearth::engine
