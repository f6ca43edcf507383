#include "server/session/phrase.h"

#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>

namespace hearth::server {
namespace {

constexpr std::string_view kConsonants = "bdfghjklmnprstvz";
constexpr std::string_view kVowels = "aiou";
constexpr std::size_t kWords = 8;
constexpr std::size_t kLetters = 5;

std::string word(unsigned bits) {
  return {kConsonants[(bits >> 12U) & 15U], kVowels[(bits >> 10U) & 3U],
          kConsonants[(bits >> 6U) & 15U], kVowels[(bits >> 4U) & 3U], kConsonants[bits & 15U]};
}

}  // namespace

std::string make_phrase(const RandomBytes& random) {
  std::array<std::uint8_t, 2 * kWords> bytes{};
  random(bytes);
  std::string phrase;
  for (std::size_t i = 0; i < kWords; ++i) {
    if (i > 0) phrase += i % 2 == 1 ? '-' : ' ';
    phrase += word(static_cast<unsigned>(bytes[2 * i]) << 8U | bytes[2 * i + 1]);
  }
  return phrase;
}

std::optional<Sha256> hash_of_phrase(std::string_view phrase) {
  std::string letters;
  for (const char c : phrase) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '-' || std::isspace(byte) != 0) continue;
    if (letters.size() == kWords * kLetters) return std::nullopt;
    const char small = static_cast<char>(std::tolower(byte));
    const bool is_vowel = letters.size() % kLetters % 2 == 1;
    if ((is_vowel ? kVowels : kConsonants).find(small) == std::string_view::npos)
      return std::nullopt;
    letters += small;
  }
  if (letters.size() != kWords * kLetters) return std::nullopt;
  return sha256("hearth recovery phrase " + letters);
}

}  // namespace hearth::server
