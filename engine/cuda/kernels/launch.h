// From a kernel's arguments to the template, the grid and the shared memory that compute it: the
// same choice for the device and for the host. `run(kernel, grid, shared_bytes)` starts it.
#pragma once

#include <algorithm>

#include "engine/cuda/kernels/arguments.h"
#include "engine/cuda/kernels/attention.h"
#include "engine/cuda/kernels/gemv.h"
#include "engine/cuda/kernels/rows.h"

namespace hearth::engine::cuda {

constexpr int kNormBytes = kWarps * static_cast<int>(sizeof(float));
constexpr int kBlocksPerProcessor = 8;  // of 256 threads: as many as a multiprocessor holds

// Calls use with a value of the activations' type.
template <class Use>
void with_activations(Numbers numbers, const Use& use) {
  if (numbers == Numbers::fp32) return use(float{});
  if (numbers == Numbers::fp16) return use(Fp16{});
  use(Bf16{});
}

// Calls use with values of the matrix's and of the activations' types.
template <class Use>
void with_weights(Numbers numbers, const Use& use) {
  if (numbers == Numbers::int8) return use(Int8{}, Bf16{});
  with_activations(numbers, [&](auto x) { use(x, x); });
}

inline int bytes_of(Numbers numbers) {
  return numbers == Numbers::fp32 ? 4 : numbers == Numbers::int8 ? 1 : 2;
}
inline Numbers activations_of(Numbers weights) {
  return weights == Numbers::int8 ? Numbers::bf16 : weights;
}

// The bytes of shared memory that Gemv needs to norm `num_tokens` rows of `stride` values.
inline int normed_bytes(Numbers weights, int num_tokens, int stride) {
  return num_tokens * stride * bytes_of(activations_of(weights));
}

template <class Run>
void dispatch(const EmbedArgs& args, const Run& run) {
  with_weights(args.table.numbers,
               [&](auto w, auto) { run(Embed<decltype(w)>{args}, Grid{args.num_tokens}, 0); });
}

template <class Run>
void dispatch(const RmsNormArgs& args, const Run& run) {
  with_activations(args.numbers, [&](auto x) {
    run(RmsNorm<decltype(x)>{args}, Grid{args.num_rows}, kNormBytes);
  });
}

template <class Run>
void dispatch(const AddNormedArgs& args, const Run& run) {
  run(AddNormed{args}, Grid{args.num_rows}, kNormBytes);
}

template <int M, class Run>
void dispatch_gemv(const GemvArgs& args, int num_processors, const Run& run) {
  with_weights(args.matrix.numbers, [&](auto w, auto x) {
    using Kernel = Gemv<decltype(w), decltype(x), M>;
    const int num_pairs = (args.matrix.rows + 1) / 2;
    const int group = kWarps / args.split;
    const int blocks =
        std::min((num_pairs + group - 1) / group, num_processors * kBlocksPerProcessor);
    const int normed = args.norm.weight != nullptr
                           ? normed_bytes(args.matrix.numbers, args.num_tokens, args.matrix.stride)
                           : 0;
    run(Kernel{args}, Grid{blocks}, Kernel::kSumBytes + normed);
  });
}

template <class Run>
void dispatch(const GemvArgs& args, int num_processors, const Run& run) {
  if (args.num_tokens == 1) return dispatch_gemv<1>(args, num_processors, run);
  if (args.num_tokens == 2) return dispatch_gemv<2>(args, num_processors, run);
  if (args.num_tokens <= 4) return dispatch_gemv<4>(args, num_processors, run);
  dispatch_gemv<8>(args, num_processors, run);
}

template <class Run>
void dispatch(const RopeArgs& args, const Run& run) {
  with_activations(args.numbers,
                   [&](auto x) { run(Rope<decltype(x)>{args}, Grid{args.num_tokens}, 0); });
}

inline Grid stretches(int rows, int width) {
  return {rows, std::clamp(width / (4 * kThreads), 1, 64)};
}

template <class Run>
void dispatch(const GateArgs& args, const Run& run) {
  with_activations(args.numbers, [&](auto x) {
    run(Gate<decltype(x)>{args}, stretches(args.num_tokens, args.width), 0);
  });
}

template <class Run>
void dispatch(const FinishArgs& args, const Run& run) {
  run(Finish{args}, stretches(args.num_rows, args.width), 0);
}

template <class Run>
void dispatch(const WidenArgs& args, const Run& run) {
  run(Widen{args}, Grid{args.num_rows}, 0);
}

template <class X, int Q, class Run>
void dispatch_attention(const AttentionArgs& args, const Run& run) {
  const int bytes = AttentionShared::floats(Q, args.heads.padded_dim) * 4;
  run(Attention<X, Q>{args}, Grid{args.num_items, args.heads.num_kv_heads, args.num_splits}, bytes);
}

template <class Run>
void dispatch(const AttentionArgs& args, const Run& run) {
  with_activations(args.numbers, [&](auto x) {
    using X = decltype(x);
    if (args.queries_per_item == 1) return dispatch_attention<X, 1>(args, run);
    if (args.queries_per_item == 2) return dispatch_attention<X, 2>(args, run);
    if (args.queries_per_item == 4) return dispatch_attention<X, 4>(args, run);
    dispatch_attention<X, 8>(args, run);
  });
}

}  // namespace hearth::engine::cuda
