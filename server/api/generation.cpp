#include "server/api/generation.h"

#include <array>
#include <cstring>
#include <utility>

#include "engine/sampling/sampling_overrides.h"
#include "server/api/errors.h"
#include "server/session/crypto.h"

namespace hearth::server {
namespace {

std::uint64_t random_number(const RandomBytes& random) {
  std::array<std::uint8_t, 8> bytes{};
  random(bytes);
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

// The user's numbers in the engine, those of turn_starter.cpp: one person has one share, whichever
// way the requests come.
void set_user(engine::GenerationRequest& request, const UserId& user) {
  const Sha256 digest = sha256("hearth user key " + to_string(user));
  std::memcpy(&request.user, digest.data(), sizeof request.user);
  std::memcpy(&request.cache_salt, digest.data() + sizeof request.user, sizeof request.cache_salt);
}

std::optional<WireError> why_not_ready(const ModelStatus& model) {
  if (model.state == ModelState::ready) return std::nullopt;
  if (model.state == ModelState::failed) {
    return wire_error(ErrorCode::model_failed,
                      "The model could not be loaded; the operator has to act.");
  }
  WireError error = wire_error(ErrorCode::model_loading, "The model is loading.");
  error.retry_after_ms = model.eta_ms.value_or(1000);
  return error;
}

WireError too_long(const PromptError& problem) {
  WireError error = WireError::of(problem.error);
  if (error.code != ErrorCode::context_length_exceeded) return error;
  error.param = "messages";
  error.needed = problem.needed;
  error.limit = problem.limit;
  return error;
}

}  // namespace

Generation::Generation(Generations& owner, GenerationSpec spec, Events events)
    : owner_(owner), spec_(std::move(spec)), events_(std::move(events)) {}

void Generation::start() {
  const GenerationPorts& ports = owner_.ports_;
  if (const auto problem = why_not_ready(ports.service.model())) return refuse(*problem);
  model_ = ports.service.model().info;
  auto sampling = engine::resolve(spec_.params.sampling, model_->defaults);
  if (!sampling) return refuse(WireError::of(sampling.error()));
  auto ticket = ports.service.admission().enter(spec_.user.id);
  if (!ticket) {
    WireError error = WireError::of(ticket.error());
    error.retry_after_ms = 2000;
    return refuse(error);
  }
  ticket_ = std::move(*ticket);
  PromptJob job;
  job.model = model_;
  job.turns = std::move(spec_.turns);
  job.max_tokens = spec_.params.max_tokens;
  job.max_tokens_limit = ports.max_tokens;
  ports.text.build(std::move(job), [self = shared_from_this(), sampling = std::move(*sampling)](
                                       tl::expected<Prompt, PromptError> prompt) {
    if (self->is_over_) return;
    if (!prompt) return self->refuse(too_long(prompt.error()));
    if (!prompt->dropped
             .empty()) {  // a program must be told, not given an answer to half of what it sent
      WireError error = wire_error(ErrorCode::context_length_exceeded,
                                   "These messages need more than the " +
                                       std::to_string(self->model_->context_length) +
                                       " tokens that the context holds; leave out the oldest.",
                                   "messages");
      error.limit = self->model_->context_length;
      return self->refuse(error);
    }
    self->submit(std::move(*prompt), sampling);
  });
}

void Generation::refuse(const WireError& error) {
  is_over_ = true;
  ticket_ = {};
  const Events events = std::exchange(events_, {});
  if (events.refused) events.refused(error);
}

void Generation::submit(Prompt prompt, engine::SamplingParams sampling) {
  const GenerationPorts& ports = owner_.ports_;
  engine::GenerationRequest request;
  request.id = request_ = ports.next_request_id();
  set_user(request, spec_.user.id);
  request.prompt_ids = std::move(prompt.ids);
  request.max_tokens = prompt.max_tokens;
  request.stop_ids = model_->eos_ids;
  request.ignore_eos = spec_.ignore_eos;
  request.sampling = std::move(sampling);
  request.seed = spec_.params.seed.value_or(random_number(ports.random) >> 11U);
  request.num_top_logprobs = spec_.num_top_logprobs;
  prompt_tokens_ = static_cast<std::int64_t>(request.prompt_ids.size());
  text_.emplace(model_->tokenizer, spec_.params.stop);
  stream_ = ports.engine.submit(std::move(request));
  owner_.by_request_.emplace(request_, shared_from_this());
  if (events_.started) events_.started();
}

void Generation::pull() {
  const engine::FinishedEvent* const finished =
      stream_->finished();  // before the tokens: it comes after the last one
  const bool grew = text_->pull(*stream_);
  if (text_->stopped()) {
    owner_.ports_.engine.cancel(request_);
    return end(GenerationEnd::stop);
  }
  if (finished) {
    text_->finish();
    switch (finished->reason) {
      case engine::FinishReason::stop:
        return end(GenerationEnd::stop);
      case engine::FinishReason::length:
        return end(text_->stopped() ? GenerationEnd::stop : GenerationEnd::length);
      case engine::FinishReason::cancelled:
        return end(GenerationEnd::shut_down);
      case engine::FinishReason::failed:
        return end(GenerationEnd::failed);
    }
  }
  if (grew && events_.progressed) events_.progressed();
}

void Generation::end(GenerationEnd how) {
  const auto self = shared_from_this();
  is_over_ = true;
  ticket_ = {};
  owner_.by_request_.erase(request_);
  const Events events = std::exchange(events_, {});
  if (events.ended) events.ended(how);
}

void Generation::cancel() {
  if (is_over_) return;
  const auto self = shared_from_this();
  is_over_ = true;
  ticket_ = {};
  events_ = {};
  if (!stream_) return;  // the prompt is still being built; it will find is_over_
  owner_.ports_.engine.cancel(request_);
  owner_.by_request_.erase(request_);
}

std::int64_t Generation::completion_tokens() const {
  const engine::FinishedEvent* const finished = stream_->finished();
  return finished && !text_->stopped() ? finished->completion_tokens
                                       : static_cast<std::int64_t>(text_->to());
}

std::int64_t Generation::cached_tokens() const {
  const engine::FinishedEvent* const finished = stream_->finished();
  return finished ? finished->cached_tokens : 0;
}

Generations::Generations(GenerationPorts ports) : ports_(std::move(ports)) {}
// Replies that still run are held by their own callbacks: those go.
Generations::~Generations() {
  for (const auto& [id, generation] : by_request_) {
    generation->ticket_ = {};
    generation->events_ = {};
  }
}

std::shared_ptr<Generation> Generations::start(GenerationSpec spec, Generation::Events events) {
  auto generation = std::make_shared<Generation>(*this, std::move(spec), std::move(events));
  generation->start();
  return generation;
}

void Generations::end_all() {
  while (!by_request_.empty()) {
    const auto& [id, first] = *by_request_.begin();
    const std::shared_ptr<Generation> generation = first;  // ending erases it
    ports_.engine.cancel(id);
    generation->end(GenerationEnd::shut_down);
  }
}

void Generations::engine_progressed(std::span<const engine::RequestId> changed) {
  for (const engine::RequestId id : changed) {
    const auto found = by_request_.find(id);
    if (found == by_request_.end()) continue;
    const std::shared_ptr<Generation> generation = found->second;  // ending erases it
    generation->pull();
  }
}

}  // namespace hearth::server
