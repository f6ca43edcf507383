#include "engine/text/precompiled_normalizer.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <utf8proc.h>

#include "engine/text/charsmap.h"
#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

// The library looks a grapheme up as a whole below this size, and larger ones character by
// character.
constexpr std::size_t kWholeGraphemeBytesEnd = 6;

// The end of the grapheme that begins at `at` (Unicode Standard Annex 29).
std::size_t grapheme_end(std::string_view text, std::size_t at) {
  utf8proc_int32_t state = 0;
  Utf8Char before = decode_utf8(text, at);
  at += before.bytes;
  while (at < text.size()) {
    const Utf8Char next = decode_utf8(text, at);
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(before.value),
                                         static_cast<utf8proc_int32_t>(next.value), &state) != 0) {
      break;
    }
    at += next.bytes;
    before = next;
  }
  return at;
}

class PrecompiledStep final : public NormalizerStep {
 public:
  explicit PrecompiledStep(Charsmap charsmap) : charsmap_(std::move(charsmap)) {}

  bool changes(std::string_view text) const override { return !charsmap_.empty() && !text.empty(); }

  // What is mapped is replaced whole, however little of it the map names.
  void run(std::string_view text, Rewrite& out) const override {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = grapheme_end(text, at);
      if (end - at >= kWholeGraphemeBytesEnd || !put_mapped(text, at, end, out)) {
        while (at < end) {
          const std::size_t next = at + decode_utf8(text, at).bytes;
          if (!put_mapped(text, at, next, out)) out.copy(at, next);
          at = next;
        }
      }
      at = end;
    }
  }

 private:
  bool put_mapped(std::string_view text, std::size_t begin, std::size_t end, Rewrite& out) const {
    const auto match = charsmap_.shortest_prefix(text.substr(begin, end - begin));
    if (match) out.put(match->replacement, begin, end);
    return match.has_value();
  }

  Charsmap charsmap_;
};

std::optional<std::uint32_t> base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a' + 26);
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0' + 52);
  if (c == '+') return 62;
  if (c == '/') return 63;
  return std::nullopt;
}

// RFC 4648, padded.
std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned num_bits = 0;
  for (const char c : text) {
    const auto digit = base64_digit(c);
    if (!digit) return std::nullopt;
    bits = (bits << 6 | *digit) & 0xFFFF;
    num_bits += 6;
    if (num_bits < 8) continue;
    num_bits -= 8;
    bytes += static_cast<char>(bits >> num_bits & 0xFF);
  }
  return bytes;
}

}  // namespace

Result<std::shared_ptr<const NormalizerStep>> precompiled_step(std::string_view base64,
                                                               const std::string& where) {
  const auto bytes = decode_base64(base64);
  if (!bytes) {
    return fail(ErrorCode::tokenizer_invalid, where + ": precompiled_charsmap is not base64.");
  }
  Result<Charsmap> charsmap = Charsmap::parse(*bytes, where);
  if (!charsmap) return tl::unexpected<Error>(std::move(charsmap.error()));
  return std::make_shared<PrecompiledStep>(std::move(*charsmap));
}

}  // namespace hearth::engine
