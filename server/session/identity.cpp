#include "server/session/identity.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "server/session/phrase.h"

namespace hearth::server {
namespace {

constexpr std::size_t kNameBytesMax = 120;
constexpr std::size_t kSecretBytesMax = 256;

bool is_good_name(const std::string& name) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return name.size() <= kNameBytesMax && std::none_of(name.begin(), name.end(), is_control);
}

// A user of a loopback server without keys; the same row at every start.
User local() {
  User user{.id = {}, .kind = UserKind::local, .name = ""};
  user.id.bytes.back() = 1;
  return user;
}

}  // namespace

std::size_t Identity::HashOfHash::operator()(const Sha256& hash) const {
  std::size_t value = 0;
  std::memcpy(&value, hash.data(), sizeof value);
  return value;
}

Identity::Identity(HistoryStore& store, Clock clock, RandomBytes random,
                   const ServiceLimits& limits)
    : store_(store),
      clock_(std::move(clock)),
      random_(std::move(random)),
      cached_max_(limits.cached_credentials),
      new_identities_(limits.identities_per_s, limits.identities_burst, clock_),
      wrong_phrases_(limits.phrases_per_s, limits.phrases_burst, clock_) {}

void Identity::remember(const Sha256& credential, const User& user) {
  if (cached_.size() >= cached_max_) cached_.clear();  // rare, and the store knows them all
  cached_[credential] = user;
}

// The lookup is by hash, so its time tells nothing of any secret.
void Identity::find(const Sha256& credential, Found done) {
  const auto found = cached_.find(credential);
  if (found != cached_.end()) {
    done(std::optional<User>(found->second));
    return;
  }
  const auto key = operator_keys_.find(credential);
  if (key != operator_keys_.end()) return find_operator_key(key->second, std::move(done));
  store_.find_user(credential, clock_.unix_ms(),
                   lifetime_.guard([this, credential, done = std::move(done)](
                                       const Result<std::optional<User>>& user) {
                     // Keys expire and are revoked: they are looked up each time.
                     if (user && *user && (*user)->scope == Scope::owner)
                       remember(credential, **user);
                     done(user);
                   }));
}

// Its user's row is made when the key is used first.
void Identity::find_operator_key(const OperatorKey& key, Found done) {
  if (key.expires_ms.value_or(INT64_MAX) <= clock_.unix_ms()) return done(std::optional<User>());
  const User user{.id = key.user,
                  .kind = UserKind::guest,
                  .name = key.label,
                  .scope = key.scope,
                  .credential = key.hash,
                  .expires_ms = key.expires_ms};
  if (operator_users_.contains(user.id)) return done(std::optional<User>(user));
  store_.create_user(
      user, std::nullopt, clock_.unix_ms(),
      lifetime_.guard([this, user, done = std::move(done)](const Result<void>& result) {
        if (!result) return done(tl::unexpected(result.error()));
        operator_users_.insert(user.id);
        done(std::optional<User>(user));
      }));
}

std::vector<Sha256> Identity::set_operator_keys(std::vector<OperatorKey> keys) {
  std::unordered_map<Sha256, OperatorKey, HashOfHash> present;
  for (OperatorKey& key : keys) present.emplace(key.hash, std::move(key));
  std::vector<Sha256> gone;
  for (const auto& [hash, key] : operator_keys_) {
    if (!present.contains(hash)) gone.push_back(hash);
  }
  operator_keys_ = std::move(present);
  return gone;
}

bool Identity::is_of_operator(const UserId& user) const {
  return std::any_of(operator_keys_.begin(), operator_keys_.end(),
                     [&](const auto& entry) { return entry.second.user == user; });
}

void Identity::forget_user(const UserId& user) {
  std::erase_if(cached_, [&](const auto& entry) { return entry.second.id == user; });
  operator_users_.erase(user);
  if (local_ && local_->id == user) local_.reset();
}

void Identity::authenticate(const std::string& secret, std::function<void(Result<User>)> done) {
  if (secret.empty() || secret.size() > kSecretBytesMax) {
    done(fail(ErrorCode::unauthorized, "This credential is not known here."));
    return;
  }
  find(sha256(secret), [done = std::move(done)](const Result<std::optional<User>>& user) {
    if (!user) {
      done(tl::unexpected(user.error()));
    } else if (!*user) {
      done(fail(ErrorCode::unauthorized, "This credential is not known here."));
    } else {
      done(**user);
    }
  });
}

void Identity::open_session(SessionWish wish, Granted done) {
  if (wish.name && !is_good_name(*wish.name)) {
    done(fail(ErrorCode::invalid_parameter,
              "name must have at most 120 bytes and no control characters."));
    return;
  }
  if (wish.phrase) return recover(wish, std::move(done));
  if (!wish.secret || wish.secret->empty() || wish.secret->size() > kSecretBytesMax)
    return make_guest(wish, std::move(done));
  const Sha256 credential = sha256(*wish.secret);
  find(credential, [this, credential, wish = std::move(wish),
                    done = std::move(done)](const Result<std::optional<User>>& user) {
    if (!user) {
      done(tl::unexpected(user.error()));
    } else if (!*user) {
      make_guest(wish, done);  // a secret we do not know is never adopted
    } else if (wish.name && *wish.name != (*user)->name) {
      rename(credential, **user, *wish.name, done);
    } else {
      done(SessionGrant{**user, std::nullopt});
    }
  });
}

std::string Identity::new_secret() const {
  std::array<std::uint8_t, 32> bytes{};
  random_(bytes);
  return to_hex(bytes);
}

void Identity::make_guest(const SessionWish& wish, Granted done) {
  if (!new_identities_.take(wish.peer)) {
    return done(fail(ErrorCode::rate_limited,
                     "Many newcomers came from your address just now; wait a little."));
  }
  const std::string secret = new_secret();
  const User user{.id = new_id<UserId>(random_),
                  .kind = UserKind::guest,
                  .name = wish.name.value_or(""),
                  .credential = sha256(secret)};
  store_.create_user(
      user, sha256(secret), clock_.unix_ms(),
      lifetime_.guard([this, user, secret, done = std::move(done)](const Result<void>& result) {
        if (!result) return done(tl::unexpected(result.error()));
        remember(sha256(secret), user);
        done(SessionGrant{user, secret});
      }));
}

// Above the bound even the right phrase is refused, so that an answer tells a guesser nothing.
void Identity::recover(const SessionWish& wish, Granted done) {
  if (!wrong_phrases_.has(wish.peer)) {
    return done(fail(ErrorCode::rate_limited,
                     "Too many wrong phrases came from your address; wait a little."));
  }
  const auto wrong = [this, peer = wish.peer, done] {
    wrong_phrases_.take(peer);
    done(fail(ErrorCode::forbidden, "Nobody here has this recovery phrase."));
  };
  const auto hash = hash_of_phrase(*wish.phrase);
  if (!hash) return wrong();
  store_.find_user(*hash, clock_.unix_ms(),
                   lifetime_.guard([this, wrong, done](const Result<std::optional<User>>& user) {
                     if (!user) return done(tl::unexpected(user.error()));
                     if (!*user) return wrong();
                     give_cookie(**user, done);
                   }));
}

void Identity::give_cookie(User user, Granted done) {
  const std::string secret = new_secret();
  user.credential = sha256(secret);
  user.scope = Scope::owner;
  store_.add_credential(
      user.id, {.hash = user.credential, .created_ms = clock_.unix_ms()},
      lifetime_.guard([this, user, secret, done = std::move(done)](const Result<void>& result) {
        if (!result) return done(tl::unexpected(result.error()));
        remember(user.credential, user);
        done(SessionGrant{user, secret});
      }));
}

void Identity::make_phrase(const UserId& owner, std::function<void(Result<std::string>)> done) {
  const std::string phrase = server::make_phrase(random_);
  store_.add_credential(
      owner,
      {.hash = *hash_of_phrase(phrase),
       .kind = CredentialKind::recovery,
       .created_ms = clock_.unix_ms()},
      lifetime_.guard([phrase, done = std::move(done)](const Result<void>& result) {
        if (!result) return done(tl::unexpected(result.error()));
        done(phrase);
      }));
}

void Identity::rename(const Sha256& credential, User user, std::string name,
                      std::function<void(Result<SessionGrant>)> done) {
  user.name = std::move(name);
  store_.rename_user(
      user.id, user.name,
      lifetime_.guard([this, credential, user, done = std::move(done)](const Result<void>& result) {
        if (!result) {
          done(tl::unexpected(result.error()));
          return;
        }
        remember(credential, user);
        done(SessionGrant{user, std::nullopt});
      }));
}

void Identity::local_user(std::function<void(Result<User>)> done) {
  if (local_) {
    done(*local_);
    return;
  }
  store_.create_user(local(), std::nullopt, clock_.unix_ms(),
                     lifetime_.guard([this, done = std::move(done)](const Result<void>& result) {
                       if (!result) {
                         done(tl::unexpected(result.error()));
                         return;
                       }
                       local_ = local();
                       done(*local_);
                     }));
}

}  // namespace hearth::server
