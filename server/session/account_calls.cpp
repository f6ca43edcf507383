#include "server/session/account_calls.h"

#include <algorithm>
#include <utility>

namespace hearth::server {
namespace {

std::optional<Error> why_not(const User& user) {
  if (!user.has_row) {
    return Error{ErrorCode::forbidden,
                 "Nothing is kept of you here; ask for a session first (POST /api/v1/session)."};
  }
  if (user.scope != Scope::owner)
    return Error{ErrorCode::forbidden,
                 "A key may not do this; only the identity's own browser may."};
  return std::nullopt;
}

}  // namespace

void AccountCalls::usage(const User& user, Done<Usage> done) {
  if (!user.has_row) return done(Usage{});
  ports_.store.usage(user.id, std::move(done));
}

void AccountCalls::new_phrase(const User& user, Done<std::string> done) {
  if (auto reason = why_not(user)) return done(tl::unexpected(std::move(*reason)));
  ports_.identity.make_phrase(user.id, std::move(done));
}

void AccountCalls::end_access(const AccessEnd& end, const std::string& reason) {
  if (end.credential) ports_.sockets.close_of_credential(*end.credential, reason);
  if (end.user) ports_.sockets.close_of_user(*end.user, reason);
  if (access_ended_) access_ended_(end);
}

void AccountCalls::remove(const UserId& owner, const Sha256& hash, const std::string& reason,
                          Done<void> done) {
  ports_.store.remove_credential(
      owner, hash,
      lifetime_.guard([this, hash, reason, done = std::move(done)](const Result<void>& removed) {
        if (removed) {
          ports_.identity.forget(hash);
          end_access({.credential = hash}, reason);
        }
        done(removed);
      }));
}

void AccountCalls::leave(const User& user, Done<void> done) {
  if (auto reason = why_not(user)) return done(tl::unexpected(std::move(*reason)));
  if (user.credential == Sha256{}) return done({});  // of this machine: there is no cookie to end
  remove(user.id, user.credential, "this browser left", std::move(done));
}

void AccountCalls::erase(const User& user, Done<void> done) {
  if (auto reason = why_not(user)) return done(tl::unexpected(std::move(*reason)));
  ports_.turns.drop(user.id, nullptr);
  ports_.replies.end_now(user.id, nullptr);
  ports_.store.erase_user(
      user.id,
      lifetime_.guard([this, id = user.id, done = std::move(done)](const Result<void>& result) {
        if (result) erased(id);
        done(result);
      }));
}

// What began between the question and its answer ends, too.
void AccountCalls::erased(const UserId& user) {
  ports_.turns.drop(user, nullptr);
  ports_.replies.end_now(user, nullptr);
  ports_.replies.forget_user(user);
  ports_.identity.forget_user(user);
  end_access({.user = user}, "everything of this identity was deleted");
}

void AccountCalls::list_keys(const User& user, Done<std::vector<Credential>> done) {
  if (auto reason = why_not(user)) return done(tl::unexpected(std::move(*reason)));
  ports_.store.list_keys(user.id, std::move(done));
}

void AccountCalls::create_key(const User& user, KeyWish wish, Done<NewKey> done) {
  if (auto reason = why_not(user)) return done(tl::unexpected(std::move(*reason)));
  NewKey made{.secret = make_key(ports_.random)};
  made.credential = {.hash = sha256(made.secret),
                     .kind = CredentialKind::key,
                     .label = std::move(wish.label),
                     .scopes = to_string(wish.scope),
                     .created_ms = ports_.clock.unix_ms(),
                     .expires_ms = wish.expires_ms};
  ports_.store.add_credential(
      user.id, made.credential,
      lifetime_.guard([made, done = std::move(done)](const Result<void>& added) {
        if (!added) return done(tl::unexpected(added.error()));
        done(made);
      }));
}

void AccountCalls::revoke_key(const User& user, const std::string& id, Done<void> done) {
  list_keys(user, lifetime_.guard([this, owner = user.id, id, done = std::move(done)](
                                      const Result<std::vector<Credential>>& keys) {
    remove_key(owner, id, keys, done);
  }));
}

void AccountCalls::remove_key(const UserId& owner, const std::string& id,
                              const Result<std::vector<Credential>>& keys, Done<void> done) {
  if (!keys) return done(tl::unexpected(keys.error()));
  const auto key = std::find_if(keys->begin(), keys->end(),
                                [&](const Credential& one) { return key_id(one.hash) == id; });
  if (key == keys->end()) return done(fail(ErrorCode::not_found, "There is no such id here."));
  remove(owner, key->hash, "the key was revoked", std::move(done));
}

void AccountCalls::end_sessions(const UserId& user, Done<void> done) {
  if (ports_.identity.is_of_operator(user)) {
    return done(fail(ErrorCode::conflict,
                     "This is the user of one of your own keys: `hearth key revoke` ends it."));
  }
  ports_.store.remove_access(
      user, lifetime_.guard([this, user, done = std::move(done)](const Result<void>& removed) {
        if (removed) {
          ports_.turns.drop(user, nullptr);
          ports_.replies.end_now(user, nullptr);
          ports_.identity.forget_user(user);
          end_access({.user = user}, "the operator signed you out");
        }
        done(removed);
      }));
}

void AccountCalls::end_key(const UserId& user, const std::string& id, Done<void> done) {
  ports_.store.list_keys(user, lifetime_.guard([this, user, id, done = std::move(done)](
                                                   const Result<std::vector<Credential>>& keys) {
    remove_key(user, id, keys, done);
  }));
}

void AccountCalls::set_operator_keys(std::vector<OperatorKey> keys) {
  for (const Sha256& gone : ports_.identity.set_operator_keys(std::move(keys)))
    end_access({.credential = gone}, "the key was revoked");
}

}  // namespace hearth::server
