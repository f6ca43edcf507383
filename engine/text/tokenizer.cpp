#include "engine/text/tokenizer.h"

#include <system_error>
#include <utility>

#include "engine/text/json_fields.h"
#include "engine/text/model_family.h"
#include "engine/text/slow_tokenizers.h"
#include "engine/text/tokenizer_config.h"
#include "engine/text/tokenizer_json.h"
#include "engine/text/windowed_stream.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& file) {
  std::error_code ec;
  return fs::exists(file, ec);
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::load(const fs::path& folder) {
  Result<TokenizerConfig> config = TokenizerConfig::load(folder);
  if (!config) return tl::unexpected<Error>(std::move(config.error()));
  const TextFamily family = text_family_of(folder);
  const bool is_json_first = family == TextFamily::other || !is_there(folder / "tokenizer.model");
  if (is_json_first && is_there(folder / "tokenizer.json")) {
    const Result<std::string> text = read_file(folder / "tokenizer.json");
    if (!text) return tl::unexpected<Error>(text.error());
    return tokenizer_from_json(*text, *config);
  }
  for (const char* name : {"tokenizer.model", "ice_text.model"}) {
    if (!is_there(folder / name)) continue;
    const Result<std::string> bytes = read_file(folder / name);
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    return tokenizer_from_sentencepiece(*bytes, name, *config, family);
  }
  if (is_there(folder / "vocab.json")) {
    const Result<std::string> vocab = read_file(folder / "vocab.json");
    if (!vocab) return tl::unexpected<Error>(vocab.error());
    const Result<std::string> merges = read_file(folder / "merges.txt");
    if (!merges) return tl::unexpected<Error>(merges.error());
    return tokenizer_from_vocab(*vocab, *merges, *config);
  }
  if (is_there(folder / "vocab.txt")) {
    const Result<std::string> vocab = read_file(folder / "vocab.txt");
    if (!vocab) return tl::unexpected<Error>(vocab.error());
    return tokenizer_from_word_pieces(*vocab, *config);
  }
  return fail(ErrorCode::file_missing,
              folder.string() +
                  " has no tokenizer.json, nor tokenizer.model, ice_text.model, vocab.json with "
                  "merges.txt, or vocab.txt.");
}

Result<PairEncoding> Tokenizer::encode_pair(std::string_view first,
                                            std::optional<std::string_view> second) const {
  auto ids = encode(first, {.add_special_tokens = !second});
  if (!ids) return tl::unexpected<Error>(std::move(ids.error()));
  PairEncoding result;
  result.ids = std::move(*ids);
  result.types.resize(result.ids.size(), 0);
  if (!second) return result;
  const auto more = encode(*second, EncodeOptions{});
  if (!more) return tl::unexpected<Error>(more.error());
  result.ids.insert(result.ids.end(), more->begin(), more->end());
  result.types.resize(result.ids.size(), 1);
  return result;
}

std::unique_ptr<DecodeStream> Tokenizer::open_stream(bool skip_special_tokens) const {
  return std::make_unique<WindowedStream>(*this, skip_special_tokens);
}

}  // namespace hearth::engine
