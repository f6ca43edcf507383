// What a person may do with their own identity: recovery, keys, leaving, erasing (PROTOCOL §6); and
// how the operator ends what somebody came in with.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "server/session/clock.h"
#include "server/session/history_store.h"
#include "server/session/identity.h"
#include "server/session/lifetime.h"
#include "server/session/replies.h"
#include "server/session/sockets.h"
#include "server/session/turn_starter.h"
#include "server/session/user.h"

namespace hearth::server {

struct KeyWish {
  std::string label{};
  Scope scope = Scope::chat;
  std::optional<std::int64_t> expires_ms{};
};

struct NewKey {
  std::string secret{};  // shown this once
  Credential credential{};
};

// Whose access ended: a credential, or a user with all of theirs. For what the HTTP side still does
// for them.
struct AccessEnd {
  std::optional<Sha256> credential{};
  std::optional<UserId> user{};
  bool concerns(const User& other) const {
    return credential ? other.credential == *credential : other.id == user;
  }
};

// On the service's thread. Errors of all but usage: forbidden (with a key, or for somebody of whom
// nothing is kept), and the store's.
class AccountCalls {
 public:
  struct Ports {
    HistoryStore& store;
    Identity& identity;
    Replies& replies;
    TurnStarter& turns;
    Sockets& sockets;
    Clock clock;
    RandomBytes random;
  };
  template <class T>
  using Done = std::function<void(Result<T>)>;

  explicit AccountCalls(Ports ports) : ports_(std::move(ports)) {}

  void usage(const User& user, Done<Usage> done);
  void new_phrase(const User& user, Done<std::string> done);
  // This browser's cookie is no longer good; its sockets close.
  void leave(const User& user, Done<void> done);
  // The user and everything of theirs; their replies end, their sockets close.
  void erase(const User& user, Done<void> done);

  void list_keys(const User& user, Done<std::vector<Credential>> done);
  void create_key(const User& user, KeyWish wish, Done<NewKey> done);         // + quota_exceeded
  void revoke_key(const User& user, const std::string& id, Done<void> done);  // + not_found

  // By the operator. All cookies and keys of that user hold no longer, their sockets close and
  // their replies stop; a recovery phrase brings them back. Errors: not_found, conflict (a user of
  // one of the operator's own keys, which end in their file).
  void end_sessions(const UserId& user, Done<void> done);
  void end_key(const UserId& user, const std::string& id, Done<void> done);  // that key alone

  // Those of the operator from now on; what those that are gone had open ends.
  void set_operator_keys(std::vector<OperatorKey> keys);

  // Told of each end, after the sockets were closed.
  void on_access_end(std::function<void(const AccessEnd&)> callback) {
    access_ended_ = std::move(callback);
  }

 private:
  void end_access(const AccessEnd& end, const std::string& reason);
  void remove_key(const UserId& owner, const std::string& id,
                  const Result<std::vector<Credential>>& keys, Done<void> done);
  void remove(const UserId& owner, const Sha256& hash, const std::string& reason, Done<void> done);
  void erased(const UserId& user);

  Ports ports_;
  std::function<void(const AccessEnd&)> access_ended_;
  Lifetime lifetime_;
};

}  // namespace hearth::server
