#include "engine/text/jinja/text_ops.h"

#include <algorithm>
#include <string>

#include "engine/text/jinja/failure.h"

namespace hearth::engine::jinja {
namespace {

template <class F>
MarkedText map_chars(const MarkedText& text, Budget& budget, F mapping) {
  TextBuilder result(budget);
  for_each_char(text, [&](CodePoint point, std::size_t at, Origin origin) {
    result.add(mapping(point.value, at), origin);
  });
  return result.take();
}

// Unicode's Final_Sigma: Σ after a letter and not before one is ς.
std::string lower_in_context(std::string_view text, char32_t value, std::size_t at) {
  if (value != 0x3A3) return lower_of(value);
  const auto is_ignorable = [](char32_t v) {
    return v == '\'' || v == 0x2019 || v == 0xB7 || v == '.' || v == ':';
  };
  bool letter_before = false;
  for (std::size_t i = at; i > 0;) {
    do {
      --i;
    } while (i > 0 && (static_cast<unsigned char>(text[i]) & 0xC0u) == 0x80u);
    const char32_t before = decode_at(text, i).value;
    if (is_ignorable(before)) continue;
    letter_before = is_cased(before);
    break;
  }
  bool letter_after = false;
  for (std::size_t i = at + 2; i < text.size();) {
    const CodePoint after = decode_at(text, i);
    i += after.bytes;
    if (is_ignorable(after.value)) continue;
    letter_after = is_cased(after.value);
    break;
  }
  return letter_before && !letter_after ? "ς" : "σ";
}

bool contains_char(std::string_view chars, char32_t value) {
  for (std::size_t at = 0; at < chars.size();) {
    const CodePoint point = decode_at(chars, at);
    if (point.value == value) return true;
    at += point.bytes;
  }
  return false;
}

}  // namespace

void TextBuilder::reserve(std::size_t bytes) const {
  if (bytes > budget_->limits().text_bytes - text_.text().size())
    budget_->make_text(size() + bytes);
}

TextBuilder& TextBuilder::add(std::string_view text, Origin origin) {
  reserve(text.size());
  text_.append(text, origin);
  return *this;
}

TextBuilder& TextBuilder::add(const MarkedText& text) {
  reserve(text.text().size());
  text_.append(text);
  return *this;
}

TextBuilder& TextBuilder::add_repeated(const MarkedText& text, std::size_t count) {
  if (text.empty()) return *this;
  if (count > budget_->limits().text_bytes) count = budget_->limits().text_bytes + 1;
  reserve(text.text().size() * count);
  for (std::size_t i = 0; i < count; ++i) text_.append(text);
  return *this;
}

MarkedText TextBuilder::take() {
  budget_->make_text(size());
  return std::move(text_);
}

Origin origin_of(const MarkedText& text) {
  return text.touches_message(0, text.text().size()) ? Origin::from_message : Origin::from_template;
}

MarkedText to_upper(const MarkedText& text, Budget& budget) {
  return map_chars(text, budget, [](char32_t value, std::size_t) { return upper_of(value); });
}

MarkedText to_lower(const MarkedText& text, Budget& budget) {
  return map_chars(text, budget, [&](char32_t value, std::size_t at) {
    return lower_in_context(text.text(), value, at);
  });
}

MarkedText swap_case(const MarkedText& text, Budget& budget) {
  return map_chars(text, budget, [&](char32_t value, std::size_t at) {
    return is_upper(value) ? lower_in_context(text.text(), value, at) : upper_of(value);
  });
}

MarkedText fold_case(const MarkedText& text, Budget& budget) {
  return map_chars(text, budget, [](char32_t value, std::size_t) { return fold_of(value); });
}

MarkedText capitalize(const MarkedText& text, Budget& budget) {
  return map_chars(text, budget, [&](char32_t value, std::size_t at) {
    return at == 0 ? title_of(value) : lower_in_context(text.text(), value, at);
  });
}

MarkedText title_words(const MarkedText& text, Budget& budget) {
  bool inside = false;
  return map_chars(text, budget, [&](char32_t value, std::size_t at) {
    const bool first = !inside;
    inside = is_cased(value);
    return first ? title_of(value) : lower_in_context(text.text(), value, at);
  });
}

MarkedText title_filter(const MarkedText& text, Budget& budget) {
  bool first = true;
  return map_chars(text, budget, [&](char32_t value, std::size_t at) {
    const bool separates =
        is_space(value) || std::u32string_view(U"-({[<").find(value) != std::u32string_view::npos;
    const bool was_first = first;
    first = separates;
    return was_first ? upper_of(value) : lower_in_context(text.text(), value, at);
  });
}

MarkedText strip(const MarkedText& text, std::optional<std::string_view> chars, Side side) {
  const std::string_view bytes = text.text();
  const auto goes = [&](char32_t value) {
    return chars ? contains_char(*chars, value) : is_space(value);
  };
  std::size_t begin = 0;
  std::size_t end = bytes.size();
  while (side != Side::right && begin < end) {
    const CodePoint point = decode_at(bytes, begin);
    if (!goes(point.value)) break;
    begin += point.bytes;
  }
  while (side != Side::left && begin < end) {
    std::size_t last = end - 1;
    while (last > begin && (static_cast<unsigned char>(bytes[last]) & 0xC0u) == 0x80u) --last;
    if (!goes(decode_at(bytes, last).value)) break;
    end = last;
  }
  return text.slice(begin, end);
}

MarkedText replace(const MarkedText& text, std::string_view from, const MarkedText& to,
                   long max_count, Budget& budget) {
  const std::string_view bytes = text.text();
  TextBuilder result(budget);
  long done = 0;
  const auto may_go_on = [&] { return max_count < 0 || done < max_count; };
  if (from.empty()) {
    for_each_char(text, [&](CodePoint point, std::size_t at, Origin origin) {
      if (may_go_on()) result.add(to), ++done;
      result.add(bytes.substr(at, point.bytes), origin);
    });
    if (may_go_on()) result.add(to);
    return result.take();
  }
  std::size_t at = 0;
  std::vector<std::size_t> cuts;
  for (std::size_t hit = 0; may_go_on() && (hit = bytes.find(from, at)) != std::string_view::npos;
       ++done) {
    cuts.push_back(hit);
    at = hit + from.size();
  }
  if (cuts.empty()) return text;
  // One pass over the runs: slicing once per hit would be quadratic in a text of many runs.
  std::size_t next = 0;
  std::size_t run_begin = 0;
  at = 0;
  for (const MarkedText::Run& run : text.runs()) {
    const std::size_t run_end = run_begin + run.bytes;
    while (at < run_end) {
      const std::size_t cut = next < cuts.size() ? cuts[next] : bytes.size();
      if (at < cut) {
        const std::size_t stop = std::min(cut, run_end);
        result.add(bytes.substr(at, stop - at), run.origin);
        at = stop;
      } else {
        result.add(to);
        at = cut + from.size();
        ++next;
      }
    }
    run_begin = run_end;
  }
  return result.take();
}

MarkedText join(const MarkedText& separator, const std::vector<MarkedText>& parts, Budget& budget) {
  TextBuilder result(budget);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) result.add(separator);
    result.add(parts[i]);
  }
  return result.take();
}

MarkedText escape_html(const MarkedText& text, Budget& budget) {
  return map_chars(text, budget, [](char32_t value, std::size_t) -> std::string {
    switch (value) {
      case '&':
        return "&amp;";
      case '<':
        return "&lt;";
      case '>':
        return "&gt;";
      case '"':
        return "&#34;";
      case '\'':
        return "&#39;";
      default: {
        std::string same;
        append_utf8(same, value);
        return same;
      }
    }
  });
}

MarkedText pad(const MarkedText& text, Side side, long width, const MarkedText& fill,
               Budget& budget) {
  if (count_chars(fill.text()) != 1)
    raise_type("The fill character must be exactly one character long.");
  const auto length = static_cast<long>(count_chars(text.text()));
  if (width <= length) return text;
  const long missing = width - length;
  long left = 0;
  if (side == Side::right) left = missing;
  if (side == Side::both) left = missing / 2 + (missing & width & 1);  // CPython's rounding
  return TextBuilder(budget)
      .add_repeated(fill, static_cast<std::size_t>(left))
      .add(text)
      .add_repeated(fill, static_cast<std::size_t>(missing - left))
      .take();
}

std::size_t byte_of_char(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  while (index > 0 && at < text.size()) {
    at += decode_at(text, at).bytes;
    --index;
  }
  return at;
}

MarkedText slice_chars(const MarkedText& text, std::size_t begin, std::size_t end) {
  if (begin >= end) return {};
  const std::string_view bytes = text.text();
  const std::size_t first = byte_of_char(bytes, begin);
  return text.slice(first, first + byte_of_char(bytes.substr(first), end - begin));
}

}  // namespace hearth::engine::jinja
