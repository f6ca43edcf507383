// The golden folders on a CudaDecoder, whatever its device.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "engine/cuda/cuda_decoder.h"
#include "tests/support/golden_folder.h"

namespace hearth::engine::cuda::testing {

using engine::testing::all_logits;
using engine::testing::blocks_from;
using engine::testing::GoldenCase;
using engine::testing::GoldenFolder;
using engine::testing::load_golden;
using engine::testing::test_name;
using engine::testing::worst_error;

// Those that the decoder runs.
inline const auto kFolders = ::testing::Values(
    "chatglm2-tiny", "chatglm3-tiny", "gemma1-tiny", "gemma2", "gemma3-tiny", "llama-linear",
    "llama3-gqa", "mistral", "phi3", "phi3-long", "phi3-short", "qwen2-sharded", "qwen2-tied",
    "qwen2-window", "qwen2-yarn", "qwen3", "vicuna-bin");

CudaDecoderOptions small_options(ComputeDtype dtype);

// EXPECTs success.
std::unique_ptr<StepRunner> load_decoder(const GoldenFolder& golden, std::unique_ptr<Device> device,
                                         const CudaDecoderOptions& options);

// `count` tokens after each prompt, all sequences decoding together.
std::vector<std::vector<TokenId>> greedy_together(StepRunner& decoder,
                                                  const std::vector<std::vector<TokenId>>& prompts,
                                                  std::size_t count);

}  // namespace hearth::engine::cuda::testing
