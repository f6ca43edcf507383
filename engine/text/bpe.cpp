#include "engine/text/bpe.h"

#include <algorithm>
#include <atomic>

#include "engine/text/byte_alphabet.h"
#include "engine/text/byte_token.h"
#include "engine/text/merge_symbols.h"
#include "engine/text/utf8.h"
#include "engine/text/word_cache.h"

namespace hearth::engine {
namespace {

// Positions in a word are 32 bits wide; a longer one is encoded in parts.
constexpr std::size_t kWordBytesMax = std::size_t{1} << 30;

std::uint32_t next_serial() {
  static std::atomic<std::uint32_t> last{0};
  return ++last;
}

tl::unexpected<Error> missing(std::string_view what, std::string_view token) {
  return fail(ErrorCode::tokenizer_invalid, "The tokenizer's " + std::string(what) + " \"" +
                                                std::string(token) +
                                                "\" is not in its vocabulary.");
}

bool is_forbidden(const ForbiddenIds* forbidden, TokenId id) {
  return forbidden != nullptr && static_cast<std::size_t>(id) < forbidden->size() &&
         (*forbidden)[static_cast<std::size_t>(id)];
}

}  // namespace

Result<Bpe> Bpe::make(Vocabulary vocabulary, const std::vector<MergeNames>& merges,
                      BpeOptions options) {
  Bpe bpe;
  bpe.vocabulary_ = std::move(vocabulary);
  bpe.options_ = std::move(options);
  bpe.serial_ = next_serial();
  if (bpe.options_.unk_token) {
    const auto unk = bpe.vocabulary_.find(*bpe.options_.unk_token);
    if (!unk) return missing("unk_token", *bpe.options_.unk_token);
    bpe.unk_id_ = *unk;
  }
  bpe.merges_.reserve(merges.size());
  std::string joined;
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    joined.assign(left).append(right);
    const auto left_id = bpe.vocabulary_.find(left);
    const auto right_id = bpe.vocabulary_.find(right);
    const auto id = bpe.vocabulary_.find(joined);
    if (!left_id) return missing("merge part", left);
    if (!right_id) return missing("merge part", right);
    if (!id) return missing("merge result", joined);
    bpe.merges_.add(*left_id, *right_id, {static_cast<std::uint32_t>(rank), *id});
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string character;
    if (bpe.options_.byte_level) {
      append_utf8(character, char_of_byte(static_cast<std::uint8_t>(byte)));
    } else if (byte < 0x80) {
      character.push_back(static_cast<char>(byte));
    }
    if (!character.empty()) bpe.of_byte_[byte] = bpe.start_of(character);
  }
  if (bpe.options_.byte_level && bpe.options_.ignore_merges) bpe.index_raw_tokens();
  return bpe;
}

void Bpe::index_raw_tokens() {
  for (std::size_t id = 0; id < vocabulary_.id_end(); ++id) {
    const auto token = vocabulary_.token(static_cast<TokenId>(id));
    if (!token) continue;
    if (const auto bytes = bytes_of_alphabet(*token)) raw_.add(*bytes, static_cast<TokenId>(id));
  }
}

Bpe::Start Bpe::start_of(std::string_view character) const {
  if (const auto id = vocabulary_.find(character)) return {Start::Kind::known, *id, {}};
  if (options_.byte_fallback) {
    Start start{Start::Kind::bytes, -1, {}};
    for (const char byte : character) {
      const auto id = vocabulary_.find(byte_token(static_cast<unsigned char>(byte)));
      if (id) start.bytes.push_back(*id);
    }
    if (start.bytes.size() == character.size()) return start;
  }
  return {unk_id_ >= 0 ? Start::Kind::unknown : Start::Kind::nothing, -1, {}};
}

void Bpe::start_symbols(std::string_view word, std::vector<TokenId>& symbols) const {
  bool unknown = false;  // an unknown token is due before the next known character
  const auto put = [&](const Start& start) {
    switch (start.kind) {
      case Start::Kind::known:
        if (unknown) symbols.push_back(unk_id_);
        unknown = false;
        symbols.push_back(start.id);
        return;
      case Start::Kind::bytes:  // does not end a run of unknown characters, in the reference either
        symbols.insert(symbols.end(), start.bytes.begin(), start.bytes.end());
        return;
      case Start::Kind::unknown:
        if (unknown && !options_.fuse_unk) symbols.push_back(unk_id_);
        unknown = true;
        return;
      case Start::Kind::nothing:
        return;
    }
  };
  symbols.reserve(word.size());
  for (std::size_t at = 0; at < word.size();) {
    const auto byte = static_cast<unsigned char>(word[at]);
    if (options_.byte_level || byte < 0x80) {
      put(of_byte_[byte]);
      ++at;
      continue;
    }
    const Utf8Char next = decode_utf8(word, at);
    put(start_of(word.substr(at, next.bytes)));
    at += next.bytes;
  }
  if (unknown) symbols.push_back(unk_id_);
}

void Bpe::encode(std::string_view word, const ForbiddenIds* forbidden,
                 std::vector<TokenId>& ids) const {
  while (word.size() > kWordBytesMax) {
    std::size_t cut = kWordBytesMax;
    if (!options_.byte_level) cut = previous_utf8(word, cut + 1);
    encode_part(word.substr(0, cut), forbidden, ids);
    word.remove_prefix(cut);
  }
  if (word.size() > WordCache::kWordBytesMax || forbidden != nullptr) {
    return encode_part(word, forbidden, ids);
  }
  WordCache& cache = WordCache::of_this_thread();
  const auto known = cache.find(serial_, word);
  if (!known.empty()) {
    ids.insert(ids.end(), known.begin(), known.end());
    return;
  }
  const std::size_t begin = ids.size();
  encode_part(word, forbidden, ids);
  cache.put(serial_, word, std::span<const TokenId>(ids).subspan(begin));
}

void Bpe::encode_part(std::string_view word, const ForbiddenIds* forbidden,
                      std::vector<TokenId>& ids) const {
  if (options_.ignore_merges) {
    const auto whole = options_.byte_level ? raw_.find(word) : vocabulary_.find(word);
    if (whole && !is_forbidden(forbidden, *whole)) {
      ids.push_back(*whole);
      return;
    }
  }
  std::vector<TokenId> symbols;
  start_symbols(word, symbols);
  merge_symbols(merges_, forbidden, symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

}  // namespace hearth::engine
