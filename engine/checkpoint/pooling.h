// How the states of a text's tokens become one vector: what sentence-transformers wrote into the
// folder (modules.json, 1_Pooling/config.json), else what is usual for the architecture.
#pragma once

#include <filesystem>
#include <string>

#include "engine/checkpoint/model_spec.h"
#include "engine/runtime/request.h"

namespace hearth::engine {

struct PoolingRule {
  RequestOutput state = RequestOutput::last_state;  // or first_state, mean_state
  bool is_normalized = true;                        // to length 1
  std::string refusal{};  // not empty: a sentence that says why this folder gives no embeddings
};

// Without those files: an encoder's mean, a decoder's last state, normalised.
PoolingRule load_pooling(const std::filesystem::path& folder, const ModelSpec& spec);

}  // namespace hearth::engine
