#include "server/session/identity.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "server/session/chat_service.h"

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

Identity::Identity(HistoryStore& store, Clock clock, RandomBytes random, std::size_t cached_max)
    : store_(store),
      clock_(std::move(clock)),
      random_(std::move(random)),
      cached_max_(cached_max) {}

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
  store_.find_user(credential, clock_.unix_ms(),
                   lifetime_.guard([this, credential, done = std::move(done)](
                                       const Result<std::optional<User>>& user) {
                     // Keys expire and are revoked: they are looked up each time.
                     if (user && *user && (*user)->scope == Scope::owner)
                       remember(credential, **user);
                     done(user);
                   }));
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

void Identity::open_session(std::optional<std::string> secret, std::optional<std::string> name,
                            std::function<void(Result<SessionGrant>)> done) {
  if (name && !is_good_name(*name)) {
    done(fail(ErrorCode::invalid_parameter,
              "name must have at most 120 bytes and no control characters."));
    return;
  }
  if (!secret || secret->empty() || secret->size() > kSecretBytesMax) {
    make_guest(name.value_or(""), std::move(done));
    return;
  }
  const Sha256 credential = sha256(*secret);
  find(credential, [this, credential, name = std::move(name),
                    done = std::move(done)](const Result<std::optional<User>>& user) {
    if (!user) {
      done(tl::unexpected(user.error()));
    } else if (!*user) {
      make_guest(name.value_or(""), done);  // a secret we do not know is never adopted
    } else if (name && *name != (*user)->name) {
      rename(credential, **user, *name, done);
    } else {
      done(SessionGrant{**user, std::nullopt});
    }
  });
}

void Identity::make_guest(const std::string& name, std::function<void(Result<SessionGrant>)> done) {
  std::array<std::uint8_t, 32> bytes{};
  random_(bytes);
  const std::string secret = to_hex(bytes);
  const User user{.id = new_id<UserId>(random_),
                  .kind = UserKind::guest,
                  .name = name,
                  .credential = sha256(secret)};
  store_.create_user(
      user, sha256(secret), clock_.unix_ms(),
      lifetime_.guard([this, user, secret, done = std::move(done)](const Result<void>& result) {
        if (!result) {
          done(tl::unexpected(result.error()));
          return;
        }
        remember(sha256(secret), user);
        done(SessionGrant{user, secret});
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
