// The model that the server serves: what the service knows of it, and where the demo lies.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "engine/base/error.h"
#include "engine/cli/model_folder.h"
#include "engine/runtime/step_runner.h"
#include "server/session/load_report.h"
#include "server/session/model_info.h"

namespace hearth::server {

// What it can do, for the line at the start: "chat", "texts and embeddings, no chat", …
std::string abilities(const ModelInfo& info);

// Of a loaded model.
std::shared_ptr<const ModelInfo> make_model_info(const engine::ModelFolder& folder,
                                                 const std::string& name,
                                                 const engine::RunnerTraits& traits);

// Of a folder whose weights are about to be loaded.
LoadFacts load_facts(const engine::ModelFolder& folder, const std::string& name,
                     const engine::RunnerChoice& choice);

// The built-in model: beside the executable's build tree or installation. Errors: folder_not_found.
Result<std::filesystem::path> demo_folder();

// The folder's own name, as the model's.
std::string folder_name(const std::filesystem::path& path);

}  // namespace hearth::server
