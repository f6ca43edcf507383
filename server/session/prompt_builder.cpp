#include "server/session/prompt_builder.h"

#include <algorithm>
#include <span>

#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

namespace hearth::server {
namespace {

using Ids = Result<std::vector<TokenId>>;

Result<engine::MarkedText> render(const PromptJob& job, engine::TemplateVariables variables) {
  for (const auto& [name, text] : job.model->tokenizer->named_special_tokens()) {
    variables.extra[name] = text;
  }
  if (!job.thinks) variables.extra["enable_thinking"] = false;
  if (!job.model->chat_template)
    return fail(ErrorCode::not_supported, "The model that is served cannot chat.");
  return job.model->chat_template->render(variables);
}

Ids encode(const PromptJob& job, const engine::MarkedText& text) {
  return job.model->tokenizer->encode(
      text, {.add_special_tokens = job.model->chat_template->leaves_bos_to_tokenizer()});
}

engine::TemplateVariables instructions(const PromptJob& job) {
  engine::TemplateVariables variables;
  if (!job.system.empty()) {
    variables.messages.push_back({{"role", "system"}, {"content", job.system}});
  }
  return variables;
}

// The prompt of the turns from `first` on.
Ids tokenize(const PromptJob& job, std::size_t first) {
  engine::TemplateVariables variables = instructions(job);
  for (std::size_t i = first; i < job.turns.size(); ++i) {
    const Turn& turn = job.turns[i];
    variables.messages.push_back({{"role", to_string(turn.role)}, {"content", turn.content}});
  }
  const auto text = render(job, std::move(variables));
  if (!text) return tl::unexpected(text.error());
  return encode(job, *text);
}

// What the prompt has in common with the instructions alone. Only tokens made of nothing but the
// operator's text and the template's are counted; a template that wants a user's turn shares
// nothing.
std::size_t num_shared(const PromptJob& job, const std::vector<TokenId>& ids) {
  if (!job.has_shared_system || job.system.empty()) return 0;
  engine::TemplateVariables variables = instructions(job);
  variables.add_generation_prompt = false;
  const auto text = render(job, std::move(variables));
  if (!text) return 0;
  const Ids alone = encode(job, *text);
  if (!alone) return 0;
  const auto [differs, _] = std::mismatch(alone->begin(), alone->end(), ids.begin(), ids.end());
  return static_cast<std::size_t>(differs - alone->begin());
}

// The tokens that a reply begins with. Text is marked as a message's: it forges no special token.
Ids begun_ids(const PromptJob& job) {
  if (!job.begun.empty() || job.begun_text.empty()) return job.begun;
  return job.model->tokenizer->encode(
      engine::MarkedText(job.begun_text, engine::Origin::from_message));
}

std::int64_t count(const PromptJob& job, const std::string& text) {
  if (!job.measures || text.empty()) return 0;
  const engine::MarkedText marked(text, engine::Origin::from_message);
  const Ids ids = job.model->tokenizer->encode(marked);
  return ids ? static_cast<std::int64_t>(ids->size()) : 0;
}

std::int64_t count_turns(const PromptJob& job, std::size_t end) {
  std::int64_t tokens = 0;
  for (std::size_t i = 0; i < end; ++i) tokens += count(job, job.turns[i].content);
  return tokens;
}

// Where a shortened history may begin: at a user turn.
std::vector<std::size_t> possible_starts(const std::vector<Turn>& turns) {
  std::vector<std::size_t> starts{0};
  for (std::size_t i = 1; i < turns.size(); ++i) {
    if (turns[i].role == Role::user) starts.push_back(i);
  }
  return starts;
}

// Of the exchanges that end where each of `starts` but the first begins; `whole` is the prompt of
// all turns.
std::vector<ExchangeCost> costs_of(const PromptJob& job, std::span<const std::size_t> starts,
                                   std::size_t whole) {
  std::vector<ExchangeCost> costs;
  for (std::size_t i = 1; i < starts.size() && costs.size() < kCostsMax; ++i) {
    const Ids rest = tokenize(job, starts[i]);
    if (!rest || rest->size() > whole) break;
    costs.push_back({job.turns[starts[i - 1]].id, static_cast<std::int64_t>(whole - rest->size())});
    whole = rest->size();
  }
  return costs;
}

PromptError too_long(std::int64_t needed, std::int64_t limit) {
  return {{ErrorCode::context_length_exceeded, "This message needs " + std::to_string(needed) +
                                                   " tokens; the context holds " +
                                                   std::to_string(limit) + "."},
          needed,
          limit,
          0};
}

Prompt finish(const PromptJob& job, std::vector<TokenId> ids, std::vector<TokenId> begun,
              std::size_t first) {
  constexpr std::int64_t kDefaultMaxTokens = 4096;
  Prompt prompt;
  const auto num_begun = static_cast<std::int64_t>(begun.size());
  const std::int64_t room =
      job.model->context_length - static_cast<std::int64_t>(ids.size()) - num_begun;
  const std::int64_t wanted =
      job.max_tokens.value_or(job.model->max_new_tokens.value_or(kDefaultMaxTokens));
  prompt.max_tokens = num_begun + std::min({wanted, job.max_tokens_limit, room});
  prompt.num_shared = num_shared(job, ids);
  prompt.begun = std::move(begun);
  prompt.content_tokens = count(job, job.content);
  prompt.system_tokens = count(job, job.system);
  for (std::size_t i = 0; i < first; ++i) prompt.dropped.push_back(job.turns[i].id);
  prompt.ids = std::move(ids);
  return prompt;
}

}  // namespace

tl::expected<Prompt, PromptError> build_prompt(const PromptJob& job) {
  const std::int64_t context = job.model->context_length;
  const std::int64_t reply =
      std::min(job.reply_room, std::max<std::int64_t>(1, job.max_tokens.value_or(job.reply_room)));
  const auto failed = [](const Error& error) {
    return tl::unexpected(PromptError{error, 0, 0, 0});
  };
  const Ids begun = begun_ids(job);
  if (!begun) return failed(begun.error());
  const std::int64_t reserved = reply + static_cast<std::int64_t>(begun->size());
  const auto fits = [&](const std::vector<TokenId>& ids) {
    return !ids.empty() && static_cast<std::int64_t>(ids.size()) + reserved <= context;
  };
  const auto build = [&](std::size_t first) { return tokenize(job, first); };

  // A conversation may be more than a template renders; then it is more than fits.
  const auto is_too_much = [](const Ids& ids) {
    return !ids && ids.error().code == ErrorCode::template_limit;
  };

  const Ids whole = build(0);
  if (!whole && !is_too_much(whole)) return failed(whole.error());
  if (whole && fits(*whole)) return finish(job, *whole, *begun, 0);

  // The prompt gets shorter with each exchange dropped, so the first start that fits is found by
  // halving: a conversation of a thousand turns is rendered ten times, not a thousand.
  const std::vector<std::size_t> starts = possible_starts(job.turns);
  const Ids least = build(starts.back());
  if (!least) return failed(least.error());
  if (least->empty()) {
    return failed({ErrorCode::internal, "The chat template renders these messages to nothing."});
  }
  if (!fits(*least)) {
    PromptError error = too_long(static_cast<std::int64_t>(least->size()) + reserved, context);
    error.content_tokens = count(job, job.content);
    return tl::unexpected(std::move(error));
  }
  std::size_t low = 0;  // does not fit
  std::size_t high = starts.size() - 1;
  std::vector<TokenId> best = *least;
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    Ids ids = build(starts[middle]);
    if (!ids && !is_too_much(ids)) return failed(ids.error());
    if (ids && fits(*ids)) {
      high = middle;
      best = std::move(*ids);
    } else {
      low = middle;
    }
  }
  const auto num_dropped = whole ? static_cast<std::int64_t>(whole->size() - best.size())
                                 : count_turns(job, starts[high]);
  Prompt prompt = finish(job, std::move(best), *begun, starts[high]);
  prompt.dropped_tokens = num_dropped;
  if (job.measures && whole) {
    prompt.costs = costs_of(job, std::span(starts).first(high + 1), whole->size());
  }
  return prompt;
}

}  // namespace hearth::server
