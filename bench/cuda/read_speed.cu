#include <algorithm>

#include <cuda_runtime.h>

#include "bench/cuda/read_speed.h"

namespace hearth::bench {
namespace {

constexpr int kThreads = 512;
constexpr int kPasses = 8;

__global__ void fill(uint4* data, std::int64_t count) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count;
       i += step) {
    const auto bits = static_cast<unsigned>(i * 2654435761ULL ^ (i >> 7));
    data[i] = {bits, bits * 40503U, bits ^ 0x9E3779B9U, bits * 69069U + 1U};
  }
}

__global__ void __launch_bounds__(kThreads)
    read(const uint4* data, std::int64_t count, unsigned* out) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  unsigned sum = 0;
#pragma unroll 8
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count;
       i += step) {
    const uint4 words = __ldcs(data + i);
    sum ^= words.x ^ words.y ^ words.z ^ words.w;
  }
  if (sum == 0x12345678U) *out = sum;  // so that the reads stay
}

}  // namespace

double read_speed(std::int64_t bytes) {
  uint4* data = nullptr;
  unsigned* out = nullptr;
  cudaDeviceProp properties = {};
  if (cudaGetDeviceProperties(&properties, 0) != cudaSuccess) return 0.0;
  if (cudaMalloc(&data, static_cast<std::size_t>(bytes)) != cudaSuccess) return 0.0;
  if (cudaMalloc(&out, sizeof *out) != cudaSuccess) return 0.0;
  const std::int64_t count = bytes / static_cast<std::int64_t>(sizeof(uint4));
  const auto blocks = static_cast<unsigned>(properties.multiProcessorCount * 4);
  fill<<<blocks, kThreads>>>(data, count);
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  float best = 0.0F;
  for (int i = 0; i < kPasses; ++i) {
    cudaEventRecord(begin);
    read<<<blocks, kThreads>>>(data, count, out);
    cudaEventRecord(end);
    float milliseconds = 0.0F;
    if (cudaEventSynchronize(end) != cudaSuccess) break;
    cudaEventElapsedTime(&milliseconds, begin, end);
    if (milliseconds > 0.0F && (best == 0.0F || milliseconds < best)) best = milliseconds;
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  cudaFree(out);
  cudaFree(data);
  return best > 0.0F ? static_cast<double>(bytes) / (static_cast<double>(best) * 1e-3) : 0.0;
}

}  // namespace hearth::bench
