// The text is cut before every character that nothing in front of it can change; only the pieces
// that hold a character which may change go through decomposition, ordering and composition.
// Canonical ordering is a stable sort here: utf8proc's own bubble sort is quadratic on a long run
// of combining marks.
#include "engine/text/normal_form.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <utf8proc.h>

#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

bool composes(NormalForm form) { return form == NormalForm::nfc || form == NormalForm::nfkc; }

utf8proc_option_t options_of(NormalForm form) {
  int options = UTF8PROC_STABLE | (composes(form) ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE);
  if (form == NormalForm::nfkc || form == NormalForm::nfkd) options |= UTF8PROC_COMPAT;
  return static_cast<utf8proc_option_t>(options);
}

void append_decomposed(NormalForm form, char32_t value, std::vector<utf8proc_int32_t>& out) {
  std::array<utf8proc_int32_t, 32> buffer{};
  int last_boundary = 0;
  const utf8proc_ssize_t length = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(value), buffer.data(),
      static_cast<utf8proc_ssize_t>(buffer.size()), options_of(form), &last_boundary);
  if (length < 0 || length > static_cast<utf8proc_ssize_t>(buffer.size())) {
    out.push_back(static_cast<utf8proc_int32_t>(value));  // no character decomposes that far
    return;
  }
  out.insert(out.end(), buffer.begin(), buffer.begin() + length);
}

int combining_class(utf8proc_int32_t value) {
  return utf8proc_get_property(value)->combining_class;
}

bool is_jamo_vowel_or_tail(char32_t value) { return value >= 0x1161 && value <= 0x11C2; }

bool composes_with_previous(char32_t value) {
  if (value < 0x300) return false;
  if (is_jamo_vowel_or_tail(value)) return true;
  const utf8proc_property_t* property = utf8proc_get_property(static_cast<utf8proc_int32_t>(value));
  // The high bit marks the second half of a composable pair (utf8proc 2.x).
  const bool is_second = property->comb_index != UINT16_MAX && property->comb_index >= 0x8000;
  return property->combining_class != 0 || is_second;
}

struct Traits {
  bool starts_afresh = true;  // nothing in front of it can compose with it or be reordered past it
  bool may_change =
      false;  // its form may differ from itself, alone or together with what is in front
};

Traits compute_traits(NormalForm form, char32_t value) {
  std::vector<utf8proc_int32_t> decomposed;
  append_decomposed(form, value, decomposed);
  Traits traits;
  // A decomposition can begin with a mark although the character is none (U+0F73).
  traits.starts_afresh =
      !composes_with_previous(value) &&
      (decomposed.empty() || !composes_with_previous(static_cast<char32_t>(decomposed[0])));
  if (composes(form) && decomposed.size() > 1) {
    const utf8proc_ssize_t length = utf8proc_normalize_utf32(
        decomposed.data(), static_cast<utf8proc_ssize_t>(decomposed.size()), options_of(form));
    decomposed.resize(static_cast<std::size_t>(std::max<utf8proc_ssize_t>(length, 0)));
  }
  const bool same = decomposed.size() == 1 && decomposed[0] == static_cast<utf8proc_int32_t>(value);
  traits.may_change = !traits.starts_afresh || !same;
  return traits;
}

// The traits of the basic plane, computed once per form; other planes are rare enough to ask
// utf8proc.
class TraitTable {
 public:
  explicit TraitTable(NormalForm form) : form_(form) {
    for (char32_t value = 0; value < kEnd; ++value) {
      const Traits traits = compute_traits(form, value);
      const std::uint64_t bit = std::uint64_t{1} << value % 64;
      if (traits.starts_afresh) afresh_[value / 64] |= bit;
      if (traits.may_change) change_[value / 64] |= bit;
    }
  }

  bool starts_afresh(char32_t value) const {
    if (value < kEnd) return (afresh_[value / 64] >> value % 64 & 1) != 0;
    return compute_traits(form_, value).starts_afresh;
  }
  bool may_change(char32_t value) const {
    if (value < kEnd) return (change_[value / 64] >> value % 64 & 1) != 0;
    return compute_traits(form_, value).may_change;
  }

  static const TraitTable& of(NormalForm form) {
    switch (form) {
      case NormalForm::nfc: {
        static const TraitTable nfc(form);
        return nfc;
      }
      case NormalForm::nfd: {
        static const TraitTable nfd(form);
        return nfd;
      }
      case NormalForm::nfkc: {
        static const TraitTable nfkc(form);
        return nfkc;
      }
      default: {
        static const TraitTable nfkd(form);
        return nfkd;
      }
    }
  }

 private:
  static constexpr char32_t kEnd = 0x10000;
  NormalForm form_;
  std::array<std::uint64_t, kEnd / 64> afresh_{};
  std::array<std::uint64_t, kEnd / 64> change_{};
};

// The first byte at or after `at` of a character that may change, or text.size().
std::size_t find_change(const TraitTable& table, std::string_view text, std::size_t at) {
  while (at < text.size()) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const Utf8Char next = decode_utf8(text, at);
    if (table.may_change(next.value)) return at;
    at += next.bytes;
  }
  return at;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

std::string normal_form_of(NormalForm form, std::string_view piece) {
  std::vector<utf8proc_int32_t> points;
  for (std::size_t at = 0; at < piece.size();) {
    const Utf8Char next = decode_utf8(piece, at);
    append_decomposed(form, next.value, points);
    at += next.bytes;
  }
  const auto is_starter = [](utf8proc_int32_t value) { return combining_class(value) == 0; };
  for (auto run = points.begin(); run != points.end();) {
    const auto begin = std::find_if_not(run, points.end(), is_starter);
    run = std::find_if(begin, points.end(), is_starter);
    std::stable_sort(begin, run, [](utf8proc_int32_t a, utf8proc_int32_t b) {
      return combining_class(a) < combining_class(b);
    });
  }
  if (composes(form)) {
    const utf8proc_ssize_t length = utf8proc_normalize_utf32(
        points.data(), static_cast<utf8proc_ssize_t>(points.size()), options_of(form));
    points.resize(static_cast<std::size_t>(std::max<utf8proc_ssize_t>(length, 0)));
  }
  std::string out;
  for (const utf8proc_int32_t point : points) append_utf8(out, static_cast<char32_t>(point));
  return out;
}

}  // namespace

bool is_surely_normal(NormalForm form, std::string_view text) {
  return is_ascii(text) || find_change(TraitTable::of(form), text, 0) == text.size();
}

void normalize(NormalForm form, std::string_view source, Rewrite& out) {
  const TraitTable& table = TraitTable::of(form);
  std::size_t copied = 0;
  for (std::size_t at = find_change(table, source, 0); at < source.size();
       at = find_change(table, source, copied)) {
    // Back to a character that starts afresh, then on to the next one.
    std::size_t begin = at;
    while (begin > copied && !table.starts_afresh(decode_utf8(source, begin).value)) {
      begin = previous_utf8(source, begin);
    }
    std::size_t end = at + decode_utf8(source, at).bytes;
    while (end < source.size()) {
      const Utf8Char next = decode_utf8(source, end);
      if (table.starts_afresh(next.value)) break;
      end += next.bytes;
    }
    out.copy(copied, begin);
    out.put(normal_form_of(form, source.substr(begin, end - begin)), begin, end);
    copied = end;
  }
  out.copy(copied, source.size());
}

}  // namespace hearth::engine
