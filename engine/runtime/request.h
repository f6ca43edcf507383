// What the service asks of the engine, and what comes back. Plain data, shared by runtime/ and
// session/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/token_id.h"
#include "engine/runtime/thoughts.h"
#include "engine/sampling/sampling_params.h"

namespace hearth::engine {

class TokenConstraint;  // engine/sampling/token_constraint.h

using RequestId = std::uint64_t;  // made by the service, unique in the process
using UserKey =
    std::uint64_t;  // fairness and cache salting; a hash of the identity, never an index

enum class FinishReason : std::uint8_t { stop, length, cancelled, failed };

// "stop", "length", "cancelled", "failed".
const char* to_string(FinishReason reason);

// One generated token, in order of generation.
struct TokenRecord {
  TokenId id = 0;
  float logprob = 0.0F;   // natural log of the model's own distribution (raw logits, temperature 1)
  float u = 0.0F;         // the uniform number that drew it; 0 when greedy
  std::int32_t rank = 0;  // 0: the likeliest of the raw distribution
};

// What a request is for: a reply, token by token, or numbers about its prompt, which come with the
// end: class scores, or the last layer's normed state of one token or of all of them on average.
enum class RequestOutput : std::uint8_t {
  reply,
  class_scores,
  first_state,
  last_state,
  mean_state
};

struct GenerationRequest {
  RequestId id = 0;
  UserKey user = 0;
  double weight = 1.0;           // share of this user, > 0
  std::uint64_t cache_salt = 0;  // prefix blocks are shared only under the same salt
  std::size_t num_shared_prefix =
      0;  // leading prompt ids (the operator's system prompt) hashed without the salt
  RequestOutput output = RequestOutput::reply;  // else nothing is drawn
  std::vector<TokenId> prompt_ids;          // not empty; prompt_ids.size() + max_tokens ≤ context
  std::vector<std::int32_t> token_types{};  // BERT's, one for each prompt id; empty: all 0
  std::int64_t max_tokens = 0;              // > 0; of the whole reply, `given` included
  std::vector<TokenId> stop_ids;  // eos ids; the one that ended the reply is its last token
  bool ignore_eos = false;
  SamplingParams sampling;
  std::uint64_t seed = 0;
  std::int64_t num_top_logprobs = 0;  // candidates kept with every token, 0…20
  // How the reply begins, decided earlier (continue, branch, step): in the stream from the start,
  // computed together with the prompt, never drawn again.
  std::vector<TokenRecord> given;
  // Take the place of the first draws after `given`. Only the last of them can end the reply. Many
  // of them are computed in one step, so that a text is scored about as fast as it is read.
  std::vector<TokenId> forced_ids;
  std::shared_ptr<TokenConstraint> constraint;  // of what is drawn; null: none
  ThoughtRule thoughts;       // of a model that thinks first; forced_ids come before its closing
  bool is_inspected = false;  // TokenCandidates with every drawn token, up to kInspectedMax

  // A longer reply keeps no more of them.
  static constexpr std::size_t kInspectedMax = 1024;
};

struct TopLogprob {
  TokenId id = 0;
  float logprob = 0.0F;
};

// Every submitted request ends with exactly one of these.
struct FinishedEvent {
  FinishReason reason = FinishReason::failed;
  std::vector<float> values{};  // where RequestOutput asks for them
  std::string error;            // one sentence, when reason is failed
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;  // of prompt_tokens, found in the prefix cache
  std::int64_t completion_tokens = 0;
  double queue_ms = 0.0;    // submit → first scheduled
  double prefill_ms = 0.0;  // first scheduled → first token
  double decode_ms = 0.0;   // first token → end
};

}  // namespace hearth::engine
