#include "server/session/measure.h"

#include <utility>

#include "server/session/events.h"
#include "server/session/prompt_history.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

struct Measurer::Question {
  SessionId desk;
  std::weak_ptr<Connection> asker;
  UserId owner;
  ChatCreate draft;
  std::shared_ptr<const ModelInfo> model;
  std::vector<MessageId> left_out{};
};

Measurer::Measurer(HistoryStore& store, TextPort& text, const ModelStatus& model,
                   const ServiceLimits& limits)
    : store_(store), text_(text), model_(model), limits_(limits) {}

void Measurer::measure(const std::shared_ptr<Connection>& asker, ContextMeasure message) {
  auto question = std::make_shared<Question>(
      Question{asker->session(), asker, asker->user()->id, std::move(message.draft), nullptr, {}});
  Desk& desk = desks_[question->desk];
  if (!desk.at_work) {
    desk.at_work = question;
    work(question);
    return;
  }
  if (const QuestionRef older = std::exchange(desk.waiting, question)) {
    asker->send_error(older->draft.id, {.code = ErrorCode::superseded,
                                        .detail = "A newer context.measure took its place."});
  }
}

void Measurer::work(const QuestionRef& question) {
  if (model_.state != ModelState::ready) {
    const bool failed = model_.state == ModelState::failed;
    return refuse(question,
                  {.code = failed ? ErrorCode::model_failed : ErrorCode::model_loading,
                   .detail = failed ? "The model could not be loaded." : "The model is loading."});
  }
  question->model = model_.info;
  if (!question->draft.conversation) {
    Conversation fresh;
    fresh.system = question->draft.system.value_or("");
    return build(question, {std::move(fresh), {}});
  }
  store_.load_path(question->owner, *question->draft.conversation, question->draft.parent,
                   history_bytes_max(model_.info->context_length),
                   lifetime_.guard([this, question](Result<ConversationPath> path) {
                     if (path) {
                       question->left_out = take_left_out(*path);
                       build(question, *path);
                     } else {
                       refuse(question, WireError::of(path.error()));
                     }
                   }));
}

void Measurer::build(const QuestionRef& question, const ConversationPath& path) {
  const ChatCreate& draft = question->draft;
  PromptJob job{.model = question->model,
                .system = draft.system.value_or(path.conversation.system),
                .turns = {},
                .max_tokens = draft.params ? draft.params->max_tokens : std::nullopt,
                .max_tokens_limit = limits_.max_tokens,
                .reply_room = limits_.reply_room,
                .thinks = !draft.params || draft.params->thinking_budget != 0,
                .measures = true};
  for (const Message& past : path.messages) job.turns.push_back({past.id, past.role, past.content});
  if (!draft.content.empty()) job.turns.push_back({{}, Role::user, draft.content});
  job.content = draft.content;
  if (job.turns.empty()) return answer(question, Prompt{});
  text_.build(std::move(job),
              lifetime_.guard([this, question](const tl::expected<Prompt, PromptError>& prompt) {
                answer(question, prompt);
              }));
}

void Measurer::answer(const QuestionRef& question,
                      const tl::expected<Prompt, PromptError>& prompt) {
  json data = {{"fits", prompt.has_value()}};
  if (prompt) {
    json dropped = json::array();
    for (const MessageId& id : question->left_out) dropped.push_back(to_string(id));
    for (const MessageId& id : prompt->dropped) dropped.push_back(to_string(id));
    const auto prompt_tokens = static_cast<std::int64_t>(prompt->ids.size());
    data["prompt_tokens"] = prompt_tokens;
    data["content_tokens"] = prompt->content_tokens;
    data["system_tokens"] = prompt->system_tokens;
    data["context_length"] = question->model->context_length;
    data["max_tokens"] = prompt->max_tokens;
    data["dropped"] = std::move(dropped);
    data["dropped_tokens"] = prompt->dropped_tokens;
    data["costs"] = json::array();
    for (const ExchangeCost& cost : prompt->costs)
      data["costs"].push_back({{"message", to_string(cost.question)}, {"tokens", cost.tokens}});
  } else if (prompt.error().error.code == ErrorCode::context_length_exceeded) {
    data["content_tokens"] = prompt.error().content_tokens;
    data["context_length"] = question->model->context_length;
    data["needed"] = prompt.error().needed;
    data["limit"] = prompt.error().limit;
  } else {
    return refuse(question, WireError::of(prompt.error().error));
  }
  if (const auto asker = question->asker.lock()) {
    asker->send(result_event(question->draft.id, std::move(data)));
  }
  finish(question);
}

void Measurer::refuse(const QuestionRef& question, const WireError& error) {
  if (const auto asker = question->asker.lock()) asker->send_error(question->draft.id, error);
  finish(question);
}

void Measurer::finish(const QuestionRef& question) {
  const auto desk = desks_.find(question->desk);
  if (desk == desks_.end()) return;
  const QuestionRef next = std::exchange(desk->second.waiting, nullptr);
  desk->second.at_work = next;
  if (!next) {
    desks_.erase(desk);
  } else {
    work(next);
  }
}

}  // namespace hearth::server
