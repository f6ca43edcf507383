// What the runner promises beside the right numbers: limits, failures that stay with their row,
// options, progress.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/torch/module_loader.h"
#include "tests/engine/checkpoint/temp_folder.h"
#include "tests/engine/torch/golden_model.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;
using testing::blocks_in_order;
using testing::golden_folder;
using ::testing::HasSubstr;
using testing::load_runner;
using testing::run_row;
using testing::Sequence;
using testing::small_options;
using testing::TempFolder;

Result<std::unique_ptr<StepRunner>> try_load(const fs::path& folder, const RunnerOptions& options,
                                             const ProgressSink& progress = {}) {
  const auto spec = load_model_spec(folder);
  if (!spec) return tl::unexpected(spec.error());
  const auto checkpoint = Checkpoint::open(folder);
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  return load_torch_runner(*checkpoint, *spec, options, progress);
}

ErrorCode load_error(RunnerOptions options, const std::string& folder = "qwen2-tied") {
  const auto runner = try_load(golden_folder(folder), options);
  EXPECT_FALSE(runner);
  return runner ? ErrorCode::internal : runner.error().code;
}

// A folder like a golden one that a test may spoil.
class SpoiledFolder {
 public:
  explicit SpoiledFolder(const std::string& golden) {
    for (const char* file : {"config.json", "model.safetensors"}) {
      fs::copy_file(golden_folder(golden) / file, folder_.path() / file);
      fs::permissions(folder_.path() / file, fs::perms::owner_all);
    }
  }
  const fs::path& path() const { return folder_.path(); }

  // Overwrites the first bytes of a tensor.
  void poke(const std::string& tensor, std::span<const float> values) const {
    const auto checkpoint = Checkpoint::open(path());
    const std::byte* const first = checkpoint->tensors().front().view.bytes.data();
    const auto header = fs::file_size(path() / "model.safetensors") - checkpoint->weight_bytes();
    const auto offset = checkpoint->find(tensor)->bytes.data() - first;
    std::fstream file(path() / "model.safetensors",
                      std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(header) + offset);
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size_bytes()));
  }

 private:
  TempFolder folder_;
};

TEST(TorchRunner, TraitsSayWhatTheEnginePlansWith) {
  const auto runner = load_runner(golden_folder("qwen2-tied"), small_options());
  const RunnerTraits& traits = runner->traits();
  EXPECT_EQ(traits.vocab_size, 461);
  EXPECT_EQ(traits.context_length, 512);
  EXPECT_EQ(traits.num_blocks, 64);
  EXPECT_EQ(traits.max_sequences, 8);
  EXPECT_TRUE(traits.can_chunk);
  EXPECT_TRUE(traits.can_cache);
  EXPECT_THAT(traits.description, HasSubstr("CPU, fp32"));
}

TEST(TorchRunner, TheContextIsAtMostWhatTheCacheHolds) {
  RunnerOptions options = small_options();
  options.num_blocks = 3;
  EXPECT_EQ(load_runner(golden_folder("qwen2-tied"), options)->traits().context_length, 48);
  options.num_blocks = 0;
  options.kv_cache_bytes = 2 * 3 * 5 * 8 * 4 * 16 * 5;  // five blocks
  EXPECT_EQ(load_runner(golden_folder("qwen2-tied"), options)->traits().num_blocks, 5);
  options.kv_cache_bytes = 0;
  EXPECT_EQ(load_runner(golden_folder("qwen2-tied"), options)->traits().num_blocks, 8 * 32);
}

TEST(TorchRunner, RowsGetTheOutputTheyAskFor) {
  const auto runner = load_runner(golden_folder("qwen2-tied"), small_options());
  const std::vector<TokenId> ids = {5, 6, 7};
  std::vector<Sequence> sequences;
  Batch batch;
  for (std::int32_t slot = 0; slot < 4; ++slot) {
    sequences.emplace_back(slot, blocks_in_order(slot, 1));
    sequences.back().append(ids);
  }
  const RowOutput outputs[] = {RowOutput::all_logits, RowOutput::hidden, RowOutput::none,
                               RowOutput::logits};
  for (std::size_t i = 0; i < 4; ++i) batch.rows.push_back(sequences[i].take(3, outputs[i]));
  const auto result = runner->run(batch);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->rows[0].values.size(), 3U * 461U);
  EXPECT_EQ(result->rows[1].values.size(), 80U);
  EXPECT_EQ(result->rows[2].values.size(), 0U);
  ASSERT_EQ(result->rows[3].values.size(), 461U);
  EXPECT_TRUE(std::equal(result->rows[3].values.begin(), result->rows[3].values.end(),
                         result->rows[0].values.begin() + 2 * 461));
}

TEST(TorchRunner, ARowThatCannotRunFailsAlone) {
  const auto runner = load_runner(golden_folder("qwen2-tied"), small_options());
  Sequence good(0, {0});
  const std::vector<TokenId> ids = {1, 2};
  good.append(ids);
  const auto alone = run_row(*runner, good.take(2, RowOutput::logits));
  const auto error_of = [&](auto spoil) {
    Sequence first(0, {0});
    Sequence second(1, {1});
    first.append(ids);
    second.append(ids);
    Batch batch{{second.take(2, RowOutput::logits), first.take(2, RowOutput::logits)}};
    spoil(batch.rows[0]);
    const auto result = runner->run(batch);
    EXPECT_TRUE(result);
    EXPECT_EQ(result->rows[1].error, "");
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), result->rows[1].values.begin()));
    EXPECT_TRUE(result->rows[0].values.empty());
    return result->rows[0].error;
  };
  const std::vector<TokenId> strange = {461};
  const std::vector<TokenId> negative = {-1};
  const std::vector<std::int32_t> no_block = {64};
  EXPECT_THAT(error_of([&](BatchRow& row) { row.tokens = strange; }), HasSubstr("461"));
  EXPECT_THAT(error_of([&](BatchRow& row) { row.tokens = negative; }), HasSubstr("-1"));
  EXPECT_THAT(error_of([&](BatchRow& row) { row.tokens = {}; }), HasSubstr("no tokens"));
  EXPECT_THAT(error_of([&](BatchRow& row) { row.block_table = no_block; }), HasSubstr("block"));
  EXPECT_THAT(error_of([&](BatchRow& row) { row.position = 15; }), HasSubstr("does not cover"));
  EXPECT_THAT(error_of([&](BatchRow& row) { row.position = 511; }), HasSubstr("context"));
  EXPECT_THAT(error_of([&](BatchRow& row) { row.output = RowOutput::class_scores; }),
              HasSubstr("class"));
}

TEST(TorchRunner, AResultThatIsNoNumberFailsItsRowAndLeavesTheNextOwnerOfTheBlockAlone) {
  const SpoiledFolder folder("qwen2-tied");
  const float nan[] = {NAN};
  folder.poke("model.embed_tokens.weight",
              nan);  // of id 0; the tied head gives every row's score 0
  const auto runner = load_runner(folder.path(), small_options());
  Sequence bad(0, {0});
  bad.append(std::vector<TokenId>{0});
  const auto result = runner->run({{bad.take(1, RowOutput::hidden)}});
  ASSERT_TRUE(result);
  EXPECT_THAT(result->rows[0].error, HasSubstr("not a number"));
  Sequence good(1, {0});
  good.append(std::vector<TokenId>{1, 2});
  for (const float value : run_row(*runner, good.take(2, RowOutput::hidden))) {
    EXPECT_FALSE(std::isnan(value));
  }
}

TEST(TorchRunner, OptionsOutOfRangeAreRefused) {
  RunnerOptions options = small_options();
  options.block_size = 24;
  EXPECT_EQ(load_error(options), ErrorCode::invalid_parameter);
  options = small_options();
  options.max_sequences = 0;
  EXPECT_EQ(load_error(options), ErrorCode::invalid_parameter);
  options = small_options();
  options.threads = -1;
  EXPECT_EQ(load_error(options), ErrorCode::invalid_parameter);
  options = small_options();
  options.dtype = ComputeDtype::fp16;
  EXPECT_EQ(load_error(options), ErrorCode::dtype_unsupported);
}

TEST(TorchRunner, ACacheLargerThanMemoryIsRefusedBeforeLoading) {
  RunnerOptions options = small_options();
  options.num_blocks = std::int64_t{1} << 40;
  EXPECT_EQ(load_error(options), ErrorCode::out_of_memory);
}

TEST(TorchRunner, WeightsThatDoNotFitTheSpecAreRefused) {
  const auto checkpoint = Checkpoint::open(golden_folder("qwen2-tied"));
  const auto other = load_model_spec(golden_folder("llama3-gqa"));
  const auto runner = load_torch_runner(*checkpoint, *other, small_options());
  ASSERT_FALSE(runner);
  EXPECT_EQ(runner.error().code, ErrorCode::tensor_shape_mismatch);
}

TEST(TorchRunner, ProgressRisesToAHundred) {
  std::vector<double> percents;
  const auto runner =
      try_load(golden_folder("qwen2-sharded"), small_options(),
               [&](const LoadProgress& progress) { percents.push_back(progress.percent); });
  ASSERT_TRUE(runner);
  EXPECT_TRUE(std::is_sorted(percents.begin(), percents.end()));
  EXPECT_GT(percents.size(), 30U);
  EXPECT_EQ(percents.front(), 0.0);
  EXPECT_EQ(percents.back(), 100.0);
}

TEST(TorchRunner, UnalignedTensorsLoadTheSame) {
  const SpoiledFolder folder("qwen2-tied");
  // One more byte of header, a space, moves every tensor to an odd address.
  std::ifstream in(folder.path() / "model.safetensors", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto length = static_cast<unsigned char>(bytes[0]) + 1U;
  ASSERT_LT(length, 256U);
  bytes[0] = static_cast<char>(length);
  const std::size_t header =
      static_cast<std::size_t>(length - 1) + 256U * static_cast<unsigned char>(bytes[1]) + 8U;
  bytes.insert(header, " ");
  std::ofstream(folder.path() / "model.safetensors", std::ios::binary) << bytes;
  Sequence a(0, {0});
  Sequence b(0, {0});
  a.append(std::vector<TokenId>{1, 2, 3});
  b.append(std::vector<TokenId>{1, 2, 3});
  const auto shifted = load_runner(folder.path(), small_options());
  const auto plain = load_runner(golden_folder("qwen2-tied"), small_options());
  EXPECT_EQ(run_row(*shifted, a.take(3, RowOutput::logits)),
            run_row(*plain, b.take(3, RowOutput::logits)));
}

}  // namespace
}  // namespace hearth::engine
