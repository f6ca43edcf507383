#include "engine/text/bpe_files.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "engine/text/json_fields.h"

namespace hearth::engine {
namespace {

using MergeNames = Bpe::MergeNames;

// "a b", cut at the first space.
std::optional<MergeNames> cut_merge(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == line.size())
    return std::nullopt;
  return MergeNames{line.substr(0, space), line.substr(space + 1)};
}

std::optional<MergeNames> read_merge(const nlohmann::json& merge) {
  if (merge.is_string()) return cut_merge(merge.get_ref<const std::string&>());
  if (!merge.is_array() || merge.size() != 2) return std::nullopt;
  if (!merge[0].is_string() || !merge[1].is_string()) return std::nullopt;
  return MergeNames{merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>()};
}

Result<BpeOptions> read_options(JsonFields& fields, bool byte_level) {
  BpeOptions options;
  options.unk_token = fields.optional_text("unk_token");
  options.fuse_unk = fields.boolean("fuse_unk", false);
  options.byte_fallback = fields.boolean("byte_fallback", false);
  options.ignore_merges = fields.boolean("ignore_merges", false);
  options.byte_level = byte_level;
  const nlohmann::json* dropout = fields.find("dropout");
  if (dropout != nullptr && !(dropout->is_number() && dropout->get<double>() == 0.0)) {
    fields.refuse(ErrorCode::tokenizer_unsupported,
                  fields.where() + ": a dropout other than 0 is not supported.");
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (fields.text(key).empty()) continue;
    fields.refuse(ErrorCode::tokenizer_unsupported,
                  fields.where() + ": a " + key + " is not supported.");
  }
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  return options;
}

}  // namespace

Result<Vocabulary> read_vocabulary(const nlohmann::json& object, const std::string& where) {
  Vocabulary vocabulary;
  for (const auto& [token, id] : object.items()) {
    const bool fits = id.is_number_unsigned() &&
                      id.get<std::uint64_t>() < static_cast<std::uint64_t>(kTokenIdEnd);
    if (!fits || !vocabulary.add(token, static_cast<TokenId>(id.get<std::uint64_t>()))) {
      return fail(ErrorCode::tokenizer_invalid,
                  where + ": the id of \"" + token + "\" must be an integer of its own from 0 to " +
                      std::to_string(kTokenIdEnd - 1) + ", found " + id.dump() + '.');
    }
  }
  return vocabulary;
}

Result<Bpe> bpe_from_json(const nlohmann::json& component, bool byte_level) {
  const std::string where = "tokenizer.json: model";
  JsonFields fields(component, where);
  const std::string type = fields.type();
  // Old files name no type; then the merges tell.
  const bool is_bpe = type == "BPE" || (type.empty() && fields.has("merges"));
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  if (!is_bpe) return unsupported_type(where, type);
  Result<BpeOptions> options = read_options(fields, byte_level);
  if (!options) return tl::unexpected<Error>(std::move(options.error()));
  Result<Vocabulary> vocabulary = read_vocabulary(fields.object("vocab"), where);
  if (!vocabulary) return tl::unexpected<Error>(std::move(vocabulary.error()));
  std::vector<MergeNames> merges;
  const nlohmann::json& list = fields.array("merges");
  merges.reserve(list.size());
  for (const nlohmann::json& item : list) {
    const auto merge = read_merge(item);
    if (!merge) {
      return fail(ErrorCode::tokenizer_invalid, where + ": merge " + std::to_string(merges.size()) +
                                                    " must be two tokens, found " + item.dump() +
                                                    '.');
    }
    merges.push_back(*merge);
  }
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  return Bpe::make(std::move(*vocabulary), merges, std::move(*options));
}

Result<Bpe> bpe_from_files(std::string_view vocab_json, std::string_view merges_txt,
                           BpeOptions options) {
  const Result<nlohmann::json> json = parse_json(vocab_json, "vocab.json");
  if (!json) return tl::unexpected<Error>(json.error());
  if (!json->is_object()) return fail(ErrorCode::tokenizer_invalid, "vocab.json is not an object.");
  Result<Vocabulary> vocabulary = read_vocabulary(*json, "vocab.json");
  if (!vocabulary) return tl::unexpected<Error>(std::move(vocabulary.error()));
  std::vector<MergeNames> merges;
  std::size_t line_number = 0;
  while (!merges_txt.empty()) {
    const std::size_t end = std::min(merges_txt.find('\n'), merges_txt.size());
    std::string_view line = merges_txt.substr(0, end);
    merges_txt.remove_prefix(std::min(end + 1, merges_txt.size()));
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with("#version")) continue;
    const auto merge = cut_merge(line);
    if (!merge) {
      return fail(ErrorCode::tokenizer_invalid, "merges.txt, line " + std::to_string(line_number) +
                                                    ": expected two tokens and a space.");
    }
    merges.push_back(*merge);
  }
  return Bpe::make(std::move(*vocabulary), merges, std::move(options));
}

}  // namespace hearth::engine
