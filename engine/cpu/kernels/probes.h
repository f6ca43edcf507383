// What one core can do at most, to measure the kernels against: plain reads and multiply-adds that
// wait for nothing. One table for each instruction set; linkage as in kernels.h.
#pragma once

#include <stdint.h>

namespace hearth::engine::cpu {

struct ProbeTable {
  const char* name;

  // Reads bytes (a multiple of 512) once, end to end; returns a sum so that nothing is left out.
  uint64_t (*read)(const uint8_t* data, int64_t bytes);

  // `rounds` rounds of independent multiply-adds on registers; null where the processor has no such
  // instruction. …_ops counts multiplications and additions of one round.
  float (*fp32)(int64_t rounds);
  int64_t fp32_ops;
  int32_t (*int8)(int64_t rounds);
  int64_t int8_ops;
  float (*bf16)(int64_t rounds);
  int64_t bf16_ops;
};

const ProbeTable& scalar_probes();
const ProbeTable& avx2_probes();
const ProbeTable& avx512_probes();
const ProbeTable& avx512_bf16_probes();

}  // namespace hearth::engine::cpu
