// A model described in JSON: what `hearth inspect --json` and the inspector's page show.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/module_tree.h"

namespace hearth::engine {

// {"name", "parameters", "copies"?, "kind"?, "detail"?, "dtype"?, "children"?}
nlohmann::ordered_json to_json(const Module& module);

// Sizes and kinds under config.json's names.
nlohmann::ordered_json to_json(const ModelSpec& spec);

}  // namespace hearth::engine
