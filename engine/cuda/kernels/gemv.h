// Products for a few tokens at a time, bound by the reading of the weights: norm before, bias,
// rope, cache, residual or gate after, in one kernel (performance §2.5).
//
// A warp computes two rows of the matrix for all tokens, so that what belongs together (two
// channels that rope rotates, gate and up) meets in one thread. Where a matrix has too few rows for
// the device, 2, 4 or 8 warps share a pair: each takes every split-th stretch of the row, and the
// first of them adds the sums in ascending order. The choice depends on the matrix alone.
#pragma once

#include "engine/cuda/kernels/arguments.h"
#include "engine/cuda/kernels/block.h"
#include "engine/cuda/kernels/heads.h"
#include "engine/cuda/kernels/norm.h"

namespace hearth::engine::cuda {

// W: the matrix as stored; X: activations and cache; M: as many tokens, at least num_tokens.
template <class W, class X, int M>
struct Gemv {
  GemvArgs args;

  using Sums = Values<2 * M>;  // of the pair's first row for each token, then of its second

  // Shared memory: the sums of the warps, then, where there is a norm, the normed rows.
  static constexpr int kSumBytes = kWarps * 2 * M * static_cast<int>(sizeof(float));

  template <class Block>
  HEARTH_DEVICE void operator()(const Block& block) const {
    float* shared_sums = static_cast<float*>(block.shared());
    const X* x = static_cast<const X*>(args.x);
    if (args.norm.weight != nullptr) {
      X* normed = reinterpret_cast<X*>(static_cast<char*>(block.shared()) + kSumBytes);
      normalise(block, shared_sums, normed);
      x = normed;
    }
    const int group = kWarps / args.split;  // pairs that the block works on at once
    const int num_pairs = (args.matrix.rows + 1) / 2;
    for (int base = block.index().x * group; base < num_pairs; base += block.count().x * group) {
      typename Block::template Per<Sums> sums;
      block.each([&](int t) {
        const int warp = t / kLanes;
        const int pair = base + warp / args.split;
        HEARTH_UNROLL
        for (int i = 0; i < 2 * M; ++i) sums[t].v[i] = 0.0F;
        if (pair < num_pairs) multiply(x, pair, warp % args.split, t % kLanes, sums[t]);
      });
      block.warp_sum(sums);
      if (args.split > 1) join(block, shared_sums, sums);
      block.each([&](int t) {
        const int warp = t / kLanes;
        const int pair = base + warp / args.split;
        if (pair >= num_pairs || warp % args.split != 0) return;
        HEARTH_UNROLL
        for (int m = 0; m < M; ++m) {
          if (t % kLanes == m && m < args.num_tokens)
            finish(pair, m, sums[t].v[m], sums[t].v[M + m]);
        }
      });
    }
  }

 private:
  // The matrix rows of a pair. An odd last row is its own partner.
  HEARTH_DEVICE int first_row(int pair) const {
    if (args.epilogue == Epilogue::gate) return pair;
    if (args.epilogue == Epilogue::heads) {
      const int half = args.heads.head_dim / 2;
      return pair / half * args.heads.head_dim + first_channel(args.heads, pair % half);
    }
    return 2 * pair;
  }
  HEARTH_DEVICE int second_row(int pair) const {
    if (args.epilogue == Epilogue::gate) return pair + args.matrix.rows / 2;
    if (args.epilogue == Epilogue::heads) {
      const int half = args.heads.head_dim / 2;
      return pair / half * args.heads.head_dim + second_channel(args.heads, pair % half);
    }
    return 2 * pair + 1 < args.matrix.rows ? 2 * pair + 1 : 2 * pair;
  }

  template <class Block>
  HEARTH_DEVICE void normalise(const Block& block, float* warp_sums, X* normed) const {
    const int width = args.norm.width;
    for (int m = 0; m < args.num_tokens; ++m) {
      const float* row = args.norm.input + static_cast<std::int64_t>(m) * width;
      typename Block::template Per<Values<1>> scale;
      row_scale(block, row, width, args.norm.eps, warp_sums, scale);
      block.phase([&](int t) {
        X* out = normed + m * args.matrix.stride;
        for (int i = t; i < args.matrix.stride; i += kThreads) {
          const float value =
              i < width ? row[i] * scale[t].v[0] * (args.norm.offset + args.norm.weight[i]) : 0.0F;
          store_float(value, out[i]);
        }
      });
    }
  }

  // One lane's part of the pair's sums.
  HEARTH_DEVICE void multiply(const X* x, int pair, int part, int lane, Sums& sums) const {
    constexpr int kPer = kPiece<W>;
    const int stride = args.matrix.stride;
    const W* a = static_cast<const W*>(args.matrix.data) +
                 static_cast<std::int64_t>(first_row(pair)) * stride;
    const W* b = static_cast<const W*>(args.matrix.data) +
                 static_cast<std::int64_t>(second_row(pair)) * stride;
    HEARTH_UNROLL_4
    for (int k = (part * kLanes + lane) * kPer; k < stride; k += args.split * kLanes * kPer) {
      float first[kPer];
      float second[kPer];
      unpack(stream_piece(a + k), a, first);
      unpack(stream_piece(b + k), b, second);
      float first_scale = 1.0F;
      float second_scale = 1.0F;
      scales_of(pair, k, first_scale, second_scale);
      HEARTH_UNROLL
      for (int m = 0; m < M; ++m) {
        // Rows beyond num_tokens are not read: the first stands in for them.
        const X* row = x + (m < args.num_tokens ? m : 0) * stride + k;
        float first_sum = 0.0F;
        float second_sum = 0.0F;
        HEARTH_UNROLL
        for (int i = 0; i < kPer; i += kPiece<X>) {
          float values[kPiece<X>];
          unpack(load_piece(row + i), row, values);
          HEARTH_UNROLL
          for (int j = 0; j < kPiece<X>; ++j) {
            first_sum += first[i + j] * values[j];
            second_sum += second[i + j] * values[j];
          }
        }
        sums.v[m] += first_sum * first_scale;
        sums.v[M + m] += second_sum * second_scale;
      }
    }
  }

  HEARTH_DEVICE void scales_of(int pair, int k, float& first, float& second) const {
    if constexpr (sizeof(W) == 1) {
      const int groups = args.matrix.stride / kInt8Group;
      first = to_float(
          args.matrix.scales[static_cast<std::int64_t>(first_row(pair)) * groups + k / kInt8Group]);
      second = to_float(args.matrix.scales[static_cast<std::int64_t>(second_row(pair)) * groups +
                                           k / kInt8Group]);
    }
  }

  // Adds the sums of the warps that share a pair, into the first of them.
  template <class Block>
  HEARTH_DEVICE void join(const Block& block, float* shared,
                          typename Block::template Per<Sums>& sums) const {
    block.phase([&](int t) {
      if (t % kLanes != 0) return;
      HEARTH_UNROLL
      for (int i = 0; i < 2 * M; ++i) shared[t / kLanes * 2 * M + i] = sums[t].v[i];
    });
    block.phase([&](int t) {
      const int warp = t / kLanes;
      if (warp % args.split != 0) return;
      for (int other = 1; other < args.split; ++other) {
        HEARTH_UNROLL
        for (int i = 0; i < 2 * M; ++i) sums[t].v[i] += shared[(warp + other) * 2 * M + i];
      }
    });
  }

  HEARTH_DEVICE void finish(int pair, int token, float a, float b) const {
    const int first = first_row(pair);
    const int second = second_row(pair);
    if (args.bias != nullptr) {
      a += args.bias[first];
      b += args.bias[second];
    }
    if (args.epilogue == Epilogue::heads) {
      const int half = args.heads.head_dim / 2;
      return put_pair<X>(args.heads, token, pair / half, pair % half, a, b);
    }
    if (args.epilogue == Epilogue::gate) {
      X* gated = static_cast<X*>(args.gated) + static_cast<std::int64_t>(token) * args.gated_stride;
      return store_float(activate(args.act, a) * b, gated[pair]);
    }
    float* out = args.out + static_cast<std::int64_t>(token) * args.out_stride;
    if (args.epilogue == Epilogue::add) {
      a += out[first];
      b += out[second];
    } else if (args.softcap > 0.0F) {
      a = args.softcap * tanhf(a / args.softcap);
      b = args.softcap * tanhf(b / args.softcap);
    }
    out[first] = a;
    out[second] = b;
  }
};

}  // namespace hearth::engine::cuda
