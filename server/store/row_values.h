// How enumerations and lists stand in columns.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "server/session/records.h"
#include "server/session/user.h"

namespace hearth::server {

UserKind user_kind_of(const std::string& text);
Role role_of(const std::string& text);
MessageStatus status_of(const std::string& text);
EndReason end_reason_of(const std::string& text);
ErrorCode failure_code_of(const std::string& text);  // what ends a reply; others are engine_failed

Scope key_scope_of(const std::string& scopes);

std::vector<std::uint8_t> to_blob(const std::vector<MessageId>& ids);
std::vector<MessageId> ids_of(std::span<const std::uint8_t> blob);

// Tokens: four bytes each, lowest first.
std::vector<std::uint8_t> to_blob(const std::vector<TokenId>& ids);
std::vector<TokenId> token_ids_of(std::span<const std::uint8_t> blob);

// The status a row has after its reply ended for that reason.
inline MessageStatus status_after(EndReason reason) {
  return reason == EndReason::interrupted ? MessageStatus::interrupted : MessageStatus::done;
}

}  // namespace hearth::server
