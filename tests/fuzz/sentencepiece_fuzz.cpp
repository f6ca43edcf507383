// Any bytes as tokenizer.model under any family's rules: loading gives a tokenizer or an error,
// encoding and decoding end, decoded text is UTF-8. Input: a byte that chooses the family, a byte
// that says how long the text is, the text, the model.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/check.h"
#include "engine/text/slow_tokenizers.h"
#include "engine/text/stream_decoder.h"
#include "engine/text/utf8.h"

namespace {

using hearth::engine::TextFamily;

constexpr std::array kFamilies = {TextFamily::other, TextFamily::chatglm1, TextFamily::chatglm2,
                                  TextFamily::chatglm3, TextFamily::yuan};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string_view text = input.substr(0, std::min<std::size_t>(data[1], input.size()));
  const auto loaded = hearth::engine::tokenizer_from_sentencepiece(
      input.substr(text.size()), "fuzz", {}, kFamilies[data[0] % kFamilies.size()]);
  if (!loaded) return 0;
  const auto ids = (*loaded)->encode(text, {.add_special_tokens = true});
  CHECK(ids.has_value());
  CHECK(hearth::engine::is_valid_utf8((*loaded)->decode(*ids, false)));
  hearth::engine::StreamDecoder decoder(*loaded, true);
  for (const hearth::TokenId id : *ids) {
    CHECK(id >= 0);
    CHECK(hearth::engine::is_valid_utf8(decoder.push(id)));
  }
  CHECK(hearth::engine::is_valid_utf8(decoder.finish()));
  return 0;
}
