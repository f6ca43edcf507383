#include "server/api/inspect_text.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/text/byte_alphabet.h"
#include "engine/text/utf8.h"
#include "server/session/ids.h"

namespace hearth::server {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// "<0xE4>": how vocabularies with a byte fallback write a byte.
std::optional<std::string> fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  unsigned value = 0;
  const auto [end, ec] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  if (ec != std::errc{} || end != token.data() + 5) return std::nullopt;
  return std::string(1, static_cast<char>(value));
}

// The bytes of a token that is no whole character, as far as its vocabulary says.
std::optional<std::string> raw_bytes(const engine::Tokenizer& tokenizer, TokenId id) {
  const std::optional<std::string> token = tokenizer.id_to_token(id);
  if (!token) return std::nullopt;
  if (!engine::is_valid_utf8(*token)) return token;  // a vocabulary of raw bytes
  if (auto byte = fallback_byte(*token)) return byte;
  return engine::bytes_of_alphabet(*token);
}

}  // namespace

TokenText token_text(const engine::Tokenizer& tokenizer, TokenId id) {
  TokenText out;
  out.is_special = tokenizer.is_special(id);
  // Alone a token may lose its leading space; behind itself it does not.
  const std::string once = tokenizer.decode(std::array{id}, false);
  const std::string twice = tokenizer.decode(std::array{id, id}, false);
  out.text = twice.starts_with(once) ? twice.substr(once.size()) : once;
  out.bytes = out.text.size();
  if (out.text.find(kReplacement) == std::string::npos) return out;
  if (const auto bytes = raw_bytes(tokenizer, id); bytes && *bytes != out.text) {
    out.bytes = bytes->size();
    out.hex = to_hex({reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size()});
  }
  return out;
}

const TokenText& TokenTexts::operator[](TokenId id) {
  const auto found = known_.find(id);
  if (found != known_.end()) return found->second;
  return known_.emplace(id, token_text(tokenizer_, id)).first->second;
}

}  // namespace hearth::server
