// The tiny folders of tests/golden/models on a CudaDecoder, whatever its device.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/token_id.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/cuda/cuda_decoder.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine::cuda::testing {

struct GoldenCase {
  std::vector<TokenId> ids;
  std::vector<std::int64_t> positions;  // rows that the reference keeps
  std::vector<float> logits;            // [positions, V]
  double max_abs_logit = 0.0;
  std::vector<TokenId> greedy;  // transformers' reply
};

struct GoldenFolder {
  std::string path;
  ModelSpec spec;
  std::vector<GoldenCase> cases;
};

GoldenFolder load_golden(const std::string& name);

// "qwen2-tied" → "qwen2_tied", as GoogleTest wants names.
std::string test_name(std::string folder);

CudaDecoderOptions small_options(ComputeDtype dtype);

// EXPECTs success.
std::unique_ptr<StepRunner> load_decoder(const GoldenFolder& golden, std::unique_ptr<Device> device,
                                         const CudaDecoderOptions& options);

// Blocks for `count` tokens from the given one on, in a scattered order.
std::vector<std::int32_t> blocks_from(std::int32_t first, std::size_t count);

// All tokens' logits, [T, V], in pieces of `chunk` tokens.
std::vector<float> all_logits(StepRunner& decoder, const std::vector<TokenId>& ids,
                              std::size_t chunk, std::int32_t first_block = 0);

// The largest difference from the reference, as a share of its largest logit.
double worst_error(const GoldenFolder& golden, const GoldenCase& c,
                   const std::vector<float>& logits);

// `count` tokens after each prompt, all sequences decoding together.
std::vector<std::vector<TokenId>> greedy_together(StepRunner& decoder,
                                                  const std::vector<std::vector<TokenId>>& prompts,
                                                  std::size_t count);

}  // namespace hearth::engine::cuda::testing
