// A model whose layers live in several places. There is one CPU, but libtorch tells "cpu" from
// "cpu:0" and copies from one to the other: two logical devices on any machine.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/weight_map.h"
#include "engine/torch/devices.h"
#include "engine/torch/make_runner.h"
#include "tests/engine/torch/golden_model.h"

namespace hearth::engine {
namespace {

using testing::blocks_in_order;
using testing::golden_folder;
using testing::run_row;
using testing::small_options;

const at::TensorOptions kHere = at::TensorOptions(at::kFloat).device(at::kCPU);
const at::TensorOptions kThere = at::TensorOptions(at::kFloat).device(at::Device(at::kCPU, 0));

using Split = Places (*)(std::int64_t num_layers);

// Every layer elsewhere than the one before it, and the head elsewhere than the embedding.
Places alternating(std::int64_t num_layers) {
  Places places = Places::one(kHere, num_layers);
  for (std::size_t i = 0; i < places.layers.size(); i += 2) places.layers[i] = kThere;
  places.tail = kThere;
  return places;
}

// As with a tied head: back to where it began.
Places there_and_back(std::int64_t num_layers) {
  Places places = Places::one(kHere, num_layers);
  std::fill(places.layers.begin() + 1, places.layers.end(), kThere);
  return places;
}

// A tensor that did not cross meets one of another dtype, and libtorch or its result says so.
Places half_in_bf16(std::int64_t num_layers) {
  Places places = Places::one(kHere, num_layers);
  std::fill(places.layers.begin() + num_layers / 2, places.layers.end(),
            kThere.dtype(at::kBFloat16));
  places.tail = kThere.dtype(at::kBFloat16);
  return places;
}

Places other_half_in_bf16(std::int64_t num_layers) {
  Places places = Places::one(kHere, num_layers);
  std::fill(places.layers.begin(), places.layers.begin() + num_layers / 2,
            kThere.dtype(at::kBFloat16));
  return places;
}

Places together(std::int64_t num_layers) { return Places::one(kHere, num_layers); }

std::unique_ptr<StepRunner> load(const std::string& name, Split split) {
  const auto checkpoint = Checkpoint::open(golden_folder(name));
  const auto spec = load_model_spec(golden_folder(name));
  const auto weights = WeightMap::match(*checkpoint, *spec);
  auto plan = make_run_plan(*weights, *spec, small_options());
  EXPECT_TRUE(plan) << plan.error().detail;
  plan->places = split(spec->num_layers);
  if (weights->head_is_embedding()) plan->places.tail = plan->places.embedding;
  return make_torch_runner(*checkpoint, *weights, *spec, *plan, {});
}

BatchRow row_of(const std::vector<TokenId>& ids, std::size_t begin, std::size_t end,
                const std::vector<std::int32_t>& blocks, std::size_t prompt, RowOutput output) {
  BatchRow row;
  row.position = static_cast<std::int64_t>(begin);
  row.prompt_length = static_cast<std::int64_t>(prompt);
  row.tokens = std::span(ids).subspan(begin, end - begin);
  row.block_table = blocks;
  row.output = output;
  return row;
}

// The logits of a prompt of 40 tokens (in two chunks where the network allows it) and of two tokens
// that follow.
std::vector<float> logits_of(const std::string& name, Split split) {
  const auto runner = load(name, split);
  const auto blocks = blocks_in_order(0, 8);
  constexpr std::size_t kPrompt = 40;
  std::vector<TokenId> ids;
  for (TokenId i = 0; i < 42; ++i) ids.push_back(3 + 7 * i % 61);
  std::vector<std::size_t> ends = {kPrompt, kPrompt + 1, kPrompt + 2};
  if (runner->traits().can_chunk) ends.insert(ends.begin(), 17);
  std::vector<float> all;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    const auto values =
        run_row(*runner, row_of(ids, begin, end, blocks, kPrompt, RowOutput::all_logits));
    all.insert(all.end(), values.begin(), values.end());
    begin = end;
  }
  return all;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0.0;
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
    largest = std::max(largest, std::abs(static_cast<double>(a[i])));
  }
  return worst / largest;
}

TEST(Devices, AFamilyThatLeavesTheRangeOfFp16IsNotComputedInIt) {
  ModelSpec llama;
  ModelSpec gemma;
  gemma.norm = NormKind::rms_unit_offset;
  const auto chosen = [](ComputeDtype wanted, const ModelSpec& spec) {
    return choose_dtype(wanted, true, spec, Dtype::f16);
  };
  EXPECT_EQ(chosen(ComputeDtype::automatic, llama), at::kHalf);
  EXPECT_EQ(chosen(ComputeDtype::fp16, llama), at::kHalf);
  EXPECT_EQ(chosen(ComputeDtype::automatic, gemma), at::kBFloat16);
  EXPECT_EQ(chosen(ComputeDtype::fp16, gemma).error().code, ErrorCode::dtype_unsupported);
  EXPECT_EQ(choose_dtype(ComputeDtype::automatic, false, llama, Dtype::f16), at::kFloat);
}

class PlacedModel : public ::testing::TestWithParam<const char*> {};

TEST_P(PlacedModel, LogitsAreTheSameBitsWhereverTheLayersAre) {
  const auto expected = logits_of(GetParam(), together);
  EXPECT_EQ(logits_of(GetParam(), alternating), expected);
  EXPECT_EQ(logits_of(GetParam(), there_and_back), expected);
}

TEST_P(PlacedModel, EverythingALayerReadsComesToItsPlace) {
  const auto expected = logits_of(GetParam(), together);
  for (const Split split : {half_in_bf16, other_half_in_bf16}) {
    const double found = distance(expected, logits_of(GetParam(), split));
    EXPECT_LE(found, 0.12);
    EXPECT_GT(found, 1e-6) << "bf16 was not used";
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, PlacedModel,
                         ::testing::Values("qwen2-tied", "qwen2-sharded", "qwen2-window", "qwen3",
                                           "llama3-gqa", "mistral", "phi3", "gemma2", "gemma3-tiny",
                                           "chatglm1-tiny", "chatglm2-tiny", "yuan2-tiny"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace hearth::engine
