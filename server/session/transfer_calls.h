// Conversations as a whole, out and in: what export and import ask of the history.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "engine/base/error.h"
#include "server/session/announce.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/limits.h"
#include "server/session/replies.h"
#include "server/session/text_port.h"
#include "server/session/user.h"

namespace hearth::server {

// On the service's thread.
class TransferCalls {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;

  TransferCalls(HistoryStore& store, Replies& replies, TextPort& text, Announce announce,
                const ServiceLimits& limits);

  // Pages of what somebody has, what is being written with its text so far.
  void list(const UserId& owner, std::string cursor, Done<ConversationPage> done);
  void load(const UserId& owner, const ConversationId& conversation, std::string cursor,
            Done<MessagePage> done);

  // The branch that is shown; of more than 8 MiB of text the end.
  void path(const UserId& owner, const ConversationId& conversation, Done<ConversationPath> done);

  // A place to read a file in; given back when it goes. Errors: busy (this user has one, or too
  // many others have), forbidden (of a key, or of whom nothing is kept).
  class Place;
  Result<std::shared_ptr<Place>> enter(const User& user);
  // Reads on the text worker; the place is held until `done` has run.
  void read(const std::shared_ptr<Place>& place, std::function<void()> work,
            std::function<void()> done);
  void import(const UserId& owner, ConversationImport conversation,
              Done<ImportedConversation> done);
  // Something came in: the user's sockets may refresh their lists.
  void announce(const UserId& owner);

  const ServiceLimits& limits() const { return limits_; }

 private:
  HistoryStore& store_;
  Replies& replies_;
  TextPort& text_;
  Announce announce_;
  const ServiceLimits& limits_;
  std::shared_ptr<std::unordered_set<UserId, IdHash>> importing_ =
      std::make_shared<std::unordered_set<UserId, IdHash>>();
  Lifetime lifetime_;
};

class TransferCalls::Place {
 public:
  Place(std::shared_ptr<std::unordered_set<UserId, IdHash>> taken, const UserId& user)
      : taken_(std::move(taken)), user_(user) {
    taken_->insert(user_);
  }
  ~Place() { taken_->erase(user_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  std::shared_ptr<std::unordered_set<UserId, IdHash>> taken_;
  UserId user_;
};

}  // namespace hearth::server
