// Which decoder runs which family, and that every family of the packed CPU decoder computes there
// what it computes on libtorch in fp32. The numbers of transformers themselves are compared in
// tests/engine/torch and tests/engine/cpu.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/cli/model_folder.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = fs::path(HEARTH_GOLDEN) / "models";

// Whether the packed decoder runs the folder. The others are networks of their own, and
// classifiers.
const std::map<std::string, bool> kIsPacked = {
    {"bert-cls", false},     {"bert-old", false},     {"chatglm1-tiny", false},
    {"chatglm2-tiny", true}, {"chatglm3-tiny", true}, {"gemma1-tiny", true},
    {"gemma2", true},        {"gemma3-tiny", true},   {"llama-linear", true},
    {"llama3-gqa", true},    {"mistral", true},       {"phi3", true},
    {"phi3-long", true},     {"phi3-short", true},    {"qwen2-cls", false},
    {"qwen2-sharded", true}, {"qwen2-tied", true},    {"qwen2-window", true},
    {"qwen2-yarn", true},    {"qwen3", true},         {"vicuna-bin", true},
    {"yuan2-tiny", false}};

RunnerOptions options(ComputeDtype dtype) {
  RunnerOptions small;
  small.dtype = dtype;
  small.device = ComputeDevice::cpu;
  small.threads = 1;
  small.num_blocks = 32;
  small.max_sequences = 4;
  return small;
}

std::unique_ptr<StepRunner> load(const std::string& name, ComputeDtype dtype) {
  const auto spec = load_model_spec(kModels / name);
  const auto checkpoint = Checkpoint::open(kModels / name);
  EXPECT_TRUE(spec && checkpoint) << name;
  auto runner = load_runner(*checkpoint, *spec, options(dtype), {});
  EXPECT_TRUE(runner) << runner.error().detail;
  return std::move(*runner);
}

std::vector<TokenId> some_ids() {
  std::vector<TokenId> ids;
  for (TokenId i = 0; i < 40; ++i) ids.push_back(3 + 7 * i % 61);
  return ids;
}

// The logits of every token, the prompt cut at `cuts`.
std::vector<float> logits_of(StepRunner& runner, const std::vector<std::size_t>& cuts) {
  const std::vector<TokenId> ids = some_ids();
  const std::vector<std::int32_t> blocks = {0, 1, 2};
  std::vector<float> all;
  std::size_t begin = 0;
  for (const std::size_t end : cuts) {
    BatchRow row;
    row.position = static_cast<std::int64_t>(begin);
    row.prompt_length = static_cast<std::int64_t>(ids.size());
    row.tokens = std::span(ids).subspan(begin, end - begin);
    row.block_table = blocks;
    row.output = RowOutput::all_logits;
    const auto result = runner.run({{row}});
    EXPECT_TRUE(result);
    EXPECT_EQ(result->rows[0].error, "");
    all.insert(all.end(), result->rows[0].values.begin(), result->rows[0].values.end());
    begin = end;
  }
  return all;
}

TEST(Decoders, EveryGoldenFolderHasItsOwn) {
  std::size_t num_folders = 0;
  for (const auto& entry : fs::directory_iterator(kModels)) {
    const std::string name = entry.path().filename().string();
    ASSERT_TRUE(kIsPacked.contains(name)) << name << " is not in the list";
    const auto spec = load_model_spec(entry.path());
    ASSERT_TRUE(spec) << spec.error().detail;
    EXPECT_EQ(choose_runner(*spec, options(ComputeDtype::bf16)).packed, kIsPacked.at(name)) << name;
    EXPECT_FALSE(choose_runner(*spec, options(ComputeDtype::fp32)).packed);
    ++num_folders;
  }
  EXPECT_EQ(num_folders, kIsPacked.size());
}

class PackedFamily : public ::testing::TestWithParam<std::string> {};

TEST_P(PackedFamily, IsCloseToFp32AndTheSameBitsInEveryChunking) {
  const auto packed = load(GetParam(), ComputeDtype::bf16);
  const std::vector<float> whole = logits_of(*packed, {40});
  EXPECT_EQ(logits_of(*packed, {1, 17, 40}), whole);
  const std::vector<float> exact = logits_of(*load(GetParam(), ComputeDtype::fp32), {40});
  ASSERT_EQ(whole.size(), exact.size());
  double worst = 0.0;
  double largest = 0.0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(whole[i]) - exact[i]));
    largest = std::max(largest, std::abs(static_cast<double>(exact[i])));
  }
  // bf16 keeps 8 bits; these random weights are wide on purpose and magnify rounding.
  EXPECT_LT(worst, 0.1 * largest);
}

// One sequence whole, and one that begins with another's first two blocks, in one step.
TEST_P(PackedFamily, IsTheSameBitsAfterASharedPrefixAndBesideAnother) {
  const auto packed = load(GetParam(), ComputeDtype::bf16);
  const std::vector<float> whole = logits_of(*packed, {40});
  const std::vector<TokenId> ids = some_ids();
  const std::vector<std::int32_t> shared = {0, 1, 9};
  const std::vector<std::int32_t> own = {4, 5, 6};
  BatchRow after;
  after.slot = 1;
  after.position = 32;
  after.prompt_length = 40;
  after.tokens = std::span(ids).subspan(32);
  after.block_table = shared;
  after.output = RowOutput::all_logits;
  BatchRow alone = after;
  alone.slot = 2;
  alone.position = 0;
  alone.tokens = ids;
  alone.block_table = own;
  const auto result = packed->run({{alone, after}});
  ASSERT_TRUE(result);
  ASSERT_EQ(result->rows[0].error + result->rows[1].error, "");
  EXPECT_TRUE(std::equal(whole.begin(), whole.end(), result->rows[0].values.begin()));
  const auto& tail = result->rows[1].values;
  EXPECT_TRUE(std::equal(tail.begin(), tail.end(), whole.end() - std::ssize(tail)));
}

std::vector<std::string> packed_folders() {
  std::vector<std::string> names;
  for (const auto& [name, is_packed] : kIsPacked) {
    if (is_packed) names.push_back(name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Folders, PackedFamily, ::testing::ValuesIn(packed_folders()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace hearth::engine
