#include "engine/torch/ops.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/torch/cpu_matmul.h"

namespace hearth::engine {
namespace {

constexpr std::int64_t kOutputsPerTask = 64;
constexpr std::int64_t kProductsPerThread = 1 << 17;  // less is not worth waking a thread for

at::Tensor cpu_linear(const at::Tensor& x, const Linear& linear) {
  const at::Tensor input = x.to(at::kFloat).contiguous();
  const at::Tensor& weight = linear.weight;
  CHECK(weight.is_contiguous());
  CHECK(weight.size(1) == input.size(1));
  MatmulInput matmul;
  matmul.x = input.data_ptr<float>();
  matmul.num_rows = input.size(0);
  matmul.depth = input.size(1);
  matmul.weight = weight.data_ptr();
  matmul.is_bf16 = weight.scalar_type() == at::kBFloat16;
  matmul.num_outputs = weight.size(0);
  CHECK(matmul.is_bf16 || weight.scalar_type() == at::kFloat);

  at::Tensor out = at::empty({matmul.num_rows, matmul.num_outputs}, at::kFloat);
  float* const to = out.data_ptr<float>();
  const std::int64_t tasks = (matmul.num_outputs + kOutputsPerTask - 1) / kOutputsPerTask;
  const std::int64_t products = matmul.num_rows * matmul.depth * kOutputsPerTask;
  const std::int64_t grain = kProductsPerThread / std::max<std::int64_t>(products, 1) + 1;
  at::parallel_for(0, tasks, grain, [&](std::int64_t begin, std::int64_t end) {
    cpu_matmul(matmul, begin * kOutputsPerTask, std::min(end * kOutputsPerTask, matmul.num_outputs),
               to);
  });
  if (linear.bias.defined()) out.add_(linear.bias);
  return out.to(x.scalar_type());
}

// The two halves, or the even and odd channels, that rotate into each other.
std::pair<at::Tensor, at::Tensor> pairs_of(const at::Tensor& x, RopeLayout layout) {
  const std::int64_t half = x.size(-1) / 2;
  if (layout == RopeLayout::half) return {x.narrow(-1, 0, half), x.narrow(-1, half, half)};
  return {x.slice(-1, 0, 2 * half, 2), x.slice(-1, 1, 2 * half, 2)};
}

}  // namespace

at::Tensor apply_linear(const at::Tensor& x, const Linear& linear) {
  if (x.is_cpu()) return cpu_linear(x, linear);
  return at::linear(x, linear.weight, linear.bias);
}

at::Tensor apply_norm(const at::Tensor& x, const at::Tensor& weight, NormKind kind, double eps) {
  CHECK(kind != NormKind::layer_norm);
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor normed = wide * at::rsqrt(wide.pow(2).mean(-1, /*keepdim=*/true) + eps);
  if (kind == NormKind::rms) return normed.to(x.scalar_type()) * weight;
  const at::Tensor scale = weight.to(at::kFloat);
  const at::Tensor scaled =
      kind == NormKind::rms_unit_offset ? normed * (scale + 1.0) : normed * scale;
  return scaled.to(x.scalar_type());
}

at::Tensor apply_layer_norm(const at::Tensor& x, const LayerNorm& norm, double eps) {
  return at::layer_norm(x, {x.size(-1)}, norm.weight, norm.bias, eps);
}

at::Tensor activated(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::silu:
      return at::silu(x);
    case Activation::gelu:
      return at::gelu(x);
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::relu:
      return at::relu(x);
  }
  return {};
}

at::Tensor apply_gated(const at::Tensor& gate_up, Activation activation) {
  const std::int64_t size = gate_up.size(-1) / 2;
  return activated(gate_up.narrow(-1, 0, size), activation) * gate_up.narrow(-1, size, size);
}

at::Tensor soft_capped(const at::Tensor& x, double cap) {
  return cap == 0.0 ? x : at::tanh(x / cap) * cap;
}

Rotation make_rotation(const at::Tensor& positions, const at::Tensor& inv_freq,
                       float attention_factor, RopeLayout layout, at::ScalarType dtype) {
  const at::Tensor angles = positions.to(at::kFloat).view({-1, 1, 1}) * inv_freq.view({1, 1, -1});
  return {(angles.cos() * attention_factor).to(dtype), (angles.sin() * attention_factor).to(dtype),
          layout};
}

at::Tensor apply_rotary(const at::Tensor& x, const Rotation& rotation) {
  const std::int64_t dim = 2 * rotation.cos.size(-1);
  const auto [first, second] = pairs_of(x.narrow(-1, 0, dim), rotation.layout);
  at::Tensor out = at::empty(x.sizes(), x.options());
  const auto [out_first, out_second] = pairs_of(out.narrow(-1, 0, dim), rotation.layout);
  out_first.copy_(first * rotation.cos - second * rotation.sin);
  out_second.copy_(second * rotation.cos + first * rotation.sin);
  if (dim < x.size(-1)) {
    out.narrow(-1, dim, x.size(-1) - dim).copy_(x.narrow(-1, dim, x.size(-1) - dim));
  }
  return out;
}

}  // namespace hearth::engine
