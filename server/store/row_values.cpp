#include "server/store/row_values.h"

#include <algorithm>
#include <array>

namespace hearth::server {
namespace {

// Values are written with to_string, so reading is its inverse; unknown words come only from a
// damaged file.
template <class Enum, std::size_t N>
Enum named(const std::string& text, const std::array<Enum, N>& values, Enum otherwise) {
  const auto found = std::find_if(values.begin(), values.end(),
                                  [&](Enum value) { return text == to_string(value); });
  return found == values.end() ? otherwise : *found;
}

}  // namespace

UserKind user_kind_of(const std::string& text) {
  return named(text, std::array{UserKind::guest, UserKind::local}, UserKind::guest);
}

Role role_of(const std::string& text) {
  return named(text, std::array{Role::system, Role::user, Role::assistant}, Role::user);
}

MessageStatus status_of(const std::string& text) {
  return named(text,
               std::array{MessageStatus::queued, MessageStatus::streaming, MessageStatus::done,
                          MessageStatus::interrupted},
               MessageStatus::interrupted);
}

EndReason end_reason_of(const std::string& text) {
  return named(text,
               std::array{EndReason::stop, EndReason::length, EndReason::cancelled,
                          EndReason::failed, EndReason::interrupted},
               EndReason::failed);
}

ErrorCode failure_code_of(const std::string& text) {
  return named(text,
               std::array{ErrorCode::engine_failed, ErrorCode::out_of_memory, ErrorCode::internal},
               ErrorCode::engine_failed);
}

// A scope this program does not know may do the least.
Scope key_scope_of(const std::string& scopes) {
  return scopes == "chat" ? Scope::chat : Scope::read;
}

std::vector<std::uint8_t> to_blob(const std::vector<TokenId>& ids) {
  std::vector<std::uint8_t> blob;
  blob.reserve(ids.size() * 4);
  for (const TokenId id : ids) {
    const auto bits = static_cast<std::uint32_t>(id);
    for (const unsigned shift : {0U, 8U, 16U, 24U}) {
      blob.push_back(static_cast<std::uint8_t>(bits >> shift));
    }
  }
  return blob;
}

std::vector<TokenId> token_ids_of(std::span<const std::uint8_t> blob) {
  std::vector<TokenId> ids;
  ids.reserve(blob.size() / 4);
  for (std::size_t i = 0; i + 4 <= blob.size(); i += 4) {
    std::uint32_t bits = 0;
    for (std::size_t byte = 0; byte < 4; ++byte) {
      bits |= static_cast<std::uint32_t>(blob[i + byte]) << (8 * byte);
    }
    ids.push_back(static_cast<TokenId>(bits));
  }
  return ids;
}

std::vector<std::uint8_t> to_blob(const std::vector<MessageId>& ids) {
  std::vector<std::uint8_t> blob;
  for (const MessageId& id : ids) blob.insert(blob.end(), id.bytes.begin(), id.bytes.end());
  return blob;
}

std::vector<MessageId> ids_of(std::span<const std::uint8_t> blob) {
  std::vector<MessageId> ids(blob.size() / sizeof(MessageId::bytes));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto one = blob.subspan(i * sizeof(MessageId::bytes), sizeof(MessageId::bytes));
    std::copy(one.begin(), one.end(), ids[i].bytes.begin());
  }
  return ids;
}

}  // namespace hearth::server
