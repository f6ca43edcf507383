#include "engine/runtime/token_draw.h"

#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace hearth::engine {
namespace {

TokenDraw draw(Sampler& sampler, const Sequence& sequence, std::span<const float> logits) {
  const GenerationRequest& request = sequence.request;
  const auto num_seen = static_cast<std::size_t>(sequence.num_ids() - sequence.num_unscored);
  const auto num_drawn = static_cast<std::size_t>(sequence.num_drawn());
  const bool is_inspected =
      request.is_inspected && sequence.stream->published() < GenerationRequest::kInspectedMax;
  std::optional<TokenId> forced;
  if (num_drawn < request.forced_ids.size()) {
    forced = request.forced_ids[num_drawn];
  } else {
    forced = sequence.thoughts.forced();
  }
  TokenDraw drawn;
  drawn.token = sampler.sample(request.sampling, {.logits = logits,
                                                  .ids = std::span(sequence.ids).first(num_seen),
                                                  .num_prompt = request.prompt_ids.size(),
                                                  .eos_ids = request.stop_ids,
                                                  .seed = request.seed,
                                                  .num_top = request.num_top_logprobs,
                                                  .forced = forced,
                                                  .constraint = request.constraint.get(),
                                                  .is_inspected = is_inspected});
  if (!drawn.token) return drawn;
  const auto top = sampler.top_logprobs();
  drawn.top.assign(top.begin(), top.end());
  if (is_inspected)
    drawn.candidates = std::make_unique<const TokenCandidates>(std::move(sampler.candidates()));
  return drawn;
}

}  // namespace

TokenDraw draw_token(Sampler& sampler, const Sequence& sequence, std::span<const float> logits) {
  try {
    return draw(sampler, sequence, logits);
  } catch (const std::exception& exception) {  // most likely memory
    TokenDraw failed;
    failed.token =
        fail(ErrorCode::engine_failed, std::string("the sampler failed: ") + exception.what());
    return failed;
  }
}

}  // namespace hearth::engine
