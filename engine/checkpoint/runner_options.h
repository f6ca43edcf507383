// How to run a model, and how loading reports its progress. Plain data, shared by every decoder.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace hearth::engine {

// int8 and int4: groups of 32 weights share an fp16 scale; on the packed CPU decoder only.
enum class ComputeDtype : std::uint8_t { automatic, fp32, bf16, fp16, int8, int4 };
inline constexpr std::array<std::pair<std::string_view, ComputeDtype>, 6> kDtypeNames = {
    {{"auto", ComputeDtype::automatic},
     {"fp32", ComputeDtype::fp32},
     {"bf16", ComputeDtype::bf16},
     {"fp16", ComputeDtype::fp16},
     {"int8", ComputeDtype::int8},
     {"int4", ComputeDtype::int4}}};

// What the KV cache holds. int8: half the memory and traffic, a scale for each token and head; on
// the packed CPU decoder only.
enum class KvDtype : std::uint8_t { bf16, int8 };
inline constexpr std::array<std::pair<std::string_view, KvDtype>, 2> kKvDtypeNames = {
    {{"bf16", KvDtype::bf16}, {"int8", KvDtype::int8}}};

enum class ComputeDevice : std::uint8_t { automatic, cpu, cuda };

struct RunnerOptions {
  ComputeDtype dtype = ComputeDtype::automatic;  // on the CPU bf16, or less where memory is short;
                                                 // on a GPU the folder's
  KvDtype kv_dtype = KvDtype::bf16;  // torch decoders keep keys and values in their own dtype
  ComputeDevice device = ComputeDevice::automatic;  // automatic: cuda when there is one
  int threads = 0;                                  // 0: one per core
  std::int64_t block_size = 16;                     // tokens in a KV block
  std::int64_t num_blocks = 0;                      // wins over kv_cache_bytes
  std::int64_t kv_cache_bytes =
      0;  // 0 for both: max_sequences full contexts, at most a quarter of what is free
  std::int32_t max_sequences = 32;
  std::int64_t max_batch_tokens = 2048;
  std::int64_t context_length = 0;    // caps the model's; 0: the model's own
  std::filesystem::path tuning_file;  // of the packed CPU decoder; empty: not kept
};

struct LoadProgress {
  std::string_view stage;   // "weights"
  double percent = 0.0;     // 0…100, of the bytes; 100 with no tensor: all are there
  std::string_view tensor;  // the one being loaded, or just packed; valid during the call
};

// Called on the loading thread, at most a few times per tensor. May be empty. Must not throw.
using ProgressSink = std::function<void(const LoadProgress&)>;

}  // namespace hearth::engine
