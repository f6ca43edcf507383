#include "engine/text/pipeline_tokenizer.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/text/regex.h"
#include "engine/text/rewrite.h"
#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

// Valid UTF-8 with the origin of every byte.
struct CleanText {
  std::string text;
  ByteMarks marks;
};

CleanText clean(const MarkedText& marked) {
  const std::string_view text = marked.text();
  ByteMarks marks;
  OriginMap(marked.runs()).append_marks(0, text.size(), marks);
  CleanText result;
  Rewrite out(text, marks, result.text, result.marks);
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Sequence next = next_sequence(text, at);
    if (next.kind == Utf8Sequence::Kind::valid) {
      out.copy(at, at + next.bytes);
    } else {
      out.put(kReplacementCharacter, at, at + next.bytes);
    }
    at += next.bytes;
  }
  return result;
}

}  // namespace

// One call of encode.
class PipelineTokenizer::Encoding {
 public:
  Encoding(const PipelineTokenizer& tokenizer, EncodeOptions options, const OriginMap& origins)
      : parts_(tokenizer.parts_),
        special_ids_(tokenizer.special_ids_),
        options_(options),
        origins_(origins) {}

  Result<std::vector<TokenId>> run(std::string_view text) {
    try {
      return all_ids(text);
    } catch (const Regex::LimitReached&) {
      return fail(ErrorCode::tokenizer_limit,
                  "The tokenizer's pattern would search this text for too long.");
    }
  }

 private:
  std::vector<TokenId> all_ids(std::string_view text) {
    ids_.reserve(text.size() / 3 + 8);
    std::vector<AddedTokens::Part> parts;
    parts_.added.split(AddedTokens::Stage::raw, text, options_.split_special, origins_, parts);
    for (const AddedTokens::Part& part : parts) {
      if (part.id >= 0) {
        ids_.push_back(part.id);
      } else {
        encode_text(text, part);
      }
    }
    if (!options_.add_special_tokens) return std::move(ids_);
    std::vector<TokenId> all = parts_.post_processor.before;
    all.insert(all.end(), ids_.begin(), ids_.end());
    const std::vector<TokenId>& after = parts_.post_processor.after;
    all.insert(all.end(), after.begin(), after.end());
    return all;
  }

  // Text between the added tokens that are looked for before normalisation.
  void encode_text(std::string_view text, const AddedTokens::Part& part) {
    const bool tracks = !origins_.empty() && parts_.added.has_normalized_special();
    marks_.clear();
    if (tracks) origins_.append_marks(part.begin, part.end, marks_);
    const std::string_view normal =
        parts_.normalizer.apply(text.substr(part.begin, part.end - part.begin), marks_, room_);
    const bool at_start = part.begin == 0;
    if (!parts_.added.has(AddedTokens::Stage::normalized)) {
      return encode_words({normal, at_start}, part.suppressed);
    }
    std::vector<AddedTokens::Part> parts;
    const OriginMap origins =
        tracks ? OriginMap(std::span<const std::uint8_t>(room_.marks)) : OriginMap();
    parts_.added.split(AddedTokens::Stage::normalized, normal, options_.split_special, origins,
                       parts);
    for (const AddedTokens::Part& inner : parts) {
      if (inner.id >= 0) {
        ids_.push_back(inner.id);
        continue;
      }
      encode_words(
          {normal.substr(inner.begin, inner.end - inner.begin), at_start && inner.begin == 0},
          part.suppressed || inner.suppressed);
    }
  }

  void encode_words(Piece piece, bool suppressed) {
    // Where a special token was suppressed, the model must not put its id together again.
    const ForbiddenIds* forbidden = suppressed ? &special_ids_ : nullptr;
    parts_.pre_tokenizer.run(piece,
                             [&](Piece word) { parts_.model->encode(word.text, forbidden, ids_); });
  }

  const TokenizerParts& parts_;
  const ForbiddenIds& special_ids_;
  EncodeOptions options_;
  const OriginMap& origins_;
  Normalizer::Room room_;
  ByteMarks marks_;
  std::vector<TokenId> ids_;
};

class PipelineTokenizer::Stream final : public DecodeStream {
 public:
  Stream(const PipelineTokenizer& tokenizer, bool skip_special_tokens)
      : tokenizer_(tokenizer),
        skip_special_tokens_(skip_special_tokens),
        decoding_(tokenizer.parts_.decoder.start(DecodeMode::early)) {}

  void push(TokenId id, std::string& out) override {
    const auto token = tokenizer_.decoded_token(id, skip_special_tokens_);
    if (token) decoding_.push(*token, out);
  }
  void finish(std::string& out) override { decoding_.finish(out); }

 private:
  const PipelineTokenizer& tokenizer_;
  bool skip_special_tokens_;
  Decoding decoding_;
};

PipelineTokenizer::PipelineTokenizer(TokenizerParts parts)
    : parts_(std::move(parts)), special_ids_(parts_.added.special_ids()) {}

Result<std::vector<TokenId>> PipelineTokenizer::encode(std::string_view utf8,
                                                       EncodeOptions options) const {
  const OriginMap nothing;
  options.split_special = options.split_special || parts_.has_plain_texts;
  Encoding encoding(*this, options, nothing);
  if (is_valid_utf8(utf8)) return encoding.run(utf8);
  return encoding.run(to_valid_utf8(utf8));
}

Result<std::vector<TokenId>> PipelineTokenizer::encode(const MarkedText& text,
                                                       EncodeOptions options) const {
  if (is_valid_utf8(text.text())) {
    const OriginMap origins(text.runs());
    return Encoding(*this, options, origins).run(text.text());
  }
  const CleanText cleaned = clean(text);
  const OriginMap origins(std::span<const std::uint8_t>(cleaned.marks));
  return Encoding(*this, options, origins).run(cleaned.text);
}

Result<PairEncoding> PipelineTokenizer::encode_pair(std::string_view first,
                                                    std::optional<std::string_view> second) const {
  using Kind = PostProcessor::PairPart::Kind;
  if (!second || parts_.post_processor.pair.empty()) return Tokenizer::encode_pair(first, second);
  PairEncoding result;
  for (const PostProcessor::PairPart& part : parts_.post_processor.pair) {
    std::vector<TokenId> ids = part.ids;
    if (part.kind != Kind::special) {
      auto encoded = encode(part.kind == Kind::first ? first : *second, EncodeOptions{});
      if (!encoded) return tl::unexpected<Error>(std::move(encoded.error()));
      ids = std::move(*encoded);
    }
    result.ids.insert(result.ids.end(), ids.begin(), ids.end());
    result.types.resize(result.ids.size(), part.type);
  }
  return result;
}

std::optional<std::string_view> PipelineTokenizer::decoded_token(TokenId id,
                                                                 bool skip_special_tokens) const {
  if (skip_special_tokens && is_special(id)) return std::nullopt;
  if (const auto added = parts_.added.text(id)) return added;
  return parts_.model->id_to_token(id);
}

std::string PipelineTokenizer::decode(std::span<const TokenId> ids,
                                      bool skip_special_tokens) const {
  Decoding decoding = parts_.decoder.start(DecodeMode::exact);
  std::string text;
  for (const TokenId id : ids) {
    if (const auto token = decoded_token(id, skip_special_tokens)) decoding.push(*token, text);
  }
  decoding.finish(text);
  return text;
}

std::unique_ptr<DecodeStream> PipelineTokenizer::open_stream(bool skip_special_tokens) const {
  return std::make_unique<Stream>(*this, skip_special_tokens);
}

std::optional<std::string> PipelineTokenizer::id_to_token(TokenId id) const {
  const auto token = decoded_token(id, false);
  return token ? std::optional<std::string>(*token) : std::nullopt;
}

std::optional<TokenId> PipelineTokenizer::token_to_id(std::string_view token) const {
  if (const auto added = parts_.added.find(token)) return added;
  return parts_.model->token_to_id(token);
}

std::size_t PipelineTokenizer::vocab_size() const {
  return std::max(parts_.model->id_end(), parts_.added.id_end());
}

}  // namespace hearth::engine
