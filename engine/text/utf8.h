// UTF-8 as the tokenizer reads it: one character at a time, and never invalid past this point.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace hearth::engine {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

struct Utf8Char {
  char32_t value = 0;
  std::size_t bytes = 1;
};

// The character that starts at byte `at` < text.size() of valid UTF-8.
inline Utf8Char decode_utf8(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[at + i]));
  };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (lead < 0xF0) return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F),
          4};
}

// Where the character before byte `at` > 0 of valid UTF-8 starts.
inline std::size_t previous_utf8(std::string_view text, std::size_t at) {
  do {
    --at;
  } while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

void append_utf8(std::string& out, char32_t value);

// What starts at byte `at` < bytes.size() of any bytes. Unicode 15, table 3-7 and section 3.9:
//   valid       one character of `bytes` bytes
//   invalid     a maximal subpart of `bytes` bytes, which stands for one U+FFFD
//   incomplete  the first `bytes` bytes of a character that the end cut off
struct Utf8Sequence {
  enum class Kind { valid, invalid, incomplete };
  Kind kind = Kind::valid;
  std::size_t bytes = 1;
};
Utf8Sequence next_sequence(std::string_view bytes, std::size_t at);

bool is_valid_utf8(std::string_view bytes);

// One U+FFFD for each maximal invalid subpart, as Rust's from_utf8_lossy and the WHATWG decoder do.
std::string to_valid_utf8(std::string_view bytes);

// The same, for bytes that arrive in pieces. Holds at most three bytes.
class Utf8Stream {
 public:
  // Appends the characters that `bytes` completes to out.
  void push(std::string_view bytes, std::string& out);
  // U+FFFD for a character that never came to its end.
  void finish(std::string& out);

 private:
  std::array<char, 4> held_{};
  std::size_t num_held_ = 0;
};

}  // namespace hearth::engine
