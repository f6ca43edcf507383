#include "server/api/token_bytes.h"

#include <cstdint>
#include <string_view>

#include "engine/text/utf8.h"
#include "server/api/inspect_text.h"

namespace hearth::server {
namespace {

unsigned digit(char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); }

}  // namespace

std::string token_bytes(const engine::Tokenizer& tokenizer, TokenId id) {
  const auto name = tokenizer.id_to_token(id);
  if (tokenizer.is_special(id) || !name) return {};
  if (!engine::is_valid_utf8(*name)) return *name;  // a vocabulary of raw bytes
  const TokenText token = token_text(tokenizer, id);
  if (token.hex.empty()) return token.text;
  std::string bytes;
  for (std::size_t i = 0; i + 1 < token.hex.size(); i += 2)
    bytes += static_cast<char>(digit(token.hex[i]) * 16 + digit(token.hex[i + 1]));
  return bytes;
}

std::vector<std::string> bytes_of_vocabulary(const engine::Tokenizer& tokenizer) {
  std::vector<std::string> bytes(tokenizer.vocab_size());
  for (std::size_t id = 0; id < bytes.size(); ++id)
    bytes[id] = token_bytes(tokenizer, static_cast<TokenId>(id));
  return bytes;
}

}  // namespace hearth::server
