// Any bytes as tokenizer.json, any text: loading gives a tokenizer or an error, encoding and
// decoding end, decoded text is UTF-8, a stream says what a list says, and a message's text makes
// no special token. Input: tokenizer.json, a zero byte, text. Without a zero byte all of it is text
// for a built-in tokenizer.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/text/stream_decoder.h"
#include "engine/text/tokenizer_json.h"
#include "engine/text/utf8.h"

namespace {

using hearth::TokenId;
using hearth::engine::MarkedText;
using hearth::engine::Origin;
using hearth::engine::StreamDecoder;
using hearth::engine::Tokenizer;
using TokenizerPtr = std::shared_ptr<const Tokenizer>;

constexpr std::string_view kBuiltIn = R"json({
  "added_tokens": [{"content": "<|a|>", "special": true}, {"content": "<b>", "special": true, "normalized": true, "rstrip": true},
                   {"content": "c", "special": false, "single_word": true, "lstrip": true}],
  "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Prepend", "prepend": "▁"},
                 {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
  "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\s+(?!\\S)|\\p{L}+|\\p{N}{1,3}"}, "behavior": "MergedWithPrevious"},
  "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
              {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 1}]},
  "model": {"type": "BPE", "unk_token": "?", "byte_fallback": true, "fuse_unk": true,
    "vocab": {"?": 0, "a": 1, "b": 2, "ab": 3, "▁": 4, "▁a": 5, "<": 6, ">": 7, "|": 8, "<0xE2>": 9, "<0x96>": 10, "<0xFF>": 11},
    "merges": ["a b", "▁ a"]}
})json";

void check_decoding(const TokenizerPtr& tokenizer, const std::vector<TokenId>& ids) {
  const std::string text = tokenizer->decode(ids, false);
  CHECK(hearth::engine::is_valid_utf8(text));
  StreamDecoder decoder(tokenizer, false);
  for (const TokenId id : ids) CHECK(hearth::engine::is_valid_utf8(decoder.push(id)));
  CHECK(hearth::engine::is_valid_utf8(decoder.finish()));
}

void check_encoding(const TokenizerPtr& tokenizer, std::string_view text) {
  const auto ids = tokenizer->encode(text, {.add_special_tokens = true});
  if (!ids) return;  // a pattern of the file's own that searches for too long
  check_decoding(tokenizer, *ids);
  for (const TokenId id : *ids) CHECK(id >= 0);
  // Every other seven bytes are the template's.
  MarkedText marked;
  for (std::size_t at = 0; at < text.size(); at += 7) {
    marked.append(text.substr(at, 7), at % 2 == 0 ? Origin::from_template : Origin::from_message);
  }
  if (const auto pieces = tokenizer->encode(marked)) check_decoding(tokenizer, *pieces);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const TokenizerPtr built_in = *hearth::engine::tokenizer_from_json(kBuiltIn, {});
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = input.find('\0');
  if (zero == std::string_view::npos) {
    check_encoding(built_in, input);
    const auto ids = built_in->encode(MarkedText(std::string(input), Origin::from_message));
    CHECK(ids.has_value());
    for (const TokenId id : *ids) CHECK(id == 0 || !built_in->is_special(id));
    return 0;
  }
  const auto tokenizer = hearth::engine::tokenizer_from_json(input.substr(0, zero), {});
  if (tokenizer) check_encoding(*tokenizer, input.substr(zero + 1));
  return 0;
}
