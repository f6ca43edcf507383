// The wire names of session's enumerations, in one place.
#include "server/session/model_info.h"
#include "server/session/prompt_builder.h"
#include "server/session/records.h"
#include "server/session/resumed.h"
#include "server/session/user.h"

namespace hearth::server {

const char* to_string(UserKind kind) {
  switch (kind) {
    case UserKind::guest:
      return "guest";
    case UserKind::local:
      return "local";
  }
  return "guest";
}

const char* to_string(Scope scope) {
  switch (scope) {
    case Scope::owner:
      return "owner";
    case Scope::chat:
      return "chat";
    case Scope::read:
      return "read";
  }
  return "read";
}

const char* to_string(CredentialKind kind) {
  switch (kind) {
    case CredentialKind::cookie:
      return "cookie";
    case CredentialKind::key:
      return "key";
    case CredentialKind::recovery:
      return "recovery";
  }
  return "cookie";
}

const char* to_string(ModelState state) {
  switch (state) {
    case ModelState::loading:
      return "loading";
    case ModelState::ready:
      return "ready";
    case ModelState::failed:
      return "failed";
  }
  return "failed";
}

const char* to_string(Role role) {
  switch (role) {
    case Role::system:
      return "system";
    case Role::user:
      return "user";
    case Role::assistant:
      return "assistant";
  }
  return "user";
}

const char* to_string(MessageStatus status) {
  switch (status) {
    case MessageStatus::queued:
      return "queued";
    case MessageStatus::streaming:
      return "streaming";
    case MessageStatus::done:
      return "done";
    case MessageStatus::interrupted:
      return "interrupted";
  }
  return "interrupted";
}

const char* to_string(EndReason reason) {
  switch (reason) {
    case EndReason::stop:
      return "stop";
    case EndReason::length:
      return "length";
    case EndReason::cancelled:
      return "cancelled";
    case EndReason::failed:
      return "failed";
    case EndReason::interrupted:
      return "interrupted";
  }
  return "failed";
}

const char* to_string(Resumed::Kind kind) {
  switch (kind) {
    case Resumed::Kind::none:
      return "none";
    case Resumed::Kind::full:
      return "full";
    case Resumed::Kind::snapshot:
      return "snapshot";
  }
  return "none";
}

EndReason from_engine(engine::FinishReason reason) {
  switch (reason) {
    case engine::FinishReason::stop:
      return EndReason::stop;
    case engine::FinishReason::length:
      return EndReason::length;
    case engine::FinishReason::cancelled:
      return EndReason::cancelled;
    case engine::FinishReason::failed:
      return EndReason::failed;
  }
  return EndReason::failed;
}

}  // namespace hearth::server
