// Who asks: users by the hash of their secret (reliability ). Secrets are never kept,
// only their SHA-256.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "server/session/clock.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/limits.h"
#include "server/session/operator_key.h"
#include "server/session/peer_budget.h"
#include "server/session/session_grant.h"
#include "server/session/user.h"

namespace hearth::server {

// On the service's thread; callbacks come there, at once when the answer is known.
class Identity {
 public:
  Identity(HistoryStore& store, Clock clock, RandomBytes random, const ServiceLimits& limits);

  // Errors: invalid_parameter (name), forbidden (phrase), rate_limited, storage_unavailable.
  void open_session(SessionWish wish, std::function<void(Result<SessionGrant>)> done);
  // A cookie or a key. Errors: unauthorized, storage_unavailable.
  void authenticate(const std::string& secret, std::function<void(Result<User>)> done);
  void local_user(std::function<void(Result<User>)> done);

  // A new phrase in place of an older one.
  void make_phrase(const UserId& owner, std::function<void(Result<std::string>)> done);

  // The operator's keys from now on. Gives the hashes of those that hold no longer.
  std::vector<Sha256> set_operator_keys(std::vector<OperatorKey> keys);

  bool is_of_operator(const UserId& user) const;  // the user of one of those keys

  // What is remembered of a credential, or a user, that is no more.
  void forget(const Sha256& credential) { cached_.erase(credential); }
  void forget_user(const UserId& user);

 private:
  struct HashOfHash {
    std::size_t operator()(const Sha256& hash) const;
  };
  using Found = std::function<void(Result<std::optional<User>>)>;
  using Granted = std::function<void(Result<SessionGrant>)>;

  void find(const Sha256& credential, Found done);
  void find_operator_key(const OperatorKey& key, Found done);
  void remember(const Sha256& credential, const User& user);
  void make_guest(const SessionWish& wish, Granted done);
  void rename(const Sha256& credential, User user, std::string name, Granted done);
  void recover(const SessionWish& wish, Granted done);
  void give_cookie(User user, Granted done);
  std::string new_secret() const;

  HistoryStore& store_;
  Clock clock_;
  RandomBytes random_;
  std::size_t cached_max_;
  PeerBudget new_identities_;
  PeerBudget wrong_phrases_;
  std::unordered_map<Sha256, User, HashOfHash> cached_;
  std::unordered_map<Sha256, OperatorKey, HashOfHash> operator_keys_;
  std::unordered_set<UserId, IdHash> operator_users_;  // whose rows are there
  std::optional<User> local_;
  Lifetime lifetime_;
};

}  // namespace hearth::server
