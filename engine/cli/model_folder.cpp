#include "engine/cli/model_folder.h"

#include <utility>

#include "engine/checkpoint/weight_map.h"
#include "engine/cpu/cpu_decoder.h"
#include "engine/torch/module_loader.h"

namespace hearth::engine {

Result<ModelFolder> open_model_folder(const std::filesystem::path& path) {
  ModelFolder folder;
  folder.path = path;
  auto spec = load_model_spec(path);
  if (!spec) return tl::unexpected(spec.error());
  folder.spec = std::move(*spec);

  auto generation = load_generation_config(path);
  if (!generation) return tl::unexpected(generation.error());
  folder.generation = std::move(*generation);
  folder.warnings = folder.generation.warnings;

  auto tokenizer = Tokenizer::load(path);
  if (!tokenizer) return tl::unexpected(tokenizer.error());
  folder.tokenizer = std::move(*tokenizer);

  auto chat_template = ChatTemplate::load(path);
  if (chat_template) {
    folder.chat_template = std::move(*chat_template);
  } else if (chat_template.error().code != ErrorCode::file_missing) {
    return tl::unexpected(chat_template.error());
  }

  auto checkpoint = Checkpoint::open(path);
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  folder.checkpoint = std::make_unique<Checkpoint>(std::move(*checkpoint));
  const auto map = WeightMap::match(*folder.checkpoint, folder.spec);
  if (!map) return tl::unexpected(map.error());
  folder.warnings.insert(folder.warnings.end(), map->warnings().begin(), map->warnings().end());
  return folder;
}

RunnerChoice choose_runner(const ModelSpec& spec, const RunnerOptions& options) {
  if (options.device == ComputeDevice::cuda) return {false, "--device cuda"};
  if (options.dtype == ComputeDtype::fp32)
    return {false, "--dtype fp32 computes as transformers does"};
  if (options.dtype == ComputeDtype::fp16) return {false, "--dtype fp16"};
  if (!cpu::can_run(spec)) return {false, "the packed decoder does not know " + spec.architecture};
  return {true, "the fastest on this processor"};
}

Result<std::unique_ptr<StepRunner>> load_runner(const ModelFolder& folder,
                                                const RunnerOptions& options,
                                                const ProgressSink& progress) {
  if (!choose_runner(folder.spec, options).packed)
    return load_torch_runner(*folder.checkpoint, folder.spec, options, progress);
  cpu::CpuDecoderOptions packed;
  packed.runner = options;
  return cpu::load_cpu_decoder(*folder.checkpoint, folder.spec, packed, progress);
}

}  // namespace hearth::engine
