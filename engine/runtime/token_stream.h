// One request's tokens on their way from the engine to the service: an append-only buffer and a
// published count. A lagging service costs the engine nothing; nothing blocks and nothing is
// dropped (DESIGN §10, "Engine to service").
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/runtime/request.h"
#include "engine/sampling/token_candidates.h"

namespace hearth::engine {

// Shared by the engine thread (the only writer) and any number of readers. Memory is bounded by
// max_tokens and is taken in chunks as the reply grows.
class TokenStream {
 public:
  static constexpr std::size_t kChunkTokens = 256;
  static constexpr std::int64_t kMaxTokens = 1 << 22;  // a longer request is cut here
  static constexpr std::int64_t kMaxTopLogprobs = 20;

  // The request's given tokens are published at once.
  explicit TokenStream(const GenerationRequest& request);
  ~TokenStream();
  TokenStream(const TokenStream&) = delete;
  TokenStream& operator=(const TokenStream&) = delete;

  RequestId id() const { return id_; }

  // Readers, any thread. Tokens [0, published()) are immutable.
  std::size_t published() const { return published_.load(std::memory_order_acquire); }
  const TokenRecord& token(std::size_t index) const;                  // index < published()
  std::span<const TopLogprob> top_logprobs(std::size_t index) const;  // empty unless asked for
  // Of a drawn token, when the request is inspected; else nullptr.
  const TokenCandidates* candidates(std::size_t index) const;
  // The end, or nullptr while the request lives. Set after the last token is published; valid as
  // long as the stream.
  const FinishedEvent* finished() const;
  // Requests ahead in the queue; 0 is next; −1 once it has been scheduled.
  std::int32_t queue_position() const { return queue_position_.load(std::memory_order_relaxed); }
  // Prompt tokens computed or found in the cache so far.
  std::int64_t prefilled_tokens() const { return prefilled_.load(std::memory_order_relaxed); }

  // Writer, engine thread only.
  void append(const TokenRecord& token, std::span<const TopLogprob> top,
              std::unique_ptr<const TokenCandidates> candidates = nullptr);
  void finish(FinishedEvent event);  // exactly once
  void set_queue_position(std::int32_t position) {
    queue_position_.store(position, std::memory_order_relaxed);
  }
  void set_prefilled_tokens(std::int64_t count) {
    prefilled_.store(count, std::memory_order_relaxed);
  }

 private:
  struct Chunk;

  RequestId id_;
  std::size_t max_tokens_;
  std::size_t num_top_;
  bool is_inspected_;
  std::vector<std::unique_ptr<Chunk>> chunks_;  // sized at construction, never resized
  std::atomic<std::size_t> published_{0};
  std::atomic<std::int32_t> queue_position_{0};
  std::atomic<std::int64_t> prefilled_{0};
  FinishedEvent finished_;
  std::atomic<bool> is_finished_{false};
};

}  // namespace hearth::engine
