// From chat.create to a running reply: idempotency, admission, one transaction, `accepted` (DESIGN
// §3, steps 5–8). The prompt between them is turn_context.h's, what is stored turn_rows.h's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/session/admission.h"
#include "server/session/announce.h"
#include "server/session/connection.h"
#include "server/session/ended_replies.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/model_info.h"
#include "server/session/pending_turn.h"
#include "server/session/replies.h"
#include "server/session/text_port.h"
#include "server/session/trace_calls.h"
#include "server/session/turn_context.h"

namespace hearth::server {

struct TurnPorts {
  TextPort& text;
  HistoryStore& store;
  Replies& replies;
  EndedReplies& ended;
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

  // What is on its way in a conversation that is being deleted (null: in all of the owner's) ends
  // with not_found, also if its rows are stored already.
  void drop(const UserId& owner, const ConversationId* conversation);

  // Something was asked and is not answered yet, by anybody or by this one.
  bool is_busy() const { return !in_flight_.empty(); }
  bool is_asked_by(const Connection& asker) const;

 private:
  PendingTurn* in_flight(const UserId& owner, const std::string& client_id);
  bool join(const std::shared_ptr<Connection>& asker, const ChatCreate& message);
  void answer_known(const TurnRef& turn, const KnownRequest& known);
  void admit(const TurnRef& turn);
  void store_rows(const TurnRef& turn);
  void begin(const TurnRef& turn);
  void take_back(const TurnRef& turn);
  void refuse(const TurnRef& turn, const WireError& error);
  void forget(const TurnRef& turn);

  TurnPorts ports_;
  const ServiceLimits& limits_;
  TurnContext context_;
  std::vector<TurnRef> in_flight_;
  Lifetime lifetime_;
};

}  // namespace hearth::server
