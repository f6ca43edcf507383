// What every StepRunner demands of a row before it touches memory with it.
#pragma once

#include <cstdint>
#include <string>

#include "engine/runtime/step_runner.h"

namespace hearth::engine {

// The sentence for a row that cannot run, or empty. The scheduler never makes one; a wrong id or
// block would be read outside the tables.
inline std::string fault_of(const RunnerTraits& traits, const BatchRow& row) {
  if (row.tokens.empty()) return "the row has no tokens";
  const auto length = row.position + static_cast<std::int64_t>(row.tokens.size());
  if (row.position < 0 || length > traits.context_length) {
    return "the sequence is longer than the context of " + std::to_string(traits.context_length);
  }
  if (static_cast<std::int64_t>(row.block_table.size()) * traits.block_size < length) {
    return "the block table does not cover the sequence";
  }
  for (const std::int32_t block : row.block_table) {
    if (block < 0 || block >= traits.num_blocks) return "the block table names no block";
  }
  for (const TokenId id : row.tokens) {
    if (id < 0 || id >= traits.vocab_size)
      return "token id " + std::to_string(id) + " is not in the vocabulary";
  }
  return {};
}

}  // namespace hearth::engine
