#include "bench/load_client/words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace hearth::bench {
namespace {

constexpr std::array<std::string_view, 48> kWords = {
    "time",  "person", "year",   "way",   "day",   "thing", "man",  "world", "life",   "hand",
    "part",  "child",  "eye",    "woman", "place", "work",  "week", "case",  "point",  "group",
    "water", "room",   "mother", "area",  "money", "story", "fact", "month", "lot",    "right",
    "study", "book",   "word",   "issue", "side",  "kind",  "head", "house", "friend", "father",
    "power", "hour",   "game",   "line",  "end",   "law",   "car",  "city"};

}  // namespace

std::string some_words(std::int64_t count, std::mt19937_64& random) {
  std::string text;
  for (std::int64_t i = 0; i < count; ++i) {
    if (i > 0) text += ' ';
    text += kWords.at(random() % kWords.size());
  }
  return text;
}

std::int64_t TokenScale::words_for(std::int64_t content_tokens) const {
  const double words = static_cast<double>(content_tokens) / std::max(per_word, 0.1);
  return std::max<std::int64_t>(1, std::llround(words));
}

}  // namespace hearth::bench
