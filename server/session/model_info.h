// What the service knows of the model it serves. Plain data; shared and immutable once the model is
// ready.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/token_id.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/runtime/request.h"
#include "engine/runtime/thoughts.h"
#include "engine/sampling/sampling_overrides.h"

namespace hearth::engine {
class ChatTemplate;
class Tokenizer;
}  // namespace hearth::engine

namespace hearth::server {

// How a text becomes one vector. `refusal`: why it does not, a sentence, or empty.
struct EmbeddingInfo {
  engine::RequestOutput state = engine::RequestOutput::last_state;
  bool is_normalized = true;
  std::int64_t size = 0;
  std::string refusal{};
};

// Classes of a classifier. Names: all of them or none.
struct ClassInfo {
  std::int64_t count = 0;  // 0: no classifier
  std::vector<std::string> names{};
  engine::ScoreKind kind = engine::ScoreKind::single_label;
};

struct ModelInfo {
  std::string id{};                 // the name clients send: the folder's name, or --model-name
  std::string name{};               // for people
  std::int64_t context_length = 0;  // longest prompt + reply, tokens
  std::vector<TokenId> eos_ids{};
  engine::SamplingOverrides defaults;            // the folder's generation_config.json
  std::optional<std::int64_t> max_new_tokens{};  // the folder's, if it says so
  engine::ThoughtRule thoughts{};                // its marks, if it thinks before it answers
  std::string decoder{};      // RunnerTraits::description: decoder, device, dtype
  std::string fingerprint{};  // of folder, dtype and decoder; stored with each reply
  std::shared_ptr<const engine::Tokenizer> tokenizer{};
  std::shared_ptr<const engine::ChatTemplate> chat_template{};  // null: it cannot chat
  bool writes = true;                                           // false: it draws no tokens
  EmbeddingInfo embedding{};
  ClassInfo classes{};
};

enum class ModelState : std::uint8_t { loading, ready, failed };

// "loading", "ready", "failed".
const char* to_string(ModelState state);

// One stage of loading, done or at work. Counts that do not apply are 0 or empty.
struct LoadStage {
  std::string name{};          // "config", "tokenizer", "weights", "cache", "measure"
  std::optional<double> ms{};  // how long it took; nothing: it is at work
  std::int64_t tokens = 0;     // tokenizer: the vocabulary; cache: what conversations have room for
  std::int64_t bytes = 0;      // weights: done so far,
  std::int64_t bytes_all = 0;  // of so many
  std::string tensor{};        // weights: where it is
  std::string dtype{};         // weights: what they become
};

// How far the model is. While it loads id, stage, percent and stages are known.
struct ModelStatus {
  std::string id{};
  ModelState state = ModelState::loading;
  std::string stage{};   // the one at work
  double percent = 0.0;  // 0…100, of the weights' bytes
  std::optional<std::int64_t> eta_ms{};
  std::string detail{};                     // why it failed, one sentence
  std::shared_ptr<const ModelInfo> info{};  // set exactly when state is ready
  std::vector<LoadStage> stages{};          // while it loads: those done and the one at work
};

}  // namespace hearth::server
