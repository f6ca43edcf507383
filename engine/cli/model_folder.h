// A model folder, opened: everything but the weights in memory. Shared by the commands and by
// serve.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/generation_config.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/runtime/step_runner.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

namespace hearth::engine {

struct ModelFolder {
  std::filesystem::path path;
  ModelSpec spec;
  GenerationConfig generation;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::shared_ptr<const ChatTemplate>
      chat_template;  // null when the folder has none and its family no built-in form
  std::unique_ptr<Checkpoint> checkpoint;  // weight files mapped, headers checked, every tensor
                                           // there and of the right shape
  std::vector<std::string> warnings;       // one sentence each
  double files_ms = 0.0;                   // what opening took: settings and weight headers,
  double text_ms = 0.0;                    // tokenizer and chat template
};

// Reads and checks all of it; takes milliseconds. Errors: those of the parts.
Result<ModelFolder> open_model_folder(const std::filesystem::path& path);

// Which decoder runs the model and in what numbers, and why, in words for the start-up line.
struct RunnerChoice {
  bool packed = false;                           // CpuDecoder
  bool cuda = false;                             // CudaDecoder; neither: TorchDecoder
  ComputeDtype dtype = ComputeDtype::automatic;  // packed: bf16, int8 or int4
  std::string why;
};
// Where nobody says, the packed decoder's bf16, or int8 or int4 when that is what memory holds.
RunnerChoice choose_runner(const ModelSpec& spec, const RunnerOptions& options);

// Loads the weights; the checkpoint may be closed afterwards. Errors: those of the chosen decoder.
Result<std::unique_ptr<StepRunner>> load_runner(const Checkpoint& checkpoint, const ModelSpec& spec,
                                                const RunnerOptions& options,
                                                const ProgressSink& progress);
Result<std::unique_ptr<StepRunner>> load_runner(const ModelFolder& folder,
                                                const RunnerOptions& options,
                                                const ProgressSink& progress);

}  // namespace hearth::engine
