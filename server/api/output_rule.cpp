#include "server/api/output_rule.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/structured/json_schema.h"
#include "engine/text/tokenizer.h"
#include "server/api/token_bytes.h"

namespace hearth::server {
namespace {

using engine::FramedSchema;
using engine::Grammar;
using nlohmann::ordered_json;
using ToolForm = EncodedPrompt::ToolForm;

Result<std::shared_ptr<const Grammar>> compile_rule(const OutputRule& rule, ToolForm form) {
  if (std::holds_alternative<JsonObjectRule>(rule)) return engine::json_object_grammar();
  if (const auto* json = std::get_if<JsonSchemaRule>(&rule))
    return engine::compile_json_schema(json->schema);
  std::vector<FramedSchema> calls;
  for (const ordered_json& tool : std::get<ToolCallRule>(rule).tools) {
    const ordered_json& function = tool["function"];
    const std::string name = function["name"].dump();
    ordered_json schema = function.value("parameters", ordered_json::object());
    if (!schema.contains("type")) schema["type"] = "object";  // arguments have names
    if (form == ToolForm::tags) {
      calls.push_back(
          {"<tool_call>\n{\"name\": " + name + ", \"arguments\": ", schema, "}\n</tool_call>"});
    } else {
      calls.push_back({"{\"name\": " + name + ", \"parameters\": ", schema, "}"});
    }
  }
  return engine::compile_framed_schemas(calls);
}

std::string key_of(const OutputRule& rule, ToolForm form) {
  const std::string kind = std::to_string(rule.index()) + std::to_string(static_cast<int>(form));
  const auto text = [](const ordered_json& json) {
    return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  };
  if (const auto* json = std::get_if<JsonSchemaRule>(&rule)) return kind + text(json->schema);
  if (const auto* call = std::get_if<ToolCallRule>(&rule)) return kind + text(call->tools);
  return kind;
}

}  // namespace

std::shared_ptr<const engine::TokenTree> OutputRules::tree_of(const ModelInfo& model) {
  if (tokenizer_ != model.tokenizer) {
    tokenizer_ = model.tokenizer;
    tree_ = std::make_shared<const engine::TokenTree>(bytes_of_vocabulary(*model.tokenizer));
    remembered_.clear();
  }
  return tree_;
}

Result<std::shared_ptr<engine::GrammarAutomaton>> OutputRules::compile(const ModelInfo& model,
                                                                       const OutputRule& rule,
                                                                       ToolForm form) {
  if (std::holds_alternative<std::monostate>(rule)) return nullptr;
  const std::string key = key_of(rule, form);
  const std::lock_guard lock(mutex_);
  const auto tree = tree_of(model);
  const auto known = std::ranges::find(remembered_, key, &Entry::key);
  if (known != remembered_.end()) {
    remembered_.splice(remembered_.begin(), remembered_, known);
    return known->automaton;
  }
  auto grammar = compile_rule(rule, form);
  if (!grammar) return tl::unexpected(grammar.error());
  remembered_.push_front(
      {key, std::make_shared<engine::GrammarAutomaton>(std::move(*grammar), tree)});
  if (remembered_.size() > kRememberedMax) remembered_.pop_back();
  return remembered_.front().automaton;
}

}  // namespace hearth::server
