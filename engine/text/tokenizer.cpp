#include "engine/text/tokenizer.h"

#include <array>
#include <system_error>
#include <utility>

#include "engine/text/json_fields.h"
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
  if (is_there(folder / "tokenizer.json")) {
    const Result<std::string> text = read_file(folder / "tokenizer.json");
    if (!text) return tl::unexpected<Error>(text.error());
    return tokenizer_from_json(*text, *config);
  }
  if (!is_there(folder / "tokenizer.model") && is_there(folder / "vocab.json")) {
    const Result<std::string> vocab = read_file(folder / "vocab.json");
    if (!vocab) return tl::unexpected<Error>(vocab.error());
    const Result<std::string> merges = read_file(folder / "merges.txt");
    if (!merges) return tl::unexpected<Error>(merges.error());
    return tokenizer_from_vocab(*vocab, *merges, *config);
  }
  for (const char* name : {"tokenizer.model", "vocab.txt", "ice_text.model"}) {
    if (!is_there(folder / name)) continue;
    return fail(ErrorCode::tokenizer_unsupported,
                folder.string() + " has " + name +
                    " but no tokenizer.json; that kind of tokenizer is not supported.");
  }
  return fail(ErrorCode::file_missing,
              folder.string() + " has no tokenizer.json, nor vocab.json with merges.txt.");
}

std::unique_ptr<DecodeStream> Tokenizer::open_stream(bool skip_special_tokens) const {
  return std::make_unique<WindowedStream>(*this, skip_special_tokens);
}

}  // namespace hearth::engine
