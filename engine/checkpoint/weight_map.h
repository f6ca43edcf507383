// Which tensor of a checkpoint is which parameter of a model: every name a decoder asks for exists
// and has the right shape.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"

namespace hearth::engine {

// One parameter that the spec asks for.
struct ParameterSpec {
  std::string name;  // "model.layers.0.self_attn.q_proj.weight"
  std::vector<std::int64_t> shape;
  ModuleKind kind = ModuleKind::linear;
  double eps = 0.0;  // norms
};

// All parameters in the order of the forward pass: spec.modules with the layers written out. A tied
// head is not among them.
std::vector<ParameterSpec> parameters_of(const ModelSpec& spec);

// "model.layers.7.": what the names of a layer's parameters begin with.
std::string layer_prefix(const ModelSpec& spec, std::int64_t index);

// The tensors of one layer, under whichever of its names the file has it; none behind the last.
std::vector<const NamedTensor*> tensors_of_layer(const Checkpoint& checkpoint,
                                                 const ModelSpec& spec, std::int64_t index);

// Lets the kernel read a layer ahead while the one before is worked on.
void prefetch_layer(const Checkpoint& checkpoint, const ModelSpec& spec, std::int64_t index);

// Valid as long as the checkpoint. Immutable; any thread.
class WeightMap {
 public:
  // Follows transformers 5 (models §8.1, §8.3): the base prefix may be missing or doubled, rotary
  // inv_freq and position_ids are ignored, norms may be called gamma and beta, a tied head is used
  // only when the file has no head of its own that differs. A quantised matrix is a view whose rows
  // are computed. Errors: tensor_missing, tensor_shape_mismatch, dtype_unsupported, weights_invalid
  // (both spellings of a norm).
  static Result<WeightMap> match(const Checkpoint& checkpoint, const ModelSpec& spec);

  // Name as in parameters_of (CHECKed). "lm_head.weight" of a tied head is the embedding.
  const TensorView& at(std::string_view name) const;
  bool contains(std::string_view name) const;

  // How many matrices are dequantised while they are read.
  std::size_t num_dequantized() const { return computed_.size(); }

  // True when the head is the embedding's own tensor: load it once.
  bool head_is_embedding() const { return head_is_embedding_; }

  // Tensors of the file that the model does not use, and other remarks: one sentence each.
  const std::vector<std::string>& warnings() const { return warnings_; }

  std::uint64_t num_parameters() const { return num_parameters_; }

 private:
  class Matcher;

  std::unordered_map<std::string, const TensorView*> tensors_;
  std::deque<TensorView> computed_;  // a deque keeps their addresses
  std::vector<std::string> warnings_;
  std::uint64_t num_parameters_ = 0;
  bool head_is_embedding_ = false;
};

}  // namespace hearth::engine
