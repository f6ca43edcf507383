#include "engine/torch/cpu_matmul.h"

#include <algorithm>
#include <cstring>

namespace hearth::engine {
namespace {

constexpr std::int64_t kLanes = 16;
constexpr std::int64_t kRowBlock = 64;  // rows of x that stay in the second-level cache

// gcc splits these into what the target has: one zmm, two ymm or four xmm registers.
using Lanes = float __attribute__((vector_size(64)));
using Words = std::uint32_t __attribute__((vector_size(64)));
using HalfWords = std::uint16_t __attribute__((vector_size(32)));

#define HEARTH_INLINE [[gnu::always_inline]] inline

HEARTH_INLINE void load(const float* from, Lanes& to) { std::memcpy(&to, from, sizeof to); }

// A bfloat16 is the upper half of a float.
HEARTH_INLINE void load(const std::uint16_t* from, Lanes& to) {
  HalfWords halves;
  std::memcpy(&halves, from, sizeof halves);
  const Words words = __builtin_convertvector(halves, Words) << 16;
  std::memcpy(&to, &words, sizeof to);
}

// The first `count` of a vector's elements and zeros.
template <class Element>
HEARTH_INLINE void load_some(const Element* from, std::int64_t count, Lanes& to) {
  Element padded[kLanes] = {};
  for (std::int64_t i = 0; i < count; ++i) padded[i] = from[i];
  load(padded, to);
}

HEARTH_INLINE float sum(const Lanes& lanes) {
  float parts[kLanes];
  std::memcpy(parts, &lanes, sizeof parts);
  for (std::int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (std::int64_t i = 0; i < width; ++i) parts[i] += parts[i + width];
  }
  return parts[0];
}

// ROWS rows of x against OUTPUTS rows of the weight. The order of additions for one output is the
// same for every tile size.
template <int ROWS, int OUTPUTS, class Weight>
HEARTH_INLINE void tile(const float* x, const Weight* weight, std::int64_t depth, float* out,
                        std::int64_t out_stride) {
  Lanes sums[ROWS][OUTPUTS] = {};
  std::int64_t k = 0;
  for (; k + kLanes <= depth; k += kLanes) {
    Lanes w[OUTPUTS];
    for (int o = 0; o < OUTPUTS; ++o) load(weight + o * depth + k, w[o]);
    for (int r = 0; r < ROWS; ++r) {
      Lanes value;
      load(x + r * depth + k, value);
      for (int o = 0; o < OUTPUTS; ++o) sums[r][o] += value * w[o];
    }
  }
  if (k < depth) {
    for (int r = 0; r < ROWS; ++r) {
      Lanes value;
      load_some(x + r * depth + k, depth - k, value);
      for (int o = 0; o < OUTPUTS; ++o) {
        Lanes w;
        load_some(weight + o * depth + k, depth - k, w);
        sums[r][o] += value * w;
      }
    }
  }
  for (int r = 0; r < ROWS; ++r) {
    for (int o = 0; o < OUTPUTS; ++o) out[r * out_stride + o] = sum(sums[r][o]);
  }
}

template <int ROWS, class Weight>
HEARTH_INLINE void row_tiles(const MatmulInput& in, std::int64_t row, std::int64_t o,
                             std::int64_t num_outputs, float* out) {
  const float* const x = in.x + row * in.depth;
  const Weight* const weight = static_cast<const Weight*>(in.weight) + o * in.depth;
  float* const to = out + row * in.num_outputs + o;
  if (num_outputs == 4) {
    tile<ROWS, 4>(x, weight, in.depth, to, in.num_outputs);
    return;
  }
  for (std::int64_t i = 0; i < num_outputs; ++i) {
    tile<ROWS, 1>(x, weight + i * in.depth, in.depth, to + i, in.num_outputs);
  }
}

template <class Weight>
HEARTH_INLINE void matmul(const MatmulInput& in, std::int64_t begin, std::int64_t end, float* out) {
  for (std::int64_t block = 0; block < in.num_rows; block += kRowBlock) {
    const std::int64_t block_end = std::min(block + kRowBlock, in.num_rows);
    for (std::int64_t o = begin; o < end; o += 4) {
      const std::int64_t num_outputs = std::min<std::int64_t>(4, end - o);
      std::int64_t row = block;
      for (; row + 4 <= block_end; row += 4) row_tiles<4, Weight>(in, row, o, num_outputs, out);
      for (; row < block_end; ++row) row_tiles<1, Weight>(in, row, o, num_outputs, out);
    }
  }
}

HEARTH_INLINE void matmul_any(const MatmulInput& in, std::int64_t begin, std::int64_t end,
                              float* out) {
  if (in.is_bf16) {
    matmul<std::uint16_t>(in, begin, end, out);
  } else {
    matmul<float>(in, begin, end, out);
  }
}

void matmul_baseline(const MatmulInput& in, std::int64_t begin, std::int64_t end, float* out) {
  matmul_any(in, begin, end, out);
}

using Matmul = void (*)(const MatmulInput&, std::int64_t, std::int64_t, float*);

struct Implementation {
  Matmul run;
  const char* name;
};

#if defined(__x86_64__)
[[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,fma")]] void matmul_avx512(const MatmulInput& in,
                                                                             std::int64_t begin,
                                                                             std::int64_t end,
                                                                             float* out) {
  matmul_any(in, begin, end, out);
}

[[gnu::target("avx2,fma")]] void matmul_avx2(const MatmulInput& in, std::int64_t begin,
                                             std::int64_t end, float* out) {
  matmul_any(in, begin, end, out);
}

Implementation choose() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
    return {matmul_avx512, "avx512"};
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {matmul_avx2, "avx2"};
  return {matmul_baseline, "baseline"};
}
#else
Implementation choose() { return {matmul_baseline, "baseline"}; }
#endif

const Implementation kImplementation = choose();

}  // namespace

void cpu_matmul(const MatmulInput& input, std::int64_t begin, std::int64_t end, float* out) {
  kImplementation.run(input, begin, end, out);
}

const char* cpu_matmul_instruction_set() { return kImplementation.name; }

}  // namespace hearth::engine
