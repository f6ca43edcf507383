// "<0x0A>": a byte as a token of its own (byte fallback).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hearth::engine {

inline std::string byte_token(unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
}

// nullopt: the token is no byte. Lower-case digits count too.
std::optional<char> byte_of_token(std::string_view token);

}  // namespace hearth::engine
