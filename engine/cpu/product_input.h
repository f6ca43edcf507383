// What a product multiplies: rows of fp32, normed on the way where the network has a norm there, in
// the tiles that the weights' kernel wants.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/cpu/activations.h"
#include "engine/cpu/kernels/kernels.h"
#include "engine/cpu/packed_matrix.h"
#include "engine/cpu/worker_pool.h"

namespace hearth::engine::cpu {

// So few rows are normed, rounded or stored faster by one thread than by a region.
inline constexpr std::int64_t kSerialRows = 2;

// Of the engine thread; the table and the pool must outlive it.
class ProductInput {
 public:
  ProductInput(const KernelTable& kernels, WorkerPool& pool, float norm_eps, float norm_offset);

  // x: [rows, k]. norm: [k], or empty for none. The result is valid until the next call.
  const Activations& prepare(const float* x, std::int64_t rows, std::int64_t k,
                             const std::vector<float>& norm, WeightFormat format);

 private:
  const KernelTable& kernels_;
  WorkerPool& pool_;
  float norm_eps_;
  float norm_offset_;
  Activations activations_;
  std::vector<std::vector<float>> normed_;  // a row [k] for each worker
};

}  // namespace hearth::engine::cpu
