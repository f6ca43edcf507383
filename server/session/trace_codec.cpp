#include "server/session/trace_codec.h"

#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/session/strict_json.h"

namespace hearth::server {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint8_t kVersion = 1;

class Writer {
 public:
  Writer() { byte(kVersion); }
  void byte(std::size_t value) { out_ += static_cast<char>(static_cast<std::uint8_t>(value)); }
  void number(float value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out_.append(bytes, sizeof value);
  }
  // Seven bits a byte, the lowest first.
  void count(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) byte((value & 0x7FU) | 0x80U);
    byte(value);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// After the first thing that is wrong everything reads as 0.
class Reader {
 public:
  explicit Reader(std::string_view blob) : rest_(blob) {
    if (byte() != kVersion) is_good_ = false;
  }
  bool is_good() const { return is_good_; }
  bool is_at_end() const { return rest_.empty(); }

  std::uint8_t byte() {
    if (!has(1)) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  float number() {
    float value = 0.0F;
    if (!has(sizeof value)) return value;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::uint64_t count(std::uint64_t max) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; is_good_; shift += 7) {
      const std::uint64_t next = byte();
      if (shift > 56) is_good_ = false;
      value |= (next & 0x7FU) << shift;
      if (next < 0x80) break;
    }
    if (value > max) is_good_ = false;
    return is_good_ ? value : 0;
  }
  TokenId id() { return static_cast<TokenId>(count(std::numeric_limits<TokenId>::max())); }
  std::int32_t integer() {
    return static_cast<std::int32_t>(count(std::numeric_limits<std::int32_t>::max()));
  }

 private:
  bool has(std::size_t size) {
    if (rest_.size() < size) is_good_ = false;
    return is_good_;
  }

  std::string_view rest_;
  bool is_good_ = true;
};

tl::unexpected<Error> damaged() {
  return fail(ErrorCode::io_error, "What was kept of this reply's tokens cannot be read.");
}

// Logits equal scores unless a penalty moved them; then bit 7 of `cut_by` is set and both follow.
constexpr std::uint8_t kHasScore = 0x80;

void write(Writer& out, const engine::InspectedCandidate& candidate) {
  const bool has_score = candidate.score != candidate.logit;
  out.count(static_cast<std::uint64_t>(candidate.id));
  out.byte(static_cast<std::uint8_t>(candidate.cut_by) | (has_score ? kHasScore : 0U));
  out.number(candidate.logit);
  if (has_score) out.number(candidate.score);
}

engine::SamplingStage stage_of(std::uint8_t value, bool& is_known) {
  is_known = is_known && value <= static_cast<std::uint8_t>(engine::SamplingStage::eta_cutoff);
  return is_known ? static_cast<engine::SamplingStage>(value) : engine::SamplingStage::raw;
}

engine::InspectedCandidate read_candidate(Reader& in, bool& is_known) {
  engine::InspectedCandidate candidate;
  candidate.id = in.id();
  const std::uint8_t flags = in.byte();
  candidate.cut_by = stage_of(flags & 0x7FU, is_known);
  candidate.logit = in.number();
  candidate.score = (flags & kHasScore) != 0 ? in.number() : candidate.logit;
  return candidate;
}

void write(Writer& out, const engine::TokenCandidates& kept) {
  out.count(kept.candidates.size());
  out.count(kept.num_listed);
  out.number(kept.u);
  out.number(kept.entropy);
  for (const float tail : kept.log_tail) out.number(tail);
  out.byte(kept.stages.size());
  for (const engine::InspectedStage& stage : kept.stages) {
    out.byte(static_cast<std::uint8_t>(stage.stage));
    out.number(stage.log_total);
    out.count(static_cast<std::uint64_t>(stage.num_left));
  }
  for (const engine::InspectedCandidate& candidate : kept.candidates) write(out, candidate);
}

std::shared_ptr<const engine::TokenCandidates> read_candidates(Reader& in, bool& is_known) {
  constexpr std::size_t kMax =
      engine::TokenCandidates::kListedMax + engine::TokenCandidates::kRawListed + 1;
  const std::size_t num_candidates = in.count(kMax);
  if (num_candidates == 0) return nullptr;
  auto kept = std::make_shared<engine::TokenCandidates>();
  kept->num_listed = in.count(num_candidates);
  kept->u = in.number();
  kept->entropy = in.number();
  for (float& tail : kept->log_tail) tail = in.number();
  const std::uint8_t num_stages = in.byte();
  for (std::size_t i = 0; i < num_stages && in.is_good(); ++i) {
    const engine::SamplingStage stage = stage_of(in.byte(), is_known);
    const float log_total = in.number();
    kept->stages.push_back({stage, log_total, in.integer()});
  }
  for (std::size_t i = 0; i < num_candidates && in.is_good(); ++i)
    kept->candidates.push_back(read_candidate(in, is_known));
  return kept;
}

}  // namespace

std::string encode_ids(std::span<const TokenId> ids) {
  Writer out;
  out.count(ids.size());
  for (const TokenId id : ids) out.count(static_cast<std::uint64_t>(id));
  return out.take();
}

Result<std::vector<TokenId>> decode_ids(std::string_view blob) {
  Reader in(blob);
  std::vector<TokenId> ids;
  const std::size_t size = in.count(blob.size());
  ids.reserve(size);
  for (std::size_t i = 0; i < size && in.is_good(); ++i) ids.push_back(in.id());
  if (!in.is_good() || !in.is_at_end()) return damaged();
  return ids;
}

std::string encode_tokens(std::span<const TracedToken> tokens) {
  Writer out;
  out.count(tokens.size());
  for (const TracedToken& token : tokens) {
    out.count(static_cast<std::uint64_t>(token.record.id));
    out.number(token.record.logprob);
    out.number(token.record.u);
    out.count(static_cast<std::uint64_t>(token.record.rank));
    out.count(token.bytes);
  }
  return out.take();
}

Result<std::vector<TracedToken>> decode_tokens(std::string_view blob) {
  Reader in(blob);
  std::vector<TracedToken> tokens(in.count(kTraceChunkTokens));
  for (TracedToken& token : tokens) {
    token.record.id = in.id();
    token.record.logprob = in.number();
    token.record.u = in.number();
    token.record.rank = in.integer();
    token.bytes = static_cast<std::uint32_t>(in.integer());
  }
  if (!in.is_good() || !in.is_at_end()) return damaged();
  return tokens;
}

std::string encode_candidates(std::span<const TracedToken> tokens) {
  Writer out;
  out.count(tokens.size());
  for (const TracedToken& token : tokens) {
    if (token.candidates) {
      write(out, *token.candidates);
    } else {
      out.count(0);
    }
  }
  return out.take();
}

Result<void> decode_candidates(std::string_view blob, std::span<TracedToken> tokens) {
  Reader in(blob);
  bool is_known = true;
  const std::size_t size = in.count(tokens.size());
  for (std::size_t i = 0; i < size && in.is_good(); ++i)
    tokens[i].candidates = read_candidates(in, is_known);
  if (!in.is_good() || !in.is_at_end() || !is_known) return damaged();
  return {};
}

std::string encode_head(const TraceHead& head) {
  const engine::SamplingParams& sampling = head.sampling;
  nlohmann::ordered_json json = {{"v", kVersion},
                                 {"inspect", head.is_inspected},
                                 {"do_sample", sampling.do_sample},
                                 {"temperature", sampling.temperature},
                                 {"top_k", sampling.top_k},
                                 {"top_p", sampling.top_p},
                                 {"min_p", sampling.min_p},
                                 {"typical_p", sampling.typical_p},
                                 {"epsilon_cutoff", sampling.epsilon_cutoff},
                                 {"eta_cutoff", sampling.eta_cutoff},
                                 {"repetition_penalty", sampling.repetition_penalty},
                                 {"presence_penalty", sampling.presence_penalty},
                                 {"frequency_penalty", sampling.frequency_penalty}};
  if (head.branch)
    json["branch"] = {{"message", to_string(head.branch->message)}, {"at", head.branch->at}};
  return json.dump();
}

Result<TraceHead> decode_head(std::string_view blob) {
  const auto parsed = parse_strict_json(blob);
  if (!parsed || !parsed->is_object()) return damaged();
  TraceHead head;
  engine::SamplingParams& sampling = head.sampling;
  try {
    if (parsed->at("v").get<int>() != kVersion) return damaged();
    parsed->at("inspect").get_to(head.is_inspected);
    parsed->at("do_sample").get_to(sampling.do_sample);
    parsed->at("temperature").get_to(sampling.temperature);
    parsed->at("top_k").get_to(sampling.top_k);
    parsed->at("top_p").get_to(sampling.top_p);
    parsed->at("min_p").get_to(sampling.min_p);
    parsed->at("typical_p").get_to(sampling.typical_p);
    parsed->at("epsilon_cutoff").get_to(sampling.epsilon_cutoff);
    parsed->at("eta_cutoff").get_to(sampling.eta_cutoff);
    parsed->at("repetition_penalty").get_to(sampling.repetition_penalty);
    parsed->at("presence_penalty").get_to(sampling.presence_penalty);
    parsed->at("frequency_penalty").get_to(sampling.frequency_penalty);
    if (const auto branch = parsed->find("branch"); branch != parsed->end()) {
      const auto message = parse_id<MessageId>(branch->at("message").get<std::string>());
      if (!message) return damaged();
      head.branch = BranchPoint{*message, branch->at("at").get<std::size_t>()};
    }
  } catch (const nlohmann::json::exception&) {
    return damaged();
  }
  return head;
}

}  // namespace hearth::server
