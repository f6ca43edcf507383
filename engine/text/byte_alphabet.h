// The printable alphabet in which byte-level vocabularies are written: "Ġ" is a space (GPT-2's
// bytes_to_unicode).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::engine {

// The character that stands for a byte: itself for 33–126, 161–172, 174–255; U+0100 and up for the
// other 68, in order.
char32_t char_of_byte(std::uint8_t byte);
std::optional<std::uint8_t> byte_of_char(char32_t value);

// "Ġhello" → " hello"; nullopt when a character is outside the alphabet, or the text is no UTF-8:
// vocabularies of raw bytes have such tokens.
std::optional<std::string> bytes_of_alphabet(std::string_view text);

}  // namespace hearth::engine
