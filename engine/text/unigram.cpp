#include "engine/text/unigram.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/text/byte_token.h"
#include "engine/text/json_fields.h"
#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

constexpr double kUnknownPenalty = 10.0;
constexpr std::size_t kWordBytesMax = std::size_t{1} << 26;  // longer ones are cut in parts
// A user-defined piece must win against any way to write it; sentencepiece's own number.
constexpr double kUserDefinedLoss = 0.1;

bool is_forbidden(const ForbiddenIds* forbidden, TokenId id) {
  return forbidden != nullptr && static_cast<std::size_t>(id) < forbidden->size() &&
         (*forbidden)[static_cast<std::size_t>(id)];
}

}  // namespace

Result<Unigram> Unigram::make(const std::vector<UnigramPiece>& pieces, UnigramOptions options) {
  Unigram model;
  model.options_ = options;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const UnigramPiece& piece = pieces[i];
    const auto id = static_cast<TokenId>(i);
    if (!model.vocabulary_.add(piece.text, id)) {
      return fail(ErrorCode::tokenizer_invalid, "The tokenizer's piece " + std::to_string(i) +
                                                    ", \"" + to_valid_utf8(piece.text) +
                                                    "\", is there twice, or one too many.");
    }
    model.scores_.push_back(piece.score);
    model.is_user_defined_.push_back(piece.is_user_defined);
    if (piece.is_in_text) model.trie_.add(piece.text, id);
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    model.of_byte_[byte] =
        model.vocabulary_.find(byte_token(static_cast<unsigned char>(byte))).value_or(-1);
  }
  return model;
}

// Viterbi over the word's characters; the first of equal ways wins, as in the reference.
std::vector<Unigram::Cut> Unigram::best_cuts(std::string_view word,
                                             const ForbiddenIds* forbidden) const {
  std::vector<Cut> cuts(word.size() + 1);
  cuts[0].begin = 0;
  const auto offer = [&](std::size_t begin, std::size_t end, double score, TokenId id) {
    Cut& cut = cuts[end];
    const auto rounded = [&](double value) {
      return options_.single_precision ? static_cast<double>(static_cast<float>(value)) : value;
    };
    // sentencepiece compares before it rounds, but for unknown characters.
    const double sum = cuts[begin].score + score;
    const double compared = id < 0 ? rounded(sum) : sum;
    if (cut.begin != UINT32_MAX && compared <= cut.score) return;
    cut = {rounded(sum), static_cast<std::uint32_t>(begin), id};
  };
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t next = at + decode_utf8(word, at).bytes;
    bool has_single = false;
    trie_.each_at(word, at, [&](std::size_t end, TokenId id) {
      if (is_forbidden(forbidden, id)) return;
      const auto i = static_cast<std::size_t>(id);
      const double score =
          is_user_defined_[i]
              ? static_cast<double>(end - at) * options_.max_score - kUserDefinedLoss
              : scores_[i];
      offer(at, end, score, id);
      has_single = has_single || end == next;
    });
    if (!has_single) offer(at, next, options_.unk_score, -1);
    at = next;
  }
  return cuts;
}

void Unigram::append_unknown(std::string_view text, std::vector<TokenId>& ids) const {
  if (options_.byte_fallback) {
    const bool has_all = std::all_of(text.begin(), text.end(), [&](char byte) {
      return of_byte_[static_cast<unsigned char>(byte)] >= 0;
    });
    if (has_all) {
      for (const char byte : text) ids.push_back(of_byte_[static_cast<unsigned char>(byte)]);
      return;
    }
  }
  if (options_.unk_id >= 0) ids.push_back(options_.unk_id);
}

void Unigram::encode(std::string_view word, const ForbiddenIds* forbidden,
                     std::vector<TokenId>& ids) const {
  while (word.size() > kWordBytesMax) {
    const std::size_t cut = previous_utf8(word, kWordBytesMax + 1);
    encode(word.substr(0, cut), forbidden, ids);
    word.remove_prefix(cut);
  }
  const std::vector<Cut> cuts = best_cuts(word, forbidden);
  std::vector<std::size_t> ends;
  for (std::size_t end = word.size(); end > 0; end = cuts[end].begin) ends.push_back(end);
  std::size_t unknown = 0;  // where a run of unknown characters began
  bool in_unknown = false;
  const auto flush = [&](std::size_t end) {
    if (in_unknown) append_unknown(word.substr(unknown, end - unknown), ids);
    in_unknown = false;
  };
  for (auto end = ends.rbegin(); end != ends.rend(); ++end) {
    const Cut& cut = cuts[*end];
    if (cut.id >= 0) {
      flush(cut.begin);
      ids.push_back(cut.id);
      continue;
    }
    if (!options_.fuse_unk) flush(cut.begin);
    if (!in_unknown) unknown = cut.begin;
    in_unknown = true;
  }
  flush(word.size());
}

Result<Unigram> unigram_from_json(const nlohmann::json& component) {
  const std::string where = "tokenizer.json: model";
  JsonFields fields(component, where);
  std::vector<UnigramPiece> pieces;
  UnigramOptions options;
  double min_score = std::numeric_limits<double>::max();
  for (const nlohmann::json& entry : fields.array("vocab")) {
    const bool fits =
        entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_number();
    if (!fits) {
      return fail(ErrorCode::tokenizer_invalid, where + ": piece " + std::to_string(pieces.size()) +
                                                    " must be a text and a score.");
    }
    UnigramPiece piece;
    piece.text = entry[0].get<std::string>();
    piece.score = entry[1].get<double>();
    piece.is_in_text = !piece.text.empty();
    min_score = std::min(min_score, piece.score);
    pieces.push_back(std::move(piece));
  }
  const auto last = static_cast<std::int64_t>(pieces.size()) - 1;
  options.unk_id = static_cast<TokenId>(fields.integer("unk_id", -1, -1, last));
  options.unk_score = min_score - kUnknownPenalty;
  options.byte_fallback = fields.boolean("byte_fallback", false);
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  return Unigram::make(pieces, options);
}

}  // namespace hearth::engine
