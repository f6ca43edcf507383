// The splitting half of text_ops.h.
#include <algorithm>
#include <string>

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

using Pieces =
    std::vector<std::pair<std::size_t, std::size_t>>;  // [begin, end) in bytes, ascending

// Cuts all pieces in one walk over the runs.
std::vector<MarkedText> cut(const MarkedText& text, const Pieces& pieces, Budget& budget) {
  budget.make_items(pieces.size());
  budget.make_text(text.text().size());
  const std::string_view bytes = text.text();
  std::vector<MarkedText> result(pieces.size());
  std::size_t run = 0;
  std::size_t run_begin = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    auto [at, end] = pieces[i];
    while (at < end) {
      while (at >= run_begin + text.runs()[run].bytes) run_begin += text.runs()[run++].bytes;
      const std::size_t stop = std::min(end, run_begin + text.runs()[run].bytes);
      result[i].append(bytes.substr(at, stop - at), text.runs()[run].origin);
      at = stop;
    }
  }
  return result;
}

// The words of text, as [begin, end).
Pieces words_of(std::string_view text) {
  Pieces words;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    if (is_space(point.value)) {
      inside = false;
    } else if (!inside) {
      words.emplace_back(at, at + point.bytes);
      inside = true;
    } else {
      words.back().second = at + point.bytes;
    }
    at += point.bytes;
  }
  return words;
}

}  // namespace

std::vector<MarkedText> split(const MarkedText& text, std::optional<std::string_view> separator,
                              long max_splits, Budget& budget) {
  const std::string_view bytes = text.text();
  Pieces pieces;
  if (!separator) {
    pieces = words_of(bytes);
    const auto bound = static_cast<std::size_t>(max_splits);
    if (max_splits >= 0 && pieces.size() > bound) {
      const std::size_t rest = pieces[bound].first;
      pieces.resize(bound);
      pieces.emplace_back(rest, bytes.size());
    }
    return cut(text, pieces, budget);
  }
  if (separator->empty()) raise_value("empty separator.");
  std::size_t at = 0;
  std::size_t hit = 0;
  while ((max_splits < 0 || static_cast<long>(pieces.size()) < max_splits) &&
         (hit = bytes.find(*separator, at)) != std::string_view::npos) {
    pieces.emplace_back(at, hit);
    at = hit + separator->size();
  }
  pieces.emplace_back(at, bytes.size());
  return cut(text, pieces, budget);
}

std::vector<MarkedText> split_right(const MarkedText& text,
                                    std::optional<std::string_view> separator, long max_splits,
                                    Budget& budget) {
  if (max_splits < 0) return split(text, separator, -1, budget);
  const std::string_view bytes = text.text();
  const auto bound = static_cast<std::size_t>(max_splits);
  Pieces pieces;
  if (!separator) {
    const Pieces words = words_of(bytes);
    const std::size_t kept = words.size() > bound ? words.size() - bound : 0;
    if (kept > 0) pieces.emplace_back(0, words[kept - 1].second);
    pieces.insert(pieces.end(), words.begin() + static_cast<std::ptrdiff_t>(kept), words.end());
    return cut(text, pieces, budget);
  }
  if (separator->empty()) raise_value("empty separator.");
  std::size_t end = bytes.size();
  while (pieces.size() < bound && end >= separator->size()) {
    const std::size_t hit = bytes.rfind(*separator, end - separator->size());
    if (hit == std::string_view::npos) break;
    pieces.emplace_back(hit + separator->size(), end);
    end = hit;
  }
  pieces.emplace_back(0, end);
  std::reverse(pieces.begin(), pieces.end());
  return cut(text, pieces, budget);
}

std::vector<MarkedText> split_lines(const MarkedText& text, bool keep_ends, Budget& budget) {
  const std::string_view bytes = text.text();
  Pieces pieces;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const CodePoint point = decode_at(bytes, at);
    const std::size_t line_end = at;
    at += point.bytes;
    if (!is_line_break(point.value)) continue;
    if (point.value == '\r' && at < bytes.size() && bytes[at] == '\n') ++at;
    pieces.emplace_back(begin, keep_ends ? at : line_end);
    begin = at;
  }
  if (begin < bytes.size()) pieces.emplace_back(begin, bytes.size());
  return cut(text, pieces, budget);
}

}  // namespace hearth::engine::jinja
