// How to run a model, and how loading reports its progress. Plain data, shared by every decoder.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace hearth::engine {

enum class ComputeDtype : std::uint8_t { automatic, fp32, bf16, fp16 };
enum class ComputeDevice : std::uint8_t { automatic, cpu, cuda };

struct RunnerOptions {
  ComputeDtype dtype =
      ComputeDtype::automatic;  // automatic: fp32 on the CPU, the folder's on a GPU
  ComputeDevice device = ComputeDevice::automatic;  // automatic: cuda when there is one
  int threads = 0;                                  // 0: one per core
  std::int64_t block_size = 16;                     // tokens in a KV block
  std::int64_t num_blocks = 0;                      // wins over kv_cache_bytes
  std::int64_t kv_cache_bytes =
      0;  // 0 for both: max_sequences full contexts, at most a quarter of free memory
  std::int32_t max_sequences = 32;
  std::int64_t max_batch_tokens = 2048;
  std::int64_t context_length = 0;  // caps the model's; 0: the model's own
};

struct LoadProgress {
  std::string_view stage;   // "weights"
  double percent = 0.0;     // 0…100, of the bytes
  std::string_view tensor;  // the one being loaded; valid during the call
};

// Called on the loading thread, at most a few times per tensor. May be empty. Must not throw.
using ProgressSink = std::function<void(const LoadProgress&)>;

}  // namespace hearth::engine
