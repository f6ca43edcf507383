// The pieces of a decoder layer, as functions on tensors. T tokens of the whole batch, H heads, D
// head_dim, C hidden_size.
#pragma once

#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/rope.h"
#include "engine/torch/torch.h"

namespace hearth::engine {

struct Linear {
  at::Tensor weight;  // [out, in] as stored
  at::Tensor bias;    // [out], or undefined
};

struct LayerNorm {
  at::Tensor weight;  // [C]
  at::Tensor bias;    // [C]
};

// x·Wᵀ + b, accumulated in float, rounded once to x's dtype. [T, in] → [T, out]
at::Tensor apply_linear(const at::Tensor& x, const Linear& linear);

// RMSNorm over the last dimension with the roundings of models §2.3.
at::Tensor apply_norm(const at::Tensor& x, const at::Tensor& weight, NormKind kind, double eps);

// (x − mean) / deviation · weight + bias over the last dimension, fp32 inside.
at::Tensor apply_layer_norm(const at::Tensor& x, const LayerNorm& norm, double eps);

at::Tensor activated(const at::Tensor& x, Activation activation);

// gate_up: [T, 2I], gate first → act(gate) ⊙ up [T, I]
at::Tensor apply_gated(const at::Tensor& gate_up, Activation activation);

// cap · tanh(x / cap); x itself when cap is 0.
at::Tensor soft_capped(const at::Tensor& x, double cap);

// cos and sin of every position of a step, [T, 1, dim / 2] in the model's dtype.
struct Rotation {
  at::Tensor cos;
  at::Tensor sin;
  RopeLayout layout = RopeLayout::half;
};

// Angles, cos and sin in fp32, then one rounding. positions: [T] int64; inv_freq: [dim / 2] float.
Rotation make_rotation(const at::Tensor& positions, const at::Tensor& inv_freq,
                       float attention_factor, RopeLayout layout, at::ScalarType dtype);

// Rotates the first dim channels of each head, in the dtype of x. "RoFormer", Su et al. 2021,
// eq. 34. [T, H, D] → the same shape
at::Tensor apply_rotary(const at::Tensor& x, const Rotation& rotation);

}  // namespace hearth::engine
