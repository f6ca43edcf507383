#include "engine/text/pre_tokenizer.h"

#include <string>
#include <utility>

#include "engine/text/json_fields.h"
#include "engine/text/pre_tokenizer_steps.h"

namespace hearth::engine {
namespace {

constexpr int kNestingMax = 16;

struct Steps {
  std::vector<std::shared_ptr<const PreTokenizerStep>> list;
  bool is_byte_level = false;
};

Result<void> append_steps(const nlohmann::json& component, const std::string& where, int nesting,
                          Steps& steps) {
  JsonFields fields(component, where);
  const std::string type = fields.type();
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  if (steps.is_byte_level) {
    return fail(ErrorCode::tokenizer_unsupported,
                where + ": the type \"" + type + "\" after ByteLevel is not supported.");
  }
  if (type == "Sequence") {
    if (nesting == kNestingMax)
      return fail(ErrorCode::tokenizer_invalid, where + " nests too deep.");
    for (const nlohmann::json& child : fields.array("pretokenizers")) {
      if (auto done = append_steps(child, where, nesting + 1, steps); !done) return done;
    }
    if (fields.error()) return tl::unexpected<Error>(*fields.error());
    return {};
  }
  steps.is_byte_level = type == "ByteLevel";
  auto made = make_pre_tokenizer_steps(type, fields);
  if (!made) return tl::unexpected<Error>(std::move(made.error()));
  for (auto& step : *made) steps.list.push_back(std::move(step));
  return {};
}

}  // namespace

Result<PreTokenizer> PreTokenizer::from_json(const nlohmann::json& component) {
  PreTokenizer result;
  if (component.is_null()) return result;
  Steps steps;
  if (auto done = append_steps(component, "tokenizer.json: pre_tokenizer", 0, steps); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  result.steps_ = std::move(steps.list);
  result.is_byte_level_ = steps.is_byte_level;
  return result;
}

void PreTokenizer::run_from(std::size_t step, Piece piece, const PieceSink& sink) const {
  if (piece.text.empty()) return;
  if (step == steps_.size()) return sink(piece);
  if (step + 1 == steps_.size()) return steps_[step]->run(piece, sink);
  steps_[step]->run(piece, [&](Piece part) { run_from(step + 1, part, sink); });
}

}  // namespace hearth::engine
