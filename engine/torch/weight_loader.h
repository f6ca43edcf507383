// Copies parameters out of the mapped files into tensors, one at a time and in pieces, giving the
// files' pages back: host memory peaks at the result and one piece.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/checkpoint/weight_map.h"
#include "engine/torch/ops.h"
#include "engine/torch/places.h"
#include "engine/torch/torch.h"

namespace hearth::engine {

// Its functions throw c10::Error and std::bad_alloc; called within InferenceMode.
class WeightLoader {
 public:
  // The arguments must outlive the loader.
  WeightLoader(const Checkpoint& checkpoint, const WeightMap& map, const Places& places,
               const ProgressSink& progress);

  const WeightMap& map() const { return map_; }

  // What is loaded next: where it goes. The embedding's place at first.
  void begin_layer(std::int64_t layer) {
    options_ = places_.layers[static_cast<std::size_t>(layer)];
  }
  void begin_tail() { options_ = places_.tail; }

  // One parameter, by its full name.
  at::Tensor load(const std::string& name);
  // Several of equal width, rows upon rows.
  at::Tensor stack(const std::vector<std::string>& names);
  // The weights, and the biases, of modules side by side.
  Linear linear(const std::vector<std::string>& paths, bool has_bias);
  LayerNorm layer_norm(const std::string& path);

  void report_end() const;

 private:
  void copy(const std::string& name, const at::Tensor& to);
  void copy_pieces(const TensorView& from, const at::Tensor& to);
  void copy_computed(const TensorView& from, const at::Tensor& to);
  void copy_whole(const TensorView& from, const at::Tensor& to);
  void report(const std::string& name) const;

  const Checkpoint& checkpoint_;
  const WeightMap& map_;
  const Places& places_;
  at::TensorOptions options_;  // dtype and device of the next tensors
  const ProgressSink& progress_;
  std::uint64_t total_bytes_ = 0;
  std::uint64_t done_bytes_ = 0;
};

}  // namespace hearth::engine
