#include "engine/text/decoder.h"

#include <utility>

#include "engine/text/decoder_stages.h"
#include "engine/text/json_fields.h"

namespace hearth::engine {
namespace {

constexpr int kNestingMax = 16;

struct Rules {
  std::vector<DecodeRule> list;
  bool fused = false;
};

Result<void> append_rules(const nlohmann::json& component, const std::string& where, int nesting,
                          Rules& rules) {
  JsonFields fields(component, where);
  const std::string type = fields.type();
  if (fields.error()) return tl::unexpected<Error>(*fields.error());
  if (type == "Sequence") {
    if (nesting == kNestingMax)
      return fail(ErrorCode::tokenizer_invalid, where + " nests too deep.");
    for (const nlohmann::json& child : fields.array("decoders")) {
      if (auto done = append_rules(child, where, nesting + 1, rules); !done) return done;
    }
    if (fields.error()) return tl::unexpected<Error>(*fields.error());
    return {};
  }
  Result<DecodeRule> rule = make_decode_rule(type, fields, rules.fused);
  if (!rule) return tl::unexpected<Error>(std::move(rule.error()));
  rules.list.push_back(std::move(*rule));
  rules.fused = rules.fused || type == "Fuse" || type == "ByteLevel";
  return {};
}

}  // namespace

void Decoding::push_from(std::size_t stage, std::string_view token, std::string& out) {
  if (stage == stages_.size()) {
    out.append(token);
    return;
  }
  stages_[stage]->push(token, [&](std::string_view next) { push_from(stage + 1, next, out); });
}

void Decoding::push(std::string_view token, std::string& out) { push_from(0, token, out); }

void Decoding::finish(std::string& out) {
  for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
    stages_[stage]->finish([&](std::string_view next) { push_from(stage + 1, next, out); });
  }
}

Result<Decoder> Decoder::from_json(const nlohmann::json& component) {
  Decoder decoder;
  if (component.is_null()) {
    decoder.rules_.push_back(join_with_spaces_rule());
    return decoder;
  }
  Rules rules;
  if (auto done = append_rules(component, "tokenizer.json: decoder", 0, rules); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  decoder.rules_ = std::move(rules.list);
  return decoder;
}

Decoder Decoder::byte_level() { return of(byte_level_rule()); }

Decoder Decoder::of(DecodeRule rule) {
  Decoder decoder;
  decoder.rules_.push_back(std::move(rule));
  return decoder;
}

Decoding Decoder::start(DecodeMode mode) const {
  std::vector<std::unique_ptr<DecodeStage>> stages;
  stages.reserve(rules_.size());
  for (const DecodeRule& rule : rules_) stages.push_back(rule(mode));
  return Decoding(std::move(stages));
}

}  // namespace hearth::engine
