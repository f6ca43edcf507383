#include "server/session/prompt_builder.h"

#include <algorithm>

#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

namespace hearth::server {
namespace {

using Ids = Result<std::vector<TokenId>>;

// The prompt of the turns from `first` on.
Ids tokenize(const PromptJob& job, std::size_t first) {
  engine::TemplateVariables variables;
  if (!job.system.empty()) {
    variables.messages.push_back({{"role", "system"}, {"content", job.system}});
  }
  for (std::size_t i = first; i < job.turns.size(); ++i) {
    const Turn& turn = job.turns[i];
    variables.messages.push_back({{"role", to_string(turn.role)}, {"content", turn.content}});
  }
  for (const auto& [name, text] : job.model->tokenizer->named_special_tokens()) {
    variables.extra[name] = text;
  }
  const auto text = job.model->chat_template->render(variables);
  if (!text) return tl::unexpected(text.error());
  return job.model->tokenizer->encode(
      *text, {.add_special_tokens = job.model->chat_template->leaves_bos_to_tokenizer()});
}

// Where a shortened history may begin: at a user turn.
std::vector<std::size_t> possible_starts(const std::vector<Turn>& turns) {
  std::vector<std::size_t> starts{0};
  for (std::size_t i = 1; i < turns.size(); ++i) {
    if (turns[i].role == Role::user) starts.push_back(i);
  }
  return starts;
}

tl::unexpected<PromptError> too_long(std::int64_t needed, std::int64_t limit) {
  return tl::unexpected(PromptError{
      {ErrorCode::context_length_exceeded, "This message needs " + std::to_string(needed) +
                                               " tokens; the context holds " +
                                               std::to_string(limit) + "."},
      needed,
      limit});
}

Prompt finish(const PromptJob& job, std::vector<TokenId> ids, std::size_t first) {
  constexpr std::int64_t kDefaultMaxTokens = 4096;
  Prompt prompt;
  const std::int64_t room = job.model->context_length - static_cast<std::int64_t>(ids.size());
  const std::int64_t wanted =
      job.max_tokens.value_or(job.model->max_new_tokens.value_or(kDefaultMaxTokens));
  prompt.max_tokens = std::min({wanted, job.max_tokens_limit, room});
  for (std::size_t i = 0; i < first; ++i) prompt.dropped.push_back(job.turns[i].id);
  prompt.ids = std::move(ids);
  return prompt;
}

}  // namespace

tl::expected<Prompt, PromptError> build_prompt(const PromptJob& job) {
  const std::int64_t context = job.model->context_length;
  const std::int64_t reply = std::min(
      kMinReplyTokens, std::max<std::int64_t>(1, job.max_tokens.value_or(kMinReplyTokens)));
  const auto fits = [&](const std::vector<TokenId>& ids) {
    return !ids.empty() && static_cast<std::int64_t>(ids.size()) + reply <= context;
  };
  const auto build = [&](std::size_t first) { return tokenize(job, first); };
  const auto failed = [](const Error& error) { return tl::unexpected(PromptError{error, 0, 0}); };

  const Ids whole = build(0);
  if (!whole) return failed(whole.error());
  if (fits(*whole)) return finish(job, *whole, 0);

  // The prompt gets shorter with each exchange dropped, so the first start that fits is found by
  // halving: a conversation of a thousand turns is rendered ten times, not a thousand.
  const std::vector<std::size_t> starts = possible_starts(job.turns);
  const Ids least = build(starts.back());
  if (!least) return failed(least.error());
  if (least->empty()) {
    return failed({ErrorCode::internal, "The chat template renders these messages to nothing."});
  }
  if (!fits(*least)) return too_long(static_cast<std::int64_t>(least->size()) + reply, context);
  std::size_t low = 0;  // does not fit
  std::size_t high = starts.size() - 1;
  std::vector<TokenId> best = *least;
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    Ids ids = build(starts[middle]);
    if (!ids) return failed(ids.error());
    if (fits(*ids)) {
      high = middle;
      best = std::move(*ids);
    } else {
      low = middle;
    }
  }
  return finish(job, std::move(best), starts[high]);
}

}  // namespace hearth::server
