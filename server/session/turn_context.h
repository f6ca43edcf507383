// From a request to its prompt: what it hangs under, what the model will see (DESIGN §3, step 7).
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "server/session/clock.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/limits.h"
#include "server/session/pending_turn.h"
#include "server/session/replies.h"
#include "server/session/text_port.h"
#include "server/session/trace_calls.h"

namespace hearth::server {

// On the service's thread. Needs the turn's owner, message, model and ticket; fills in the rest but
// the reply's row.
class TurnContext {
 public:
  struct Ports {
    TextPort& text;
    HistoryStore& store;
    Replies& replies;
    TraceCalls& traces;
    Clock clock;
    RandomBytes random;
  };
  // Called once for each turn, with the reason if it cannot be.
  using Ready = std::function<void(const TurnRef&, const std::optional<WireError>&)>;

  TurnContext(Ports ports, const ServiceLimits& limits, Ready ready);

  void prepare(const TurnRef& turn);

 private:
  void check_parent(const TurnRef& turn, ConversationPath path);
  void check_continued(const TurnRef& turn);
  void load_branch(const TurnRef& turn);
  void choose_settings(const TurnRef& turn);
  void build_prompt(const TurnRef& turn);
  void check_branch(const TurnRef& turn);
  void refuse(const TurnRef& turn, const WireError& error) { ready_(turn, error); }

  Ports ports_;
  const ServiceLimits& limits_;
  Ready ready_;
  Lifetime lifetime_;
};

}  // namespace hearth::server
