#include "engine/text/normal_form.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <utf8proc.h>

#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

std::string normal(NormalForm form, const std::string& text) {
  std::string out;
  ByteMarks marks;
  Rewrite rewrite(text, {}, out, marks);
  normalize(form, text, rewrite);
  return out;
}

std::string by_utf8proc(NormalForm form, const std::string& text) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.c_str());
  utf8proc_uint8_t* result = form == NormalForm::nfc    ? utf8proc_NFC(bytes)
                             : form == NormalForm::nfd  ? utf8proc_NFD(bytes)
                             : form == NormalForm::nfkc ? utf8proc_NFKC(bytes)
                                                        : utf8proc_NFKD(bytes);
  std::string out = reinterpret_cast<const char*>(result);
  std::free(result);
  return out;
}

constexpr NormalForm kForms[] = {NormalForm::nfc, NormalForm::nfd, NormalForm::nfkc,
                                 NormalForm::nfkd};

TEST(NormalForm, OfEveryCharacterEqualsUtf8procs) {
  for (char32_t value = 1; value < 0x110000; ++value) {
    if (value >= 0xD800 && value < 0xE000) continue;
    if (value >= 0x30000 && value < 0xE0000) continue;
    std::string text;
    append_utf8(text, value);
    for (const NormalForm form : kForms) {
      const std::string expected = by_utf8proc(form, text);
      ASSERT_EQ(normal(form, text), expected) << std::hex << static_cast<unsigned>(value);
      if (is_surely_normal(form, text)) {
        ASSERT_EQ(text, expected);
      }
    }
  }
}

// The characters that interact: bases, marks of many classes, jamo, and what decomposes in odd
// ways.
TEST(NormalForm, OfMixedTextEqualsUtf8procs) {
  const std::vector<char32_t> pool = {
      'a',    'e',    'q',     0x300,   0x301,   0x316,  0x323,   0x327,  0x344,   0x345,   0x5B0,
      0xE9,   0x1EA5, 0x212B,  0x2126,  0xF73,   0xF71,  0xF72,   0xF75,  0x1100,  0x1161,  0x11A8,
      0xAC00, 0xAC01, 0x3131,  0x3163,  0xFF9E,  0x30AB, 0x3099,  0xFB01, 0x1D15E, 0x1D165, 0x9C7,
      0x9BE,  0x9CB,  0x1112E, 0x11131, 0x11127, 0xFDFA, 0x2F868, 0x4E2D};
  std::mt19937 random(5);
  for (int round = 0; round < 30000; ++round) {
    std::string text;
    for (std::size_t i = 0; i < 1 + random() % 9; ++i) {
      append_utf8(text, pool[random() % pool.size()]);
    }
    for (const NormalForm form : kForms) {
      const std::string expected = by_utf8proc(form, text);
      ASSERT_EQ(normal(form, text), expected);
      if (is_surely_normal(form, text)) {
        ASSERT_EQ(text, expected);
      }
    }
  }
}

TEST(NormalForm, KeepsTheMarksOfWhatAByteStandsFor) {
  const std::string text = "ae\u0301b\u00e9";
  const ByteMarks marks = {0, 0, 1, 1, 0, 1, 1};
  std::string out;
  ByteMarks out_marks;
  Rewrite rewrite(text, marks, out, out_marks);
  normalize(NormalForm::nfc, text, rewrite);
  EXPECT_EQ(out, "a\u00e9b\u00e9");
  EXPECT_EQ(out_marks, (ByteMarks{0, 1, 1, 0, 1, 1}));
}

}  // namespace
}  // namespace hearth::engine
