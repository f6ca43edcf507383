// Which part answers which request of a ready connection.
#pragma once

#include <memory>

#include "server/session/connection.h"
#include "server/session/history_calls.h"
#include "server/session/measure.h"
#include "server/session/model_info.h"
#include "server/session/replies.h"
#include "server/session/tree_calls.h"
#include "server/session/turn_starter.h"

namespace hearth::server {

// On the service's thread.
class Requests {
 public:
  struct Parts {
    TurnStarter& turns;
    HistoryCalls& history;
    TreeCalls& tree;
    Measurer& measurer;
    Replies& replies;
    const ModelStatus& model;
  };

  explicit Requests(Parts parts) : parts_(parts) {}

  // Anything but hello. What the asker's key does not allow is answered with forbidden.
  void handle(const std::shared_ptr<Connection>& from, ClientMessage message);

 private:
  void step(const std::shared_ptr<Connection>& from, const ChatStep& message);

  Parts parts_;
};

}  // namespace hearth::server
