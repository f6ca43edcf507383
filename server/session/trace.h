// What is kept of a reply's tokens: for the inspector, for branches, and for going on after a
// pause.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/runtime/request.h"
#include "engine/runtime/token_stream.h"
#include "engine/sampling/sampling_params.h"
#include "engine/sampling/token_candidates.h"
#include "server/session/ids.h"
#include "server/session/reply_text.h"
#include "server/session/trace_store.h"

namespace hearth::server {

struct TracedToken {
  engine::TokenRecord record{};
  std::uint32_t bytes = 0;  // of the message's text that it completed
  std::shared_ptr<const engine::TokenCandidates> candidates{};  // null: not kept
};

// Where a reply left the one that it was branched from.
struct BranchPoint {
  MessageId message{};
  std::size_t at = 0;  // so many leading tokens are the same
};

struct TraceHead {
  bool is_inspected = false;
  bool is_stepped = false;  // not kept: it matters only while the reply is written
  std::optional<BranchPoint> branch{};
  engine::SamplingParams sampling{};  // the settings that the stages need
};

// The trace of a reply that is being written. Owned by its Reply; the service's thread.
class ReplyTrace {
 public:
  // prompt_ids: kept with inspected replies only; empty otherwise. given: the reply's first tokens.
  ReplyTrace(TraceHead head, std::vector<TokenId> prompt_ids, std::vector<TracedToken> given);

  const TraceHead& head() const { return head_; }
  const std::vector<TokenId>& prompt_ids() const { return prompt_ids_; }

  // The stream is about to be replaced by one that goes on where it ends.
  void absorb(const engine::TokenStream& stream);

  // The records of everything absorbed or given: what the next stream is to begin with.
  std::vector<engine::TokenRecord> records() const;

  // Tokens [from, to), to ≤ text.to(). stream: the present one, or null.
  std::vector<TracedToken> slice(const engine::TokenStream* stream, const ReplyText& text,
                                 std::size_t from, std::size_t to) const;

  // What can be stored and has not been yet: whole chunks of the tokens shown so far, and at the
  // end the rest.
  enum class Until : std::uint8_t { last_whole_chunk, end };
  std::vector<TraceBlob> take_blobs(const engine::TokenStream* stream, const ReplyText& text,
                                    Until until);

 private:
  TraceHead head_;
  std::vector<TokenId> prompt_ids_;
  std::vector<TracedToken> earlier_;
  std::size_t num_saved_chunks_ = 0;
  bool is_head_saved_ = false;
};

}  // namespace hearth::server
