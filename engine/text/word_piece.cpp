#include "engine/text/word_piece.h"

#include <algorithm>
#include <utility>

#include "engine/text/bpe_files.h"
#include "engine/text/json_fields.h"
#include "engine/text/utf8.h"

namespace hearth::engine {
namespace {

bool is_forbidden(const ForbiddenIds* forbidden, TokenId id) {
  return forbidden != nullptr && static_cast<std::size_t>(id) < forbidden->size() &&
         (*forbidden)[static_cast<std::size_t>(id)];
}

std::size_t count_chars(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  }));
}

}  // namespace

Result<WordPiece> WordPiece::make(Vocabulary vocabulary, WordPieceOptions options) {
  WordPiece model;
  model.vocabulary_ = std::move(vocabulary);
  model.options_ = std::move(options);
  const auto unk = model.vocabulary_.find(model.options_.unk_token);
  if (!unk) {
    return fail(
        ErrorCode::tokenizer_invalid,
        "The tokenizer's unk_token \"" + model.options_.unk_token + "\" is not in its vocabulary.");
  }
  model.unk_id_ = *unk;
  for (std::size_t id = 0; id < model.vocabulary_.id_end(); ++id) {
    const auto token = model.vocabulary_.token(static_cast<TokenId>(id));
    if (token) model.piece_bytes_max_ = std::max(model.piece_bytes_max_, token->size());
  }
  return model;
}

void WordPiece::encode(std::string_view word, const ForbiddenIds* forbidden,
                       std::vector<TokenId>& ids) const {
  if (count_chars(word) > options_.chars_max) {
    ids.push_back(unk_id_);
    return;
  }
  const std::size_t first = ids.size();
  std::string piece;
  for (std::size_t at = 0; at < word.size();) {
    std::size_t end = std::min(word.size(), at + piece_bytes_max_);
    if (end < word.size()) end = previous_utf8(word, end + 1);
    std::optional<TokenId> found;
    for (; end > at; end = previous_utf8(word, end)) {
      piece.assign(at > 0 ? options_.prefix : std::string()).append(word.substr(at, end - at));
      found = vocabulary_.find(piece);
      if (found && is_forbidden(forbidden, *found)) found.reset();
      if (found) break;
    }
    if (!found) {
      ids.resize(first);
      ids.push_back(unk_id_);
      return;
    }
    ids.push_back(*found);
    at = end;
  }
}

Result<WordPiece> word_piece_from_json(const nlohmann::json& component) {
  const std::string where = "tokenizer.json: model";
  JsonFields fields(component, where);
  WordPieceOptions options;
  options.unk_token = fields.text("unk_token", "[UNK]");
  options.prefix = fields.text("continuing_subword_prefix", "##");
  options.chars_max =
      static_cast<std::size_t>(fields.integer("max_input_chars_per_word", 100, 0, 1 << 20));
  Result<Vocabulary> vocabulary = read_vocabulary(fields.object("vocab"), where);
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  if (!vocabulary) return tl::unexpected<Error>(std::move(vocabulary.error()));
  return WordPiece::make(std::move(*vocabulary), std::move(options));
}

Result<WordPiece> word_piece_from_lines(std::string_view vocab_txt, WordPieceOptions options) {
  Vocabulary vocabulary;
  TokenId id = 0;
  while (!vocab_txt.empty()) {
    const std::size_t end = std::min(vocab_txt.find('\n'), vocab_txt.size());
    std::string_view line = vocab_txt.substr(0, end);
    vocab_txt.remove_prefix(std::min(end + 1, vocab_txt.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    // The reference keeps the last of equal lines; nobody's vocabulary has any.
    if (!is_valid_utf8(line) || !vocabulary.add(line, id)) {
      return fail(ErrorCode::tokenizer_invalid, "vocab.txt, line " + std::to_string(id + 1) +
                                                    ": a piece that is there twice, or "
                                                    "is not UTF-8.");
    }
    ++id;
  }
  return WordPiece::make(std::move(vocabulary), std::move(options));
}

}  // namespace hearth::engine
