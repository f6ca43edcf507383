// What the text of a reply must look like, and how such wishes become token masks.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/structured/grammar_automaton.h"
#include "server/api/api_prompt.h"
#include "server/session/model_info.h"

namespace hearth::server {

struct JsonObjectRule {};
struct JsonSchemaRule {
  nlohmann::ordered_json schema;
};
// A call of one of these functions, in the form of the model's template.
struct ToolCallRule {
  nlohmann::ordered_json tools;  // [{"function": {"name", "parameters"?}}…]
};
using OutputRule = std::variant<std::monostate, JsonObjectRule, JsonSchemaRule, ToolCallRule>;

// Compiles rules and remembers the last ones: the masks that a schema's requests computed serve the
// next ones. Any thread; the automata themselves belong to the engine's thread once they are used.
class OutputRules {
 public:
  static constexpr std::size_t kRememberedMax = 16;  // each up to 30 MiB when it is full

  // Errors: invalid_parameter.
  Result<std::shared_ptr<engine::GrammarAutomaton>> compile(const ModelInfo& model,
                                                            const OutputRule& rule,
                                                            EncodedPrompt::ToolForm form);

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<engine::GrammarAutomaton> automaton;
  };
  std::shared_ptr<const engine::TokenTree> tree_of(const ModelInfo& model);

  std::mutex mutex_;
  std::list<Entry> remembered_;                    // the last used first
  std::shared_ptr<const engine::TokenTree> tree_;  // of tokenizer_
  std::shared_ptr<const engine::Tokenizer> tokenizer_;
};

}  // namespace hearth::server
