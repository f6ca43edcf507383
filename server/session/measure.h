// context.measure: what a message would cost, exactly, before it is sent.
#pragma once

#include <memory>
#include <unordered_map>

#include "server/session/connection.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/limits.h"
#include "server/session/model_info.h"
#include "server/session/text_port.h"

namespace hearth::server {

// On the service's thread. For each socket one question is worked on and the newest waits: people
// type faster than a long conversation is tokenised.
class Measurer {
 public:
  Measurer(HistoryStore& store, TextPort& text, const ModelStatus& model,
           const ServiceLimits& limits);

  void measure(const std::shared_ptr<Connection>& asker, ContextMeasure message);

 private:
  struct Question;
  using QuestionRef = std::shared_ptr<Question>;

  void work(const QuestionRef& question);
  void build(const QuestionRef& question, const ConversationPath& path);
  void answer(const QuestionRef& question, const tl::expected<Prompt, PromptError>& prompt);
  void finish(const QuestionRef& question);
  void refuse(const QuestionRef& question, const WireError& error);

  HistoryStore& store_;
  TextPort& text_;
  const ModelStatus& model_;
  const ServiceLimits& limits_;
  struct Desk {
    QuestionRef at_work;
    QuestionRef waiting;
  };
  std::unordered_map<SessionId, Desk, IdHash> desks_;  // only of sockets with a question
  Lifetime lifetime_;
};

}  // namespace hearth::server
