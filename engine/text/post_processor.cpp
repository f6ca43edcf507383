#include "engine/text/post_processor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "engine/text/json_fields.h"
#include "engine/text/vocabulary.h"

namespace hearth::engine {
namespace {

constexpr int kNestingMax = 16;

std::optional<TokenId> read_id(const nlohmann::json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const auto id = value.get<std::uint64_t>();
  if (id >= static_cast<std::uint64_t>(kTokenIdEnd)) return std::nullopt;
  return static_cast<TokenId>(id);
}

// The ids that the template's special token `name` stands for.
std::optional<std::vector<TokenId>> ids_of(const nlohmann::json& special_tokens,
                                           const std::string& name) {
  const auto entry = special_tokens.find(name);
  if (entry == special_tokens.end() || !entry->is_object() || !entry->contains("ids")) {
    return std::nullopt;
  }
  const nlohmann::json& list = (*entry)["ids"];
  if (!list.is_array()) return std::nullopt;
  std::vector<TokenId> ids;
  for (const nlohmann::json& value : list) {
    const auto id = read_id(value);
    if (!id) return std::nullopt;
    ids.push_back(*id);
  }
  return ids;
}

// {"pair": [{"SpecialToken": {"id", "type_id"}}, {"Sequence": {"id": "A", "type_id": 0}}, …]}
void read_pair(JsonFields& fields, const nlohmann::json& special_tokens, PostProcessor& processor) {
  using Part = PostProcessor::PairPart;
  for (const nlohmann::json& item : fields.array("pair")) {
    JsonFields piece(item, fields.where() + ": pair");
    const bool is_text = piece.has("Sequence");
    JsonFields inner(piece.object(is_text ? "Sequence" : "SpecialToken"), piece.where());
    Part part;
    part.type = static_cast<std::int32_t>(inner.integer("type_id", 0, 0, 1000));
    const std::string id = inner.text("id");
    if (is_text) {
      part.kind = id == "B" ? Part::Kind::second : Part::Kind::first;
    } else if (const auto ids = ids_of(special_tokens, id)) {
      part.ids = *ids;
    } else {
      fields.refuse(ErrorCode::tokenizer_invalid,
                    fields.where() + ": \"pair\" names a special token that has no ids.");
    }
    if (inner.error()) fields.refuse(inner.error()->code, inner.error()->detail);
    processor.pair.push_back(std::move(part));
  }
}

Result<PostProcessor> template_processing(JsonFields& fields) {
  PostProcessor processor;
  const nlohmann::json& special_tokens = fields.object("special_tokens");
  int num_sequences = 0;
  for (const nlohmann::json& item : fields.array("single")) {
    JsonFields piece(item, fields.where() + ": single");
    if (piece.has("Sequence")) {
      ++num_sequences;
      continue;
    }
    JsonFields token(piece.object("SpecialToken"), fields.where() + ": SpecialToken");
    const auto ids = ids_of(special_tokens, token.text("id"));
    if (token.error() || !ids) {
      fields.refuse(ErrorCode::tokenizer_invalid,
                    fields.where() + ": \"single\" names a special token that has no ids.");
      break;
    }
    std::vector<TokenId>& side = num_sequences == 0 ? processor.before : processor.after;
    side.insert(side.end(), ids->begin(), ids->end());
  }
  read_pair(fields, special_tokens, processor);
  if (num_sequences != 1) {
    fields.refuse(
        ErrorCode::tokenizer_unsupported,
        fields.where() + ": a template that does not hold its sequence once is not supported.");
  }
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  return processor;
}

// ["</s>", 2]
std::optional<TokenId> id_of_pair(const nlohmann::json& pair) {
  if (!pair.is_array() || pair.size() != 2) return std::nullopt;
  return read_id(pair[1]);
}

Result<PostProcessor> cls_and_sep(JsonFields& fields) {
  const auto cls = id_of_pair(fields.array("cls"));
  const auto sep = id_of_pair(fields.array("sep"));
  if (!cls) fields.report("cls", "a token and its id");
  if (!sep) fields.report("sep", "a token and its id");
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  return PostProcessor::cls_and_sep(*cls, *sep);
}

Result<PostProcessor> read(const nlohmann::json& component, const std::string& where, int nesting) {
  JsonFields fields(component, where);
  const std::string type = fields.type();
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  if (type == "ByteLevel") return PostProcessor{};  // trims offsets, which nobody asks for
  if (type == "TemplateProcessing") return template_processing(fields);
  if (type == "BertProcessing" || type == "RobertaProcessing") return cls_and_sep(fields);
  if (type != "Sequence") return unsupported_type(where, type);
  if (nesting == kNestingMax) return fail(ErrorCode::tokenizer_invalid, where + " nests too deep.");
  PostProcessor all;
  for (const nlohmann::json& child : fields.array("processors")) {
    Result<PostProcessor> next = read(child, where, nesting + 1);
    if (!next) return next;
    all.before.insert(all.before.begin(), next->before.begin(), next->before.end());
    all.after.insert(all.after.end(), next->after.begin(), next->after.end());
    if (all.pair.empty()) all.pair = std::move(next->pair);
  }
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  return all;
}

}  // namespace

PostProcessor PostProcessor::cls_and_sep(TokenId cls, TokenId sep) {
  using Kind = PairPart::Kind;
  PostProcessor processor;
  processor.before = {cls};
  processor.after = {sep};
  processor.pair = {{Kind::special, 0, {cls}},
                    {Kind::first, 0, {}},
                    {Kind::special, 0, {sep}},
                    {Kind::second, 1, {}},
                    {Kind::special, 1, {sep}}};
  return processor;
}

Result<PostProcessor> PostProcessor::from_json(const nlohmann::json& component) {
  if (component.is_null()) return PostProcessor{};
  return read(component, "tokenizer.json: post_processor", 0);
}

}  // namespace hearth::engine
