#include "engine/text/byte_alphabet.h"

#include <array>
#include <cstddef>

#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

constexpr std::array<char32_t, 256> make_chars() {
  std::array<char32_t, 256> chars{};
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    chars[byte] = stands_for_itself(byte) ? static_cast<char32_t>(byte) : next++;
  }
  return chars;
}

constexpr std::array<char32_t, 256> kChars = make_chars();
constexpr std::size_t kNumChars = 0x100 + 68;  // the largest character and one

constexpr std::array<std::int16_t, kNumChars> make_bytes() {
  std::array<std::int16_t, kNumChars> bytes{};
  for (std::int16_t& byte : bytes) byte = -1;
  for (unsigned byte = 0; byte < 256; ++byte) {
    bytes[static_cast<std::size_t>(kChars[byte])] = static_cast<std::int16_t>(byte);
  }
  return bytes;
}

constexpr std::array<std::int16_t, kNumChars> kBytes = make_bytes();

}  // namespace

char32_t char_of_byte(std::uint8_t byte) { return kChars[byte]; }

std::optional<std::uint8_t> byte_of_char(char32_t value) {
  if (value >= kNumChars || kBytes[value] < 0) return std::nullopt;
  return static_cast<std::uint8_t>(kBytes[value]);
}

std::optional<std::string> bytes_of_alphabet(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (next_sequence(text, at).kind != Utf8Sequence::Kind::valid) return std::nullopt;
    const Utf8Char next = decode_utf8(text, at);
    const std::optional<std::uint8_t> byte = byte_of_char(next.value);
    if (!byte) return std::nullopt;
    bytes.push_back(static_cast<char>(*byte));
    at += next.bytes;
  }
  return bytes;
}

}  // namespace hearth::engine
