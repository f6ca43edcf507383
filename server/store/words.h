// What search sees of a text: words, folded, each knowing where it stands. Pure; both stores use
// it.
//
// A word is a run of letters and digits without case and accents. Each Chinese, Japanese kana or
// Korean character is a word of its own, and a run of them in a query is a phrase: unicode61 would
// find no Chinese word and trigrams miss those of two characters (DESIGN §10, Search).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "server/session/ids.h"
#include "server/session/records.h"

namespace hearth::server {

struct Word {
  std::string folded{};   // letters and digits only, ≤ 64 bytes
  std::size_t begin = 0;  // bytes of the text
  std::size_t end = 0;
};

// Linear in the text. Bytes that are not UTF-8 separate words.
std::vector<Word> words_of(std::string_view text);

// The words as the index has them: each carries its owner, so that a search reads nothing of
// anybody else's, and takes no longer for it (P3).
std::string index_text(const UserId& owner, std::string_view text);

class SearchQuery {
 public:
  // Phrases in quotes, words outside; the last word outside quotes is the beginning of a word.
  // Errors: invalid_parameter (no letter or digit).
  static Result<SearchQuery> parse(std::string_view text);

  // For FTS5. User text never becomes syntax: it is folded to letters and digits, and quoted.
  std::string match(const UserId& owner) const;

  // Every phrase is there.
  bool matches(const std::vector<Word>& words) const;

  // The neighbourhood of the first match, with the matches marked; about 160 bytes.
  std::vector<SnippetPart> snippet(std::string_view text) const;

 private:
  struct Phrase {
    std::vector<std::string> words;
    bool is_prefix = false;  // of its last word
  };
  bool stands_at(const Phrase& phrase, const std::vector<Word>& words, std::size_t at) const;

  std::vector<Phrase> phrases_;
};

}  // namespace hearth::server
