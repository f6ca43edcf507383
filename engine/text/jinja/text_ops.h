// Python's str operations on text with origins: every byte of a result keeps the mark of the byte
// it came from. Bytes that an operation adds (padding, indentation) come from the template unless
// said otherwise.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/text/jinja/limits.h"
#include "engine/text/jinja/unicode.h"
#include "engine/text/marked_text.h"

namespace hearth::engine::jinja {

// Makes a text piece by piece and raises template_limit before it grows past the budget.
class TextBuilder {
 public:
  explicit TextBuilder(Budget& budget) : budget_(&budget) {}

  TextBuilder& add(std::string_view text, Origin origin = Origin::from_template);
  TextBuilder& add(const MarkedText& text);
  TextBuilder& add_repeated(const MarkedText& text, std::size_t count);
  std::size_t size() const { return text_.text().size(); }
  MarkedText take();

 private:
  void reserve(std::size_t bytes) const;

  Budget* budget_;
  MarkedText text_;
};

// Calls f(CodePoint, first byte, origin) for every character.
template <class F>
void for_each_char(const MarkedText& text, F f) {
  const std::string_view bytes = text.text();
  std::size_t run = 0;
  std::size_t run_end = text.runs().empty() ? 0 : text.runs()[0].bytes;
  for (std::size_t at = 0; at < bytes.size();) {
    while (at >= run_end) run_end += text.runs()[++run].bytes;
    const CodePoint point = decode_at(bytes, at);
    f(point, at, text.runs()[run].origin);
    at += point.bytes;
  }
}

// from_message when any byte is.
Origin origin_of(const MarkedText& text);

MarkedText to_upper(const MarkedText& text, Budget& budget);
MarkedText to_lower(const MarkedText& text, Budget& budget);
MarkedText swap_case(const MarkedText& text, Budget& budget);
MarkedText fold_case(const MarkedText& text, Budget& budget);
MarkedText capitalize(const MarkedText& text, Budget& budget);
MarkedText title_words(const MarkedText& text, Budget& budget);  // str.title
MarkedText title_filter(const MarkedText& text,
                        Budget& budget);  // the filter: splits at spaces and brackets

enum class Side { left, right, both };
// chars absent: white space.
MarkedText strip(const MarkedText& text, std::optional<std::string_view> chars, Side side);

// separator absent: runs of white space. max_splits < 0: no bound. Raises template_value for an
// empty separator.
std::vector<MarkedText> split(const MarkedText& text, std::optional<std::string_view> separator,
                              long max_splits, Budget& budget);
std::vector<MarkedText> split_right(const MarkedText& text,
                                    std::optional<std::string_view> separator, long max_splits,
                                    Budget& budget);
std::vector<MarkedText> split_lines(const MarkedText& text, bool keep_ends, Budget& budget);

// max_count < 0: all. An empty `from` matches between all characters, as in Python.
MarkedText replace(const MarkedText& text, std::string_view from, const MarkedText& to,
                   long max_count, Budget& budget);
MarkedText join(const MarkedText& separator, const std::vector<MarkedText>& parts, Budget& budget);
MarkedText escape_html(const MarkedText& text, Budget& budget);

// To at least width characters. Side::left puts the text at the left (ljust). Raises template_type
// unless fill is one character.
MarkedText pad(const MarkedText& text, Side side, long width, const MarkedText& fill,
               Budget& budget);

// Where character `index` starts; the end when there are fewer characters.
std::size_t byte_of_char(std::string_view text, std::size_t index);
MarkedText slice_chars(const MarkedText& text, std::size_t begin, std::size_t end);

}  // namespace hearth::engine::jinja
