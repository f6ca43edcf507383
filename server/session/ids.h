// 128-bit random ids (reliability R-07): unguessable, made by the server, 32 hex digits on the
// wire.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hearth::server {

// A distinct type for each kind of thing, so that a message's id cannot stand where a user's is
// meant.
template <class Tag>
struct Id {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Id&) const = default;
};

using UserId = Id<struct UserTag>;
using ConversationId = Id<struct ConversationTag>;
using MessageId = Id<struct MessageTag>;  // also the stream id of a reply
using SessionId = Id<struct SessionTag>;  // one socket's resume handle; also the epoch of a process

// Fills the span with random bytes; cannot fail. system_random() (crypto.h) in the server, a
// counter in tests.
using RandomBytes = std::function<void(std::span<std::uint8_t>)>;

template <class IdType>
IdType new_id(const RandomBytes& random) {
  IdType id;
  random(id.bytes);
  return id;
}

std::string to_hex(std::span<const std::uint8_t> bytes);
// False unless text is exactly 2 × out.size() hex digits in lower case.
bool from_hex(std::string_view text, std::span<std::uint8_t> out);

template <class Tag>
std::string to_string(const Id<Tag>& id) {
  return to_hex(id.bytes);
}

template <class IdType>
std::optional<IdType> parse_id(std::string_view text) {
  IdType id;
  if (!from_hex(text, id.bytes)) return std::nullopt;
  return id;
}

struct IdHash {
  template <class Tag>
  std::size_t operator()(const Id<Tag>& id) const {
    std::size_t hash = 0;  // the bytes are random already
    std::memcpy(&hash, id.bytes.data(), sizeof hash);
    return hash;
  }
};

}  // namespace hearth::server
