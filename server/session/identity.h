// Who asks: users by the hash of their secret (reliability ). Secrets are never kept,
// only their SHA-256.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "server/session/clock.h"
#include "server/session/history_store.h"
#include "server/session/lifetime.h"
#include "server/session/user.h"

namespace hearth::server {

struct SessionGrant;

// On the service's thread; callbacks come there, at once when the answer is known.
class Identity {
 public:
  Identity(HistoryStore& store, Clock clock, RandomBytes random, std::size_t cached_max);

  void open_session(std::optional<std::string> secret, std::optional<std::string> name,
                    std::function<void(Result<SessionGrant>)> done);
  void authenticate(const std::string& secret, std::function<void(Result<User>)> done);
  void local_user(std::function<void(Result<User>)> done);

 private:
  struct HashOfHash {
    std::size_t operator()(const Sha256& hash) const;
  };
  using Found = std::function<void(Result<std::optional<User>>)>;

  void find(const Sha256& credential, Found done);
  void remember(const Sha256& credential, const User& user);
  void make_guest(const std::string& name, std::function<void(Result<SessionGrant>)> done);
  void rename(const Sha256& credential, User user, std::string name,
              std::function<void(Result<SessionGrant>)> done);

  HistoryStore& store_;
  Clock clock_;
  RandomBytes random_;
  std::size_t cached_max_;
  std::unordered_map<Sha256, User, HashOfHash> cached_;
  std::optional<User> local_;
  Lifetime lifetime_;
};

}  // namespace hearth::server
