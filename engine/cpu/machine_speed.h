// The limits of this machine, measured on as many threads as the decoder uses: what a decode step
// can at most read and a prefill at most multiply.
#pragma once

#include <cstdint>

#include "engine/base/error.h"
#include "engine/cpu/arena.h"
#include "engine/cpu/kernels/probes.h"
#include "engine/cpu/worker_pool.h"

namespace hearth::engine::cpu {

// Operations are multiplications plus additions; 0 where the processor has no such instruction.
struct ComputePeaks {
  double fp32_gflops = 0.0;
  double bf16_gflops = 0.0;
  double int8_gops = 0.0;
};

// One thread uses it; the workers run only inside a call.
class MachineSpeed {
 public:
  explicit MachineSpeed(int num_threads);

  // Takes some 100 ms.
  ComputePeaks compute_peaks();

  // Makes a buffer of that size for read_gb_per_s. Errors: out_of_memory.
  Result<void> prepare_reads(std::int64_t bytes);

  // One pass over the buffer.
  double read_gb_per_s();

 private:
  template <class Run>
  double giga_ops(std::int64_t ops_per_round, const Run& run);

  const ProbeTable& probes_;
  WorkerPool pool_;
  Arena buffer_;
  std::uint8_t* data_ = nullptr;
  std::int64_t bytes_ = 0;
  std::uint64_t sink_ = 0;  // keeps what was read from being optimised away
};

}  // namespace hearth::engine::cpu
