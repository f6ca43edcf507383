#include "server/session/trace.h"

#include <algorithm>
#include <utility>

#include "server/session/trace_codec.h"

namespace hearth::server {
namespace {

TracedToken traced(const engine::TokenStream& stream, std::size_t index) {
  TracedToken token{.record = stream.token(index)};
  if (const engine::TokenCandidates* const candidates = stream.candidates(index))
    token.candidates = std::make_shared<const engine::TokenCandidates>(*candidates);
  return token;
}

bool has_candidates(const TracedToken& token) { return token.candidates != nullptr; }

}  // namespace

ReplyTrace::ReplyTrace(TraceHead head, std::vector<TokenId> prompt_ids,
                       std::vector<TracedToken> given)
    : head_(std::move(head)), prompt_ids_(std::move(prompt_ids)), earlier_(std::move(given)) {}

void ReplyTrace::absorb(const engine::TokenStream& stream) {
  for (std::size_t i = earlier_.size(); i < stream.published(); ++i)
    earlier_.push_back(traced(stream, i));
}

std::vector<engine::TokenRecord> ReplyTrace::records() const {
  std::vector<engine::TokenRecord> records;
  records.reserve(earlier_.size());
  for (const TracedToken& token : earlier_) records.push_back(token.record);
  return records;
}

std::vector<TracedToken> ReplyTrace::slice(const engine::TokenStream* stream, const ReplyText& text,
                                           std::size_t from, std::size_t to) const {
  std::vector<TracedToken> tokens;
  if (from >= to) return tokens;
  tokens.reserve(to - from);
  for (std::size_t i = from; i < to; ++i) {
    tokens.push_back(i < earlier_.size() ? earlier_[i] : traced(*stream, i));
    tokens.back().bytes = text.bytes_of(i);
  }
  return tokens;
}

std::vector<TraceBlob> ReplyTrace::take_blobs(const engine::TokenStream* stream,
                                              const ReplyText& text, Until until) {
  const std::size_t whole = text.to() / kTraceChunkTokens;
  const bool has_rest = until == Until::end && text.to() % kTraceChunkTokens != 0;
  const std::size_t num_chunks = whole + (has_rest ? 1 : 0);
  std::vector<TraceBlob> blobs;
  if (!is_head_saved_ && (num_chunks > 0 || until == Until::end)) {
    blobs.push_back({TracePlace::kHead, encode_head(head_)});
    if (!prompt_ids_.empty()) blobs.push_back({TracePlace::kPrompt, encode_ids(prompt_ids_)});
    is_head_saved_ = true;
  }
  for (; num_saved_chunks_ < num_chunks; ++num_saved_chunks_) {
    const std::size_t from = num_saved_chunks_ * kTraceChunkTokens;
    const std::size_t to = std::min(from + kTraceChunkTokens, text.to());
    const std::vector<TracedToken> tokens = slice(stream, text, from, to);
    blobs.push_back({TracePlace::tokens(num_saved_chunks_), encode_tokens(tokens)});
    if (std::any_of(tokens.begin(), tokens.end(), has_candidates)) {
      blobs.push_back({TracePlace::candidates(num_saved_chunks_), encode_candidates(tokens)});
    }
  }
  return blobs;
}

}  // namespace hearth::server
