#include "engine/text/sentencepiece_bpe.h"

#include <algorithm>
#include <functional>
#include <queue>

#include "engine/text/byte_token.h"
#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

constexpr std::size_t kWordBytesMax = std::size_t{1} << 28;  // places are 32 bits wide

bool is_forbidden(const ForbiddenIds* forbidden, TokenId id) {
  return forbidden != nullptr && static_cast<std::size_t>(id) < forbidden->size() &&
         (*forbidden)[static_cast<std::size_t>(id)];
}

}  // namespace

Result<SentencePieceBpe> SentencePieceBpe::make(const SentencePieceProto& proto) {
  SentencePieceBpe model;
  model.byte_fallback_ = proto.byte_fallback;
  for (std::size_t i = 0; i < proto.pieces.size(); ++i) {
    const SentencePiece& piece = proto.pieces[i];
    const auto id = static_cast<TokenId>(i);
    if (!model.vocabulary_.add(piece.text, id)) {
      return fail(ErrorCode::tokenizer_invalid, "The tokenizer's piece " + std::to_string(i) +
                                                    ", \"" + piece.text + "\", is there twice.");
    }
    model.scores_.push_back(piece.score);
    model.types_.push_back(piece.type);
    if (piece.type == PieceType::user_defined) model.user_defined_.add(piece.text, id);
    if (piece.type == PieceType::unknown) model.unk_id_ = id;
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto id = model.vocabulary_.find(byte_token(static_cast<unsigned char>(byte)));
    const bool is_byte = id && model.types_[static_cast<std::size_t>(*id)] == PieceType::byte;
    model.of_byte_[byte] = is_byte ? *id : -1;
  }
  return model;
}

bool SentencePieceBpe::is_joinable(TokenId id) const {
  const PieceType type = types_[static_cast<std::size_t>(id)];
  return type == PieceType::normal || type == PieceType::user_defined || type == PieceType::unused;
}

void SentencePieceBpe::append_unknown(std::string_view text, std::vector<TokenId>& ids) const {
  if (byte_fallback_) {
    for (const char byte : text) {
      const TokenId id = of_byte_[static_cast<unsigned char>(byte)];
      if (id >= 0) ids.push_back(id);
    }
    return;
  }
  if (unk_id_ >= 0) ids.push_back(unk_id_);
}

// One word being encoded.
class SentencePieceBpe::Joining {
 public:
  Joining(const SentencePieceBpe& model, std::string_view word, const ForbiddenIds* forbidden)
      : model_(model), word_(word), forbidden_(forbidden) {
    for (std::size_t at = 0; at < word.size();) {
      const auto match = model.user_defined_.longest_at(word, at);
      const bool is_frozen = match && !is_forbidden(forbidden, match->id);
      const std::size_t end = is_frozen ? match->end : at + decode_utf8(word, at).bytes;
      const auto i = static_cast<std::int32_t>(symbols_.size());
      symbols_.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end), i - 1,
                          i + 1, is_frozen});
      at = end;
    }
    if (!symbols_.empty()) symbols_.back().next = kNone;
    for (std::int32_t i = 1; i < static_cast<std::int32_t>(symbols_.size()); ++i) offer(i - 1, i);
  }

  void run(std::vector<TokenId>& ids) {
    while (!agenda_.empty()) {
      const Pair pair = agenda_.top();
      agenda_.pop();
      Symbol& left = symbols_[static_cast<std::size_t>(pair.left)];
      Symbol& right = symbols_[static_cast<std::size_t>(pair.right)];
      // Stale: one of the two has been joined with another since.
      if (left.is_gone || right.is_gone || right.end - left.begin != pair.bytes) continue;
      left.end = right.end;
      left.next = right.next;
      right.is_gone = true;
      if (left.next != kNone) symbols_[static_cast<std::size_t>(left.next)].previous = pair.left;
      offer(left.previous, pair.left);
      offer(pair.left, left.next);
    }
    bool after_unknown = false;
    for (std::int32_t i = symbols_.empty() ? kNone : 0; i != kNone;) {
      const Symbol& symbol = symbols_[static_cast<std::size_t>(i)];
      append(word_.substr(symbol.begin, symbol.end - symbol.begin), after_unknown, ids);
      i = symbol.next;
    }
  }

 private:
  static constexpr std::int32_t kNone = -1;

  struct Symbol {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::int32_t previous = kNone;
    std::int32_t next = kNone;
    bool is_frozen = false;
    bool is_gone = false;
  };
  struct Pair {
    float score = 0.0F;
    std::int32_t left = 0;
    std::int32_t right = 0;
    std::uint32_t bytes = 0;

    bool operator<(const Pair& other) const {
      return score < other.score || (score == other.score && left > other.left);
    }
  };

  void offer(std::int32_t left, std::int32_t right) {
    if (left == kNone || right == kNone) return;
    const Symbol& a = symbols_[static_cast<std::size_t>(left)];
    const Symbol& b = symbols_[static_cast<std::size_t>(right)];
    if (a.is_frozen || b.is_frozen) return;
    const std::string_view joined = word_.substr(a.begin, b.end - a.begin);
    const auto id = model_.vocabulary_.find(joined);
    if (!id || !model_.is_joinable(*id) || is_forbidden(forbidden_, *id)) return;
    const auto index = static_cast<std::size_t>(*id);
    agenda_.push({model_.scores_[index], left, right, b.end - a.begin});
    if (model_.types_[index] == PieceType::unused) {
      halves_[joined] = word_.substr(a.begin, a.end - a.begin).size();
    }
  }

  // An unused piece comes apart into what it was joined from.
  void append(std::string_view text, bool& after_unknown, std::vector<TokenId>& ids) const {
    const auto id = model_.vocabulary_.find(text);
    if (!id || !model_.is_joinable(*id) || is_forbidden(forbidden_, *id)) {
      if (!after_unknown || model_.byte_fallback_) model_.append_unknown(text, ids);
      after_unknown = true;
      return;
    }
    if (model_.types_[static_cast<std::size_t>(*id)] == PieceType::unused) {
      if (const auto half = halves_.find(text); half != halves_.end()) {
        append(text.substr(0, half->second), after_unknown, ids);
        append(text.substr(half->second), after_unknown, ids);
        return;
      }
    }
    after_unknown = false;
    ids.push_back(*id);
  }

  const SentencePieceBpe& model_;
  std::string_view word_;
  const ForbiddenIds* forbidden_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Pair> agenda_;
  std::unordered_map<std::string_view, std::size_t>
      halves_;  // of unused pieces, the left one's bytes
};

void SentencePieceBpe::encode(std::string_view word, const ForbiddenIds* forbidden,
                              std::vector<TokenId>& ids) const {
  while (word.size() > kWordBytesMax) {
    const std::size_t cut = previous_utf8(word, kWordBytesMax + 1);
    Joining(*this, word.substr(0, cut), forbidden).run(ids);
    word.remove_prefix(cut);
  }
  Joining(*this, word, forbidden).run(ids);
}

}  // namespace hearth::engine
