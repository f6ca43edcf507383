#include "server/api/generation.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/sampling/sampling_overrides.h"
#include "engine/structured/grammar_constraint.h"
#include "server/api/errors.h"
#include "server/session/engine_identity.h"

namespace hearth::server {
namespace {

constexpr std::int64_t kDefaultMaxTokens = 4096;
constexpr std::int64_t kScoredPromptMax = 16'384;

bool contains(const std::vector<TokenId>& ids, TokenId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

WireError too_long(std::int64_t needed, std::int64_t limit, const std::string& param) {
  WireError error = wire_error(ErrorCode::context_length_exceeded,
                               "This needs " + std::to_string(needed) +
                                   " tokens; the context holds " + std::to_string(limit) + ".",
                               param);
  error.needed = needed;
  error.limit = limit;
  return error;
}

}  // namespace

struct Generation::Encoded {
  std::vector<EncodedPrompt> prompts;
  std::shared_ptr<engine::GrammarAutomaton> automaton;
};

std::int64_t Choice::completion_tokens() const {
  if (!tokens) return 0;
  const engine::FinishedEvent* const finished = tokens->finished();
  const bool counts_text = !finished || text->stopped();
  const auto shown = static_cast<std::int64_t>(text->to());
  if (counts_text) return shown;
  return finished->completion_tokens - static_cast<std::int64_t>(num_scored);
}

Generation::Generation(Generations& owner, GenerationSpec spec, Events events)
    : owner_(owner), spec_(std::move(spec)), events_(std::move(events)) {}

void Generation::start() {
  const GenerationPorts& ports = owner_.ports_;
  if (spec_.user.scope == Scope::read)
    return refuse(wire_error(ErrorCode::forbidden, "This key may only read."));
  auto ticket = owner_.admit(spec_.user);
  if (!ticket) return refuse(ticket.error());
  model_ = ports.service.model().info;
  if (const auto problem = check_model()) return refuse(*problem);
  auto sampling = engine::resolve(spec_.params.sampling, model_->defaults);
  if (!sampling) return refuse(WireError::of(sampling.error()));
  sampling_ = std::move(*sampling);
  ticket_ = std::move(*ticket);
  for (PromptInput& prompt : spec_.prompts) {
    auto* const chat = std::get_if<ChatPrompt>(&prompt);
    if (!chat || ports.system_prompt.empty() || chat->messages.front()["role"] == "system")
      continue;
    const nlohmann::ordered_json system = {{"role", "system"}, {"content", ports.system_prompt}};
    chat->messages.insert(chat->messages.begin(), system);
  }
  auto result = std::make_shared<Result<Encoded>>();
  const auto work = [self = shared_from_this(), &rules = owner_.rules_, result] {
    // The barrier of R-16: whatever a template or a schema does, it costs only its own request.
    try {
      Encoded out;
      for (const PromptInput& prompt : self->spec_.prompts) {
        auto one = encode_prompt(*self->model_, prompt);
        if (!one) {
          *result = tl::unexpected(one.error());
          return;
        }
        out.prompts.push_back(std::move(*one));
      }
      auto automaton =
          rules.compile(*self->model_, self->spec_.rule, out.prompts.front().tool_form);
      if (!automaton) {
        *result = tl::unexpected(automaton.error());
        return;
      }
      out.automaton = std::move(*automaton);
      *result = std::move(out);
    } catch (const std::exception&) {
      *result = fail(ErrorCode::internal, "The prompt could not be built.");
    }
  };
  ports.text.perform(work, [self = shared_from_this(), result] {
    if (!self->is_over_) self->encoded(std::move(*result));
  });
}

// Whether it is the one that was asked for, and can do this at all.
std::optional<WireError> Generation::check_model() const {
  const std::string& name = owner_.ports_.service.model().id;
  if (!owner_.ports_.any_model && !spec_.model.empty() && spec_.model != name) {
    return wire_error(ErrorCode::model_not_found, "This server serves no such model.", "model");
  }
  const auto refused = [](std::string why) {
    return wire_error(ErrorCode::not_supported, std::move(why), "model");
  };
  switch (spec_.output) {
    case engine::RequestOutput::reply:
      if (model_->writes) return std::nullopt;
      return refused("The model that is served reads texts and writes none.");
    case engine::RequestOutput::class_scores:
      if (model_->classes.count > 0) return std::nullopt;
      return refused("The model that is served has no classes.");
    default:
      if (model_->embedding.refusal.empty()) return std::nullopt;
      return refused(model_->embedding.refusal);
  }
}

void Generation::refuse(const WireError& error) {
  const Events events = std::exchange(events_, {});
  drop();
  if (events.refused) events.refused(error);
}

void Generation::encoded(Result<Encoded> result) {
  if (!result) {
    WireError error = WireError::of(result.error());
    if (error.code == ErrorCode::invalid_parameter) {
      const bool is_rule = error.detail.starts_with("The schema");
      const bool is_tools = error.detail.find("tools") != std::string::npos;
      error.param = is_rule ? "response_format" : is_tools ? "tools" : spec_.prompt_param;
    }
    return refuse(error);
  }
  prompts_ = std::move(result->prompts);
  automaton_ = std::move(result->automaton);
  if (const auto problem = check_room()) return refuse(*problem);
  seed_ = spec_.params.seed.value_or(draw_seed(owner_.ports_.random));
  for (std::size_t prompt = 0; prompt < prompts_.size(); ++prompt) {
    for (std::int64_t i = 0; i < spec_.n; ++i) choices_.emplace_back().prompt = prompt;
  }
  submit_waiting();
}

// A program must be told, not given an answer to half of what it sent.
std::optional<WireError> Generation::check_room() const {
  const bool is_reply = spec_.output == engine::RequestOutput::reply;
  const std::int64_t least = owner_.ports_.reply_room;
  const std::int64_t reply =
      is_reply ? std::clamp<std::int64_t>(spec_.params.max_tokens.value_or(least), 1, least) : 0;
  for (const EncodedPrompt& prompt : prompts_) {
    const auto needed = static_cast<std::int64_t>(prompt.ids.size()) + reply;
    if (needed > model_->context_length)
      return too_long(needed, model_->context_length, spec_.prompt_param);
    if (spec_.prompt_logprobs && std::cmp_greater(prompt.ids.size(), kScoredPromptMax))
      return too_long(needed, kScoredPromptMax, "prompt_logprobs");
  }
  return std::nullopt;
}

void Generation::submit_waiting() {
  const bool is_reply = spec_.output == engine::RequestOutput::reply;
  const std::size_t at_once = is_reply ? kAtOnce : kReadAtOnce;
  while (live_ < at_once && next_ < choices_.size()) submit(choices_[next_++]);
  if (!std::exchange(has_started_, true) && events_.started) {
    has_spoken();
    events_.started();
  }
}

engine::GenerationRequest Generation::request_for(const Choice& choice) const {
  const std::vector<TokenId>& ids = prompts_[choice.prompt].ids;
  const auto room = model_->context_length - static_cast<std::int64_t>(ids.size());
  const std::int64_t wanted =
      spec_.params.max_tokens.value_or(model_->max_new_tokens.value_or(kDefaultMaxTokens));
  const EngineIdentity identity = engine_identity(spec_.user.id, spec_.end_user);
  engine::GenerationRequest request;
  request.user = identity.user;
  request.weight = 1.0 / static_cast<double>(owner_.num_end_users(spec_.user));
  request.cache_salt = identity.cache_salt;
  request.prompt_ids = ids;
  if (spec_.output != engine::RequestOutput::reply) {
    request.output = spec_.output;
    request.token_types = prompts_[choice.prompt].types;
    request.max_tokens = 1;
    return request;
  }
  request.max_tokens = std::min({wanted, owner_.ports_.max_tokens, room});
  request.stop_ids = spec_.ignore_eos ? std::vector<TokenId>{} : model_->eos_ids;
  request.stop_ids.insert(request.stop_ids.end(), spec_.stop_token_ids.begin(),
                          spec_.stop_token_ids.end());
  request.sampling = sampling_;
  const auto place = static_cast<std::size_t>(&choice - choices_.data());
  request.seed = seed_ + place % static_cast<std::size_t>(spec_.n);
  request.num_top_logprobs = std::max(spec_.num_top_logprobs, spec_.prompt_logprobs.value_or(0));
  if (spec_.prompt_logprobs) {
    request.forced_ids.assign(ids.begin() + 1, ids.end());
    request.prompt_ids.resize(1);
    request.max_tokens += static_cast<std::int64_t>(request.forced_ids.size());
    if (request.sampling.min_new_tokens > 0)
      request.sampling.min_new_tokens += static_cast<std::int64_t>(request.forced_ids.size());
  }
  if (automaton_) {
    request.constraint = std::make_shared<engine::GrammarConstraint>(automaton_, request.stop_ids);
  }
  return request;
}

void Generation::submit(Choice& choice) {
  engine::GenerationRequest request = request_for(choice);
  choice.request = request.id = owner_.ports_.next_request_id();
  choice.num_scored = request.forced_ids.size();
  choice.text.emplace(model_->tokenizer, spec_.params.stop, choice.num_scored);
  choice.tokens = owner_.ports_.engine.submit(std::move(request));
  ++live_;
  owner_.by_request_[choice.request] = {this, static_cast<std::size_t>(&choice - choices_.data())};
}

void Generation::pull(Choice& choice) {
  const engine::TokenStream& tokens = *choice.tokens;
  const engine::FinishedEvent* const finished =
      tokens.finished();  // before the tokens: it comes after the last one
  std::size_t readable = tokens.published();
  if (readable > choice.num_scored) {
    const TokenId last = tokens.token(readable - 1).id;
    if (contains(spec_.stop_token_ids, last)) --readable;  // it ends the reply unseen
  }
  const bool grew = choice.text->pull(tokens, readable);
  if (choice.text->stopped()) {
    owner_.ports_.engine.cancel(choice.request);
    choice.end = GenerationEnd::stop;
    choice.stop_string = choice.text->stop_string();
  } else if (finished) {
    choice.text->finish();
    switch (finished->reason) {
      case engine::FinishReason::stop:
        choice.end = GenerationEnd::stop;
        if (readable < tokens.published()) choice.stop_token_id = tokens.token(readable).id;
        break;
      case engine::FinishReason::length:
        choice.end = choice.text->stopped() ? GenerationEnd::stop : GenerationEnd::length;
        choice.stop_string = choice.text->stop_string();
        break;
      case engine::FinishReason::cancelled:
        choice.end = GenerationEnd::shut_down;
        break;
      case engine::FinishReason::failed:
        choice.end = GenerationEnd::failed;
        break;
    }
  }
  if (choice.end) {
    owner_.by_request_.erase(choice.request);
    --live_;
  }
  after_pull(grew || choice.end);
}

void Generation::after_pull(bool grew) {
  for (const Choice& choice : choices_) {
    if (choice.end == GenerationEnd::failed || choice.end == GenerationEnd::shut_down)
      return end(*choice.end);
  }
  submit_waiting();
  if (live_ == 0) return end(GenerationEnd::stop);
  if (!grew || !events_.progressed) return;
  events_.progressed();
}

// Those that are read and written for so long end with what they have.
bool Generation::end_what_takes_too_long(Instant now) {
  if (spec_.output != engine::RequestOutput::reply) return false;
  bool has_ended = false;
  for (Choice& choice : choices_) {
    if (!choice.tokens || choice.end) continue;
    const bool has_started = choice.tokens->queue_position() < 0 || choice.tokens->published() > 0;
    if (has_started && !choice.started_at) choice.started_at = now;
    if (!choice.started_at || now - *choice.started_at < owner_.ports_.reply_time) continue;
    owner_.ports_.engine.cancel(choice.request);
    choice.text->finish();
    choice.end = choice.text->stopped() ? GenerationEnd::stop : GenerationEnd::length;
    choice.stop_string = choice.text->stop_string();
    owner_.by_request_.erase(choice.request);
    --live_;
    has_ended = true;
  }
  return has_ended;
}

void Generation::end(GenerationEnd how) {
  const auto self = shared_from_this();
  const Events events = std::exchange(events_, {});
  drop();
  if (events.ended) events.ended(how);
}

void Generation::cancel() {
  if (is_over_) return;
  const auto self = shared_from_this();
  events_ = {};
  drop();
}

// Gives back everything it holds. Prompts that are still being built will find is_over_.
void Generation::drop() {
  is_over_ = true;
  ticket_ = {};
  for (const Choice& choice : choices_) {
    if (!choice.tokens || choice.end) continue;
    owner_.ports_.engine.cancel(choice.request);
    owner_.by_request_.erase(choice.request);
  }
  owner_.live_.erase(shared_from_this());
}

void Generation::has_spoken() { spoke_at_ = owner_.ports_.clock.now(); }

void Generation::on_tick(Instant now) {
  if (is_over_) return;
  if (end_what_takes_too_long(now)) return after_pull(true);
  const Milliseconds silence = owner_.ports_.keep_alive;
  if (!has_started_ || silence.count() == 0 || now - spoke_at_ < silence) return;
  spoke_at_ = now;
  if (events_.idle) events_.idle();
}

std::int64_t Generation::prompt_tokens() const {
  std::int64_t count = 0;
  for (const EncodedPrompt& prompt : prompts_)
    count += static_cast<std::int64_t>(prompt.ids.size());
  return count;
}

std::int64_t Generation::completion_tokens() const {
  std::int64_t count = 0;
  for (const Choice& choice : choices_) count += choice.completion_tokens();
  return count;
}

std::int64_t Generation::cached_tokens() const {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < choices_.size(); i += static_cast<std::size_t>(spec_.n)) {
    const auto& tokens = choices_[i].tokens;
    const engine::FinishedEvent* const finished = tokens ? tokens->finished() : nullptr;
    if (finished) count += finished->cached_tokens;
  }
  return count;
}

}  // namespace hearth::server
