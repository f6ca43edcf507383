// From chat.create to a running reply: idempotency, admission, history, prompt, one transaction,
// `accepted` (DESIGN §3, steps 5–8).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/session/admission.h"
#include "server/session/announce.h"
#include "server/session/connection.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/model_info.h"
#include "server/session/replies.h"
#include "server/session/text_port.h"
#include "server/session/trace_calls.h"

namespace hearth::server {

struct TurnPorts {
  TextPort& text;
  HistoryStore& store;
  Replies& replies;
  Admission& admission;
  TraceCalls& traces;
  const ModelStatus& model;
  Clock clock;
  RandomBytes random;
  std::function<engine::RequestId()> next_request_id;
  Announce announce;
};

// On the service's thread. Each step ends in the next one or in refuse(): no request goes without
// an answer, and once the rows are stored the reply starts whether or not its asker is still there.
class TurnStarter {
 public:
  TurnStarter(TurnPorts ports, const ServiceLimits& limits);

  void create(const std::shared_ptr<Connection>& asker, ChatCreate message);

  // Something was asked and is not answered yet.
  bool is_busy() const { return !in_flight_.empty(); }

 private:
  struct Turn;
  using TurnRef = std::shared_ptr<Turn>;

  Turn* in_flight(const UserId& owner, const std::string& client_id);
  void answer_known(const TurnRef& turn, const KnownRequest& known);
  void admit(const TurnRef& turn);
  void load_history(const TurnRef& turn);
  void check_parent(const TurnRef& turn, ConversationPath path);
  void check_continued(const TurnRef& turn);
  void load_branch(const TurnRef& turn);
  void build_prompt(const TurnRef& turn);
  void check_branch(const TurnRef& turn, Prompt prompt);
  void store_rows(const TurnRef& turn, Prompt prompt);
  static void write_on(Turn& turn);
  void begin(const TurnRef& turn);
  void refuse(const TurnRef& turn, const WireError& error);
  void forget(const TurnRef& turn);

  TurnPorts ports_;
  const ServiceLimits& limits_;
  std::vector<TurnRef> in_flight_;
  Lifetime lifetime_;
};

}  // namespace hearth::server
