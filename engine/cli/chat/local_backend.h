// The model of a folder, loaded into this process.
#pragma once

#include <filesystem>
#include <memory>

#include "engine/base/error.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/cli/chat/chat_backend.h"

namespace hearth::engine {

// Errors: those of open_model_folder and load_runner; file_missing (no chat template);
// architecture_unsupported (a classifier).
Result<std::unique_ptr<ChatBackend>> open_local_backend(const std::filesystem::path& folder,
                                                        const RunnerOptions& options);

}  // namespace hearth::engine
