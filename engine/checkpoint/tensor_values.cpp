#include "engine/checkpoint/tensor_values.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/checkpoint/element_reader.h"

namespace hearth::engine {
namespace {

// Walks the elements in row-major order whatever the strides.
class Walk {
 public:
  explicit Walk(const TensorView& view) : view_(view), index_(view.shape.size(), 0) {}

  std::int64_t offset() const { return offset_; }  // in elements
  void next() {
    for (std::size_t d = index_.size(); d-- > 0;) {
      offset_ += view_.strides[d];
      if (++index_[d] < view_.shape[d]) return;
      offset_ -= view_.shape[d] * view_.strides[d];
      index_[d] = 0;
    }
  }

 private:
  const TensorView& view_;
  std::vector<std::int64_t> index_;
  std::int64_t offset_ = 0;
};

}  // namespace

Result<TensorSummary> summarise(const TensorView& view, std::size_t count) {
  const ElementReader reader = element_reader(view.dtype);
  if (reader == nullptr) {
    return fail(ErrorCode::dtype_unsupported,
                "Values of the dtype " + std::string(name_of(view.dtype)) + " cannot be shown.");
  }
  const std::int64_t size = bits_of(view.dtype) / 8;
  TensorSummary summary;
  std::int64_t num_finite = 0;
  double mean = 0.0;
  double squares = 0.0;  // Welford's sum of squared distances
  Walk walk(view);
  for (std::int64_t i = 0; i < view.num_elements(); ++i, walk.next()) {
    const double value = reader(view.bytes.data() + walk.offset() * size);
    if (summary.first.size() < count) summary.first.push_back(value);
    if (!std::isfinite(value)) continue;
    summary.min = num_finite == 0 ? value : std::min(summary.min, value);
    summary.max = num_finite == 0 ? value : std::max(summary.max, value);
    ++num_finite;
    const double distance = value - mean;
    mean += distance / static_cast<double>(num_finite);
    squares += distance * (value - mean);
  }
  summary.mean = mean;
  summary.standard_deviation =
      num_finite == 0 ? 0.0 : std::sqrt(squares / static_cast<double>(num_finite));
  summary.num_not_finite = view.num_elements() - num_finite;
  return summary;
}

}  // namespace hearth::engine
