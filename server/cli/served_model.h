// The model that the server serves: what the service knows of it, and where the demo lies.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "engine/base/error.h"
#include "engine/cli/model_folder.h"
#include "engine/runtime/step_runner.h"
#include "server/session/model_info.h"

namespace hearth::server {

// A folder that can chat. Errors: those of engine::open_model_folder; architecture_unsupported (a
// classifier); file_missing (no chat template).
Result<engine::ModelFolder> open_chat_folder(const std::filesystem::path& path);

// Of a loaded model. `decoder`: RunnerTraits::description.
std::shared_ptr<const ModelInfo> make_model_info(const engine::ModelFolder& folder,
                                                 const std::string& name,
                                                 const engine::RunnerTraits& traits);

// The built-in model: beside the executable's build tree or installation. Errors: folder_not_found.
Result<std::filesystem::path> demo_folder();

// The folder's own name, as the model's.
std::string folder_name(const std::filesystem::path& path);

}  // namespace hearth::server
