#include "engine/cpu/memory_plan.h"

#include <algorithm>
#include <string>

#include "engine/base/memory.h"
#include "engine/cpu/cpu_decoder.h"

namespace hearth::engine::cpu {
namespace {

constexpr std::int64_t kFewestBlocks = 16;

}  // namespace

Result<std::int64_t> plan_blocks(const RunnerOptions& options, const RunnerTraits& traits,
                                 std::int64_t block_bytes) {
  if (options.num_blocks > 0) return options.num_blocks;
  const std::int64_t per_sequence = (traits.context_length + kBlockTokens - 1) / kBlockTokens;
  const std::int64_t budget =
      options.kv_cache_bytes > 0 ? options.kv_cache_bytes : available_memory() / 4;
  const std::int64_t affordable = budget / block_bytes;
  if (affordable < kFewestBlocks) {
    return fail(ErrorCode::out_of_memory, "The KV cache has " + std::to_string(budget / 1'000'000) +
                                              " MB, too little for a conversation of " +
                                              std::to_string(kFewestBlocks * kBlockTokens) +
                                              " tokens.");
  }
  return std::min(per_sequence * traits.max_sequences, affordable);
}

Result<void> check_room(const ModelSpec& spec, WeightFormat format) {
  const std::int64_t needed = packed_bytes(spec, format);
  const std::int64_t available = available_memory();
  if (needed <= available) return {};
  const auto megabytes = [](std::int64_t bytes) { return std::to_string(bytes / 1'000'000); };
  return fail(ErrorCode::out_of_memory,
              "The weights take " + megabytes(needed) + " MB as " + std::string(to_string(format)) +
                  ", and " + megabytes(available) + " MB are free" +
                  (format == WeightFormat::int4 ? "." : "; --dtype int8 or int4 takes less."));
}

}  // namespace hearth::engine::cpu
