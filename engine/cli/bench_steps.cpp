#include "engine/cli/bench_steps.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <span>

namespace hearth::engine {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

BenchSteps::BenchSteps(StepRunner& runner) : runner_(runner) {
  const RunnerTraits& traits = runner.traits();
  blocks_per_sequence_ = (traits.context_length + traits.block_size - 1) / traits.block_size;
  ids_.resize(static_cast<std::size_t>(traits.context_length));
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    const auto mixed = static_cast<std::int64_t>(i * 7919 + 13);
    ids_[i] = static_cast<TokenId>(mixed % traits.vocab_size);
  }
  block_tables_.resize(static_cast<std::size_t>(traits.max_sequences));
  for (std::size_t s = 0; s < block_tables_.size(); ++s) {
    block_tables_[s].resize(static_cast<std::size_t>(blocks_per_sequence_));
    std::iota(block_tables_[s].begin(), block_tables_[s].end(),
              static_cast<std::int32_t>(static_cast<std::int64_t>(s) * blocks_per_sequence_));
  }
}

BatchRow BenchSteps::row(std::int64_t sequence, std::int64_t position, std::int64_t tokens) const {
  BatchRow row;
  row.slot = static_cast<std::int32_t>(sequence);
  row.position = position;
  row.prompt_length = position + tokens;
  row.tokens =
      std::span(ids_).subspan(static_cast<std::size_t>(position), static_cast<std::size_t>(tokens));
  row.block_table = block_tables_[static_cast<std::size_t>(sequence)];
  return row;
}

Result<double> BenchSteps::prefill(std::int64_t tokens) {
  const Clock::time_point begin = Clock::now();
  for (std::int64_t position = 0; position < tokens;) {
    const std::int64_t count = std::min(tokens - position, runner_.traits().max_batch_tokens);
    Batch batch{{row(0, position, count)}};
    position += count;
    if (position == tokens) batch.rows[0].output = RowOutput::logits;
    if (auto result = runner_.run(batch); !result) return tl::unexpected(result.error());
  }
  return seconds_since(begin);
}

Result<double> BenchSteps::decode(std::int64_t batch_size, std::int64_t context) {
  Batch batch;
  for (std::int64_t s = 0; s < batch_size; ++s) {
    batch.rows.push_back(row(s, context - 1, 1));
    batch.rows.back().output = RowOutput::logits;
  }
  const Clock::time_point begin = Clock::now();
  if (auto result = runner_.run(batch); !result) return tl::unexpected(result.error());
  return seconds_since(begin);
}

Result<void> BenchSteps::touch(std::int64_t batch_size, std::int64_t context) {
  const std::int64_t block = runner_.traits().block_size;
  Batch batch;
  const auto flush = [&]() -> Result<void> {
    if (batch.rows.empty()) return {};
    auto result = runner_.run(batch);
    batch.rows.clear();
    if (!result) return tl::unexpected(result.error());
    return {};
  };
  for (std::int64_t s = 0; s < batch_size; ++s) {
    for (std::int64_t position = 0; position < context; position += block) {
      batch.rows.push_back(row(s, position, 1));
      if (static_cast<std::int64_t>(batch.rows.size()) < runner_.traits().max_batch_tokens)
        continue;
      if (auto done = flush(); !done) return done;
    }
  }
  return flush();
}

Result<std::string> BenchSteps::logits_hash() {
  const std::int64_t tokens = std::min<std::int64_t>(48, runner_.traits().context_length);
  Batch batch{{row(0, 0, tokens)}};
  batch.rows[0].output = RowOutput::logits;
  auto result = runner_.run(batch);
  if (!result) return tl::unexpected(result.error());
  std::uint64_t hash = 14695981039346656037ULL;
  for (const float value : result->rows[0].values) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    for (int byte = 0; byte < 4; ++byte) {
      hash = (hash ^ ((bits >> (8 * byte)) & 0xFFU)) * 1099511628211ULL;
    }
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return std::string(text);
}

}  // namespace hearth::engine
