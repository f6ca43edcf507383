// Kernels that work row by row or value by value: embedding, norms, rope, gates, caps.
#pragma once

#include "engine/cuda/kernels/arguments.h"
#include "engine/cuda/kernels/block.h"
#include "engine/cuda/kernels/heads.h"
#include "engine/cuda/kernels/norm.h"

namespace hearth::engine::cuda {

// Value i of a matrix row.
template <class W>
HEARTH_DEVICE float weight_at(const Matrix& matrix, int row, int i) {
  const float value = to_float(
      static_cast<const W*>(matrix.data)[static_cast<std::int64_t>(row) * matrix.stride + i]);
  if constexpr (sizeof(W) == 1) {
    const int groups = matrix.stride / kInt8Group;
    return value *
           to_float(matrix.scales[static_cast<std::int64_t>(row) * groups + i / kInt8Group]);
  } else {
    return value;
  }
}

// Block x: a token.
template <class W>
struct Embed {
  EmbedArgs args;
  template <class Block>
  HEARTH_DEVICE void operator()(const Block& block) const {
    const int token = block.index().x;
    const int width = args.table.k;
    float* out = args.residual + static_cast<std::int64_t>(token) * width;
    block.each([&](int t) {
      for (int i = t; i < width; i += kThreads)
        out[i] = weight_at<W>(args.table, args.ids[token], i) * args.scale;
    });
  }
};

// Block x: a row.
template <class X>
struct RmsNorm {
  RmsNormArgs args;
  template <class Block>
  HEARTH_DEVICE void operator()(const Block& block) const {
    const int index = block.index().x;
    const int width = args.norm.width;
    const int source = args.sources != nullptr ? args.sources[index] : index;
    const float* row = args.norm.input + static_cast<std::int64_t>(source) * width;
    typename Block::template Per<Values<1>> scale;
    row_scale(block, row, width, args.norm.eps, static_cast<float*>(block.shared()), scale);
    block.each([&](int t) {
      for (int i = t; i < width; i += kThreads) {
        const float value = row[i] * scale[t].v[0] * (args.norm.offset + args.norm.weight[i]);
        if (index < args.num_activations) {
          store_float(value, static_cast<X*>(
                                 args.out)[static_cast<std::int64_t>(index) * args.out_stride + i]);
        } else {
          args.wide[static_cast<std::int64_t>(index - args.num_activations) * width + i] = value;
        }
      }
      // A value that is not a number makes the sum of squares one.
      const bool is_finite = scale[t].v[0] > 0.0F;
      if (args.finite != nullptr && t == 0) args.finite[index] = is_finite ? 1.0F : 0.0F;
    });
  }
};

// Block x: a row.
struct AddNormed {
  AddNormedArgs args;
  template <class Block>
  HEARTH_DEVICE void operator()(const Block& block) const {
    const int width = args.norm.width;
    const std::int64_t at = static_cast<std::int64_t>(block.index().x) * width;
    const float* row = args.norm.input + at;
    typename Block::template Per<Values<1>> scale;
    row_scale(block, row, width, args.norm.eps, static_cast<float*>(block.shared()), scale);
    block.each([&](int t) {
      for (int i = t; i < width; i += kThreads)
        args.residual[at + i] += row[i] * scale[t].v[0] * (args.norm.offset + args.norm.weight[i]);
    });
  }
};

// Block x: a token; a warp: every kWarps-th head.
template <class X>
struct Rope {
  RopeArgs args;
  template <class Block>
  HEARTH_DEVICE void operator()(const Block& block) const {
    const HeadArgs& heads = args.heads;
    const int token = block.index().x;
    const int num_heads = heads.num_heads + 2 * heads.num_kv_heads;
    const int dim = heads.head_dim;
    for (int base = 0; base < num_heads; base += kWarps) {
      typename Block::template Per<Values<1>> squares;
      block.each([&](int t) {
        const int head = base + t / kLanes;
        float sum = 0.0F;
        if (head < num_heads && norm_of(head) != nullptr) {
          for (int c = t % kLanes; c < dim; c += kLanes) {
            const float value = value_at(token, head * dim + c);
            sum += value * value;
          }
        }
        squares[t].v[0] = sum;
      });
      block.warp_sum(squares);
      block.each([&](int t) {
        const int head = base + t / kLanes;
        if (head >= num_heads) return;
        const float* norm = norm_of(head);
        const float scale = 1.0F / sqrtf(squares[t].v[0] / static_cast<float>(dim) + args.norm_eps);
        for (int j = t % kLanes; j < dim / 2; j += kLanes) {
          const int first = first_channel(heads, j);
          const int second = second_channel(heads, j);
          float a = value_at(token, head * dim + first);
          float b = value_at(token, head * dim + second);
          if (norm != nullptr) {
            a *= scale * (args.norm_offset + norm[first]);
            b *= scale * (args.norm_offset + norm[second]);
          }
          put_pair<X>(heads, token, head, j, a, b);
        }
      });
    }
  }

 private:
  HEARTH_DEVICE const float* norm_of(int head) const {
    if (head < args.heads.num_heads) return args.q_norm;
    return head < args.heads.num_heads + args.heads.num_kv_heads ? args.k_norm : nullptr;
  }
  HEARTH_DEVICE float value_at(int token, int i) const {
    const int width = (args.heads.num_heads + 2 * args.heads.num_kv_heads) * args.heads.head_dim;
    const float value = args.qkv[static_cast<std::int64_t>(token) * width + i];
    return args.bias != nullptr ? value + args.bias[i] : value;
  }
};

// Blocks in x: a token each; in y: stretches of the row.
template <class X>
struct Gate {
  GateArgs args;
  template <class Block>
  HEARTH_DEVICE void operator()(const Block& block) const {
    const int token = block.index().x;
    const float* gate = args.gate_up + static_cast<std::int64_t>(token) * 2 * args.width;
    const float* up = gate + args.width;
    X* out = static_cast<X*>(args.out) + static_cast<std::int64_t>(token) * args.out_stride;
    block.each([&](int t) {
      for (int i = block.index().y * kThreads + t; i < args.width;
           i += block.count().y * kThreads) {
        float a = gate[i];
        float b = up[i];
        if (args.bias != nullptr) {
          a += args.bias[i];
          b += args.bias[args.width + i];
        }
        store_float(activate(args.act, a) * b, out[i]);
      }
    });
  }
};

// Blocks as in Gate.
struct Finish {
  FinishArgs args;
  template <class Block>
  HEARTH_DEVICE void operator()(const Block& block) const {
    float* out = args.out + static_cast<std::int64_t>(block.index().x) * args.width;
    block.each([&](int t) {
      for (int i = block.index().y * kThreads + t; i < args.width;
           i += block.count().y * kThreads) {
        float value = out[i];
        if (args.bias != nullptr) value += args.bias[i];
        if (args.softcap > 0.0F) value = args.softcap * tanhf(value / args.softcap);
        out[i] = value;
      }
    });
  }
};

// Block x: a row of those wanted.
struct Widen {
  WidenArgs args;
  template <class Block>
  HEARTH_DEVICE void operator()(const Block& block) const {
    const int row = block.index().x;
    Bf16* out = static_cast<Bf16*>(args.out) + static_cast<std::int64_t>(row) * args.matrix.stride;
    block.each([&](int t) {
      for (int i = t; i < args.matrix.stride; i += kThreads)
        store_float(weight_at<Int8>(args.matrix, args.first_row + row, i), out[i]);
    });
  }
};

}  // namespace hearth::engine::cuda
