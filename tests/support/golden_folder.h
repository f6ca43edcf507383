// The tiny folders of tests/golden/models with their references' answers, and a decoder held
// against them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/token_id.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/runtime/step_runner.h"

namespace hearth::engine::testing {

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

// Blocks for `count` tokens from the given one on, in a scattered order.
std::vector<std::int32_t> blocks_from(std::int32_t first, std::size_t count);

// All tokens' logits, [T, V], in pieces of `chunk` tokens.
std::vector<float> all_logits(StepRunner& decoder, const std::vector<TokenId>& ids,
                              std::size_t chunk, std::int32_t first_block = 0);

// The largest difference from the reference, as a share of its largest logit; not finite where a
// logit is no number.
double worst_error(const GoldenFolder& golden, const GoldenCase& c,
                   const std::vector<float>& logits);

}  // namespace hearth::engine::testing
