#include "engine/cli/model_folder.h"

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <sstream>
#include <utility>

#include "engine/base/gpu_memory.h"
#include "engine/base/memory.h"
#include "engine/checkpoint/weight_map.h"
#include "engine/cpu/cpu_decoder.h"
#include "engine/cuda/load_cuda.h"
#include "engine/torch/module_loader.h"

namespace hearth::engine {

namespace {

// A built-in form may end a reply with tokens that the folder's own files do not name (ChatGLM3).
void add_stop_tokens(ModelFolder& folder) {
  if (folder.chat_template == nullptr) return;
  std::vector<TokenId>& ids = folder.generation.eos_token_ids;
  for (const std::string& token : folder.chat_template->stop_tokens()) {
    const auto id = folder.tokenizer->token_to_id(token);
    if (id && std::find(ids.begin(), ids.end(), *id) == ids.end()) ids.push_back(*id);
  }
}

double milliseconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

}  // namespace

Result<ModelFolder> open_model_folder(const std::filesystem::path& path) {
  const auto begin = std::chrono::steady_clock::now();
  ModelFolder folder;
  folder.path = path;
  auto spec = load_model_spec(path);
  if (!spec) return tl::unexpected(spec.error());
  folder.spec = std::move(*spec);

  auto generation = load_generation_config(path);
  if (!generation) return tl::unexpected(generation.error());
  folder.generation = std::move(*generation);
  folder.warnings = folder.spec.warnings;
  folder.warnings.insert(folder.warnings.end(), folder.generation.warnings.begin(),
                         folder.generation.warnings.end());

  const auto text_begin = std::chrono::steady_clock::now();
  auto tokenizer = Tokenizer::load(path);
  if (!tokenizer) return tl::unexpected(tokenizer.error());
  folder.tokenizer = std::move(*tokenizer);

  auto chat_template = ChatTemplate::load(path);
  if (chat_template) {
    folder.chat_template = std::move(*chat_template);
  } else if (chat_template.error().code != ErrorCode::file_missing) {
    return tl::unexpected(chat_template.error());
  }

  add_stop_tokens(folder);
  folder.text_ms = milliseconds_since(text_begin);

  auto checkpoint = Checkpoint::open(path);
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  folder.checkpoint = std::make_unique<Checkpoint>(std::move(*checkpoint));
  const auto map = WeightMap::match(*folder.checkpoint, folder.spec);
  if (!map) return tl::unexpected(map.error());
  folder.warnings.insert(folder.warnings.end(), map->warnings().begin(), map->warnings().end());
  folder.files_ms = milliseconds_since(begin) - folder.text_ms;
  return folder;
}

namespace {

cpu::WeightFormat format_of(ComputeDtype dtype) {
  return dtype == ComputeDtype::int8   ? cpu::WeightFormat::int8
         : dtype == ComputeDtype::int4 ? cpu::WeightFormat::int4
                                       : cpu::WeightFormat::bf16;
}

std::string gigabytes(std::int64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(bytes) / 1e9 << " GB";
  return text.str();
}

// The widest format that leaves a third of the free memory to the KV cache and to everything else.
RunnerChoice choose_by_memory(const ModelSpec& spec) {
  const std::int64_t available = available_memory();
  const auto fits = [&](cpu::WeightFormat format) {
    return cpu::packed_bytes(spec, format) <= available / 3 * 2;
  };
  if (fits(cpu::WeightFormat::bf16))
    return {.packed = true,
            .dtype = ComputeDtype::bf16,
            .why = "the fastest decoder on this processor"};
  const bool as_int8 = fits(cpu::WeightFormat::int8);
  return {.packed = true,
          .dtype = as_int8 ? ComputeDtype::int8 : ComputeDtype::int4,
          .why = "bf16 would take " + gigabytes(cpu::packed_bytes(spec, cpu::WeightFormat::bf16)) +
                 " of the " + gigabytes(available) + " that are free"};
}

}  // namespace

RunnerChoice choose_runner(const ModelSpec& spec, const RunnerOptions& options) {
  if (cuda_decoder_fits(spec, options)) {
    return {.cuda = true, .dtype = options.dtype, .why = "the fastest decoder on this GPU"};
  }
  if (options.device == ComputeDevice::cuda)
    return {.dtype = options.dtype, .why = "--device cuda"};
  const bool wants_packed =
      options.dtype == ComputeDtype::int8 || options.dtype == ComputeDtype::int4;
  // The driver is asked first: it costs nothing where there is none, libtorch half a second.
  const bool may_use_gpu = options.device == ComputeDevice::automatic && !wants_packed;
  if (may_use_gpu && !free_gpu_memory().empty() && torch_finds_cuda()) {
    return {.dtype = options.dtype, .why = "libtorch finds a GPU"};
  }
  if (options.dtype == ComputeDtype::fp32)
    return {.dtype = options.dtype, .why = "--dtype fp32 computes as transformers does"};
  if (options.dtype == ComputeDtype::fp16) return {.dtype = options.dtype, .why = "--dtype fp16"};
  if (!cpu::can_run(spec)) {
    return {.dtype = options.dtype, .why = "the packed decoder does not know " + spec.architecture};
  }
  if (options.dtype == ComputeDtype::automatic) return choose_by_memory(spec);
  return {.packed = true, .dtype = options.dtype, .why = "the fastest decoder on this processor"};
}

Result<std::unique_ptr<StepRunner>> load_runner(const Checkpoint& checkpoint, const ModelSpec& spec,
                                                const RunnerOptions& options,
                                                const ProgressSink& progress) {
  const RunnerChoice choice = choose_runner(spec, options);
  if (!choice.packed && options.kv_dtype == KvDtype::int8) {
    return fail(ErrorCode::usage,
                "--kv-dtype int8 is for the packed CPU decoder, which does not run here: " +
                    choice.why + ".");
  }
  if (choice.cuda) return load_cuda_runner(checkpoint, spec, options, progress);
  if (!choice.packed) return load_torch_runner(checkpoint, spec, options, progress);
  cpu::CpuDecoderOptions packed;
  packed.runner = options;
  packed.format = format_of(choice.dtype);
  return cpu::load_cpu_decoder(checkpoint, spec, packed, progress);
}

Result<std::unique_ptr<StepRunner>> load_runner(const ModelFolder& folder,
                                                const RunnerOptions& options,
                                                const ProgressSink& progress) {
  return load_runner(*folder.checkpoint, folder.spec, options, progress);
}

}  // namespace hearth::engine
