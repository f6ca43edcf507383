// Probes in plain C++.
#include <stdint.h>

#include "engine/cpu/kernels/probes.h"

namespace hearth::engine::cpu {
namespace {

constexpr int kChains = 16;

uint64_t read(const uint8_t* data, int64_t bytes) {
  uint64_t sums[8] = {};
  for (int64_t i = 0; i < bytes; i += 64) {
    for (int lane = 0; lane < 8; ++lane) {
      uint64_t word;
      __builtin_memcpy(&word, data + i + lane * 8, sizeof word);
      sums[lane] += word;
    }
  }
  uint64_t total = 0;
  for (const uint64_t sum : sums) total += sum;
  return total;
}

float fp32(int64_t rounds) {
  float chains[kChains];
  for (int i = 0; i < kChains; ++i) chains[i] = static_cast<float>(i);
  for (int64_t round = 0; round < rounds; ++round) {
    for (float& chain : chains) chain = chain * 0.5F + 1.0F;
  }
  float total = 0.0F;
  for (const float chain : chains) total += chain;
  return total;
}

}  // namespace

const ProbeTable& scalar_probes() {
  static constexpr ProbeTable kTable = {"scalar", read, fp32, kChains * 2, nullptr, 0, nullptr, 0};
  return kTable;
}

}  // namespace hearth::engine::cpu
