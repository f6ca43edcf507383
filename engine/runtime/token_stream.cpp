#include "engine/runtime/token_stream.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/check.h"

namespace hearth::engine {

struct TokenStream::Chunk {
  Chunk(std::size_t num_top, bool is_inspected)
      : top(num_top * kChunkTokens), candidates(is_inspected ? kChunkTokens : 0) {}

  std::array<TokenRecord, kChunkTokens> tokens;
  std::array<std::uint8_t, kChunkTokens> top_counts{};
  std::vector<TopLogprob> top;                                     // num_top places for every token
  std::vector<std::unique_ptr<const TokenCandidates>> candidates;  // empty unless inspected
};

TokenStream::TokenStream(const GenerationRequest& request)
    : id_(request.id),
      max_tokens_(
          static_cast<std::size_t>(std::clamp<std::int64_t>(request.max_tokens, 0, kMaxTokens))),
      num_top_(static_cast<std::size_t>(
          std::clamp<std::int64_t>(request.num_top_logprobs, 0, kMaxTopLogprobs))),
      is_inspected_(request.is_inspected),
      chunks_((max_tokens_ + kChunkTokens - 1) / kChunkTokens) {
  for (const TokenRecord& token : request.given) {
    if (published() == max_tokens_) break;
    append(token, {});
  }
}

TokenStream::~TokenStream() = default;

const TokenRecord& TokenStream::token(std::size_t index) const {
  CHECK(index < published());
  return chunks_[index / kChunkTokens]->tokens[index % kChunkTokens];
}

std::span<const TopLogprob> TokenStream::top_logprobs(std::size_t index) const {
  CHECK(index < published());
  const Chunk& chunk = *chunks_[index / kChunkTokens];
  const std::size_t place = index % kChunkTokens;
  return {chunk.top.data() + place * num_top_, chunk.top_counts[place]};
}

const TokenCandidates* TokenStream::candidates(std::size_t index) const {
  CHECK(index < published());
  const Chunk& chunk = *chunks_[index / kChunkTokens];
  return chunk.candidates.empty() ? nullptr : chunk.candidates[index % kChunkTokens].get();
}

const FinishedEvent* TokenStream::finished() const {
  return is_finished_.load(std::memory_order_acquire) ? &finished_ : nullptr;
}

void TokenStream::append(const TokenRecord& token, std::span<const TopLogprob> top,
                         std::unique_ptr<const TokenCandidates> candidates) {
  const std::size_t index = published_.load(std::memory_order_relaxed);
  CHECK(index < max_tokens_);
  CHECK(!is_finished_.load(std::memory_order_relaxed));
  std::unique_ptr<Chunk>& chunk = chunks_[index / kChunkTokens];
  if (chunk == nullptr) chunk = std::make_unique<Chunk>(num_top_, is_inspected_);
  const std::size_t place = index % kChunkTokens;
  chunk->tokens[place] = token;
  const std::size_t num_kept = std::min(top.size(), num_top_);
  std::copy_n(top.begin(), num_kept,
              chunk->top.begin() + static_cast<std::ptrdiff_t>(place * num_top_));
  chunk->top_counts[place] = static_cast<std::uint8_t>(num_kept);
  if (is_inspected_) chunk->candidates[place] = std::move(candidates);
  published_.store(index + 1, std::memory_order_release);
}

void TokenStream::finish(FinishedEvent event) {
  CHECK(!is_finished_.load(std::memory_order_relaxed));
  finished_ = std::move(event);
  is_finished_.store(true, std::memory_order_release);
}

}  // namespace hearth::engine
