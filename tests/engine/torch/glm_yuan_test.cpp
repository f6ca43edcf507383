// ChatGLM 1, 2, 3 and Yuan2 against their reference networks, on the folders of tests/golden/models
// (generator: tests/golden/generators/make_glm_yuan.py). fp32 unless the name says otherwise.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/engine/torch/golden_model.h"

namespace hearth::engine {
namespace {

using testing::blocks_in_order;
using testing::golden_folder;
using testing::greedy_token;
using ::testing::HasSubstr;
using testing::load_runner;
using testing::small_options;

constexpr double kFp32Tolerance = 2e-5;

struct Case {
  std::string name;
  std::vector<TokenId> ids;
  std::vector<std::int64_t> positions;
  std::vector<float> logits;  // [positions, V]
  std::vector<TokenId> greedy;
  std::vector<float> decode_logits;  // [8, V]: the rows before the first greedy picks
  double max_abs_logit = 0.0;
};

std::vector<float> read_floats(const std::filesystem::path& file) {
  std::vector<float> values(std::filesystem::file_size(file) / sizeof(float));
  std::ifstream stream(file, std::ios::binary);
  stream.read(reinterpret_cast<char*>(values.data()),
              static_cast<std::streamsize>(values.size() * sizeof(float)));
  EXPECT_TRUE(stream.good()) << file;
  return values;
}

class GlmYuan : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = golden_folder(GetParam());
    std::ifstream file(folder_ / "expected.json");
    const auto expected = nlohmann::json::parse(file);
    for (const auto& entry : expected.at("cases")) {
      Case item;
      item.name = entry.at("name");
      item.ids = entry.at("input_ids").get<std::vector<TokenId>>();
      item.positions = entry.at("positions").get<std::vector<std::int64_t>>();
      item.logits = read_floats(folder_ / entry.at("logits").at("file").get<std::string>());
      item.decode_logits =
          read_floats(folder_ / entry.at("decode_logits").at("file").get<std::string>());
      item.greedy = entry.at("greedy").at("ids").get<std::vector<TokenId>>();
      item.max_abs_logit = entry.at("max_abs_logit");
      cases_.push_back(std::move(item));
    }
  }
  bool can_chunk() const { return std::string(GetParam()) != "chatglm1-tiny"; }

  std::filesystem::path folder_;
  std::vector<Case> cases_;
};

// One sequence whose prompt is known, as the scheduler runs it.
struct Reply {
  std::int32_t slot = 0;
  std::vector<std::int32_t> blocks;
  std::vector<TokenId> tokens;
  std::int64_t prompt_length = 0;
  std::int64_t done = 0;

  Reply(std::int32_t s, std::vector<std::int32_t> b, const std::vector<TokenId>& prompt)
      : slot(s),
        blocks(std::move(b)),
        tokens(prompt),
        prompt_length(static_cast<std::int64_t>(prompt.size())) {}

  std::int64_t num_waiting() const { return static_cast<std::int64_t>(tokens.size()) - done; }
  BatchRow take(std::int64_t count, RowOutput output) {
    BatchRow row;
    row.slot = slot;
    row.position = done;
    row.prompt_length = prompt_length;
    row.tokens =
        std::span(tokens).subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(count));
    row.block_table = blocks;
    row.output = output;
    done += count;
    return row;
  }
};

double distance(std::span<const float> a, std::span<const float> b, double scale) {
  EXPECT_EQ(a.size(), b.size());
  double worst = 0.0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
  }
  return worst / scale;
}

TEST_P(GlmYuan, PromptLogitsAreTheReferences) {
  const auto runner = load_runner(folder_, small_options());
  for (const Case& item : cases_) {
    for (const std::int64_t chunk : {1000, 7, 1}) {
      if (chunk < 1000 && !can_chunk()) continue;
      Reply run(0, blocks_in_order(0, 16), item.ids);
      std::vector<float> all;
      while (run.num_waiting() > 0) {
        const auto row = run.take(std::min(chunk, run.num_waiting()), RowOutput::all_logits);
        const auto values = testing::run_row(*runner, row);
        all.insert(all.end(), values.begin(), values.end());
      }
      const std::size_t width = all.size() / item.ids.size();
      for (std::size_t i = 0; i < item.positions.size(); ++i) {
        const auto expected = std::span(item.logits).subspan(i * width, width);
        const auto at = static_cast<std::size_t>(item.positions[i]) * width;
        EXPECT_LE(distance(std::span(all).subspan(at, width), expected, item.max_abs_logit),
                  kFp32Tolerance)
            << item.name << ", position " << item.positions[i] << ", chunks of " << chunk;
      }
    }
  }
}

TEST_P(GlmYuan, GreedyIdsAndTheirLogitsAreTheReferences) {
  const auto runner = load_runner(folder_, small_options());
  for (const Case& item : cases_) {
    Reply run(0, blocks_in_order(0, 16), item.ids);
    std::vector<TokenId> ids;
    while (ids.size() < item.greedy.size()) {
      const auto logits = testing::run_row(*runner, run.take(run.num_waiting(), RowOutput::logits));
      const std::size_t at = ids.size() * logits.size();
      if (at < item.decode_logits.size()) {
        const auto expected = std::span(item.decode_logits).subspan(at, logits.size());
        EXPECT_LE(distance(logits, expected, item.max_abs_logit), kFp32Tolerance) << ids.size();
      }
      ids.push_back(greedy_token(logits, {}, 1.0F));
      run.tokens.push_back(ids.back());
    }
    EXPECT_EQ(ids, item.greedy) << item.name;
  }
}

// Three sequences over scattered blocks, joined one after the other, decoding side by side.
TEST_P(GlmYuan, GreedyIdsAreTheSameInABatchOverShuffledBlocks) {
  const auto runner = load_runner(folder_, small_options());
  std::vector<std::int32_t> pool = blocks_in_order(0, 64);
  std::shuffle(pool.begin(), pool.end(), std::mt19937(7));
  std::vector<Reply> runs;
  for (const Case& item : cases_) {
    const auto first = pool.begin() + static_cast<std::ptrdiff_t>(runs.size()) * 20;
    runs.emplace_back(static_cast<std::int32_t>(runs.size()),
                      std::vector<std::int32_t>(first, first + 20), item.ids);
  }
  const std::int64_t chunk = can_chunk() ? 11 : 1000;
  for (int step = 0;; ++step) {
    Batch batch;
    std::vector<std::size_t> asked;
    for (std::size_t i = 0; i < runs.size() && static_cast<int>(i) <= step; ++i) {
      Reply& run = runs[i];
      const auto num_new = run.tokens.size() - static_cast<std::size_t>(run.prompt_length);
      if (num_new == cases_[i].greedy.size()) continue;
      const std::int64_t count = std::min(chunk, run.num_waiting());
      const bool is_last = count == run.num_waiting();
      batch.rows.push_back(run.take(count, is_last ? RowOutput::logits : RowOutput::none));
      asked.push_back(is_last ? i : runs.size());
    }
    if (batch.rows.empty()) break;
    const auto result = runner->run(batch);
    ASSERT_TRUE(result) << result.error().detail;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      ASSERT_EQ(result->rows[i].error, "");
      if (asked[i] == runs.size()) continue;
      runs[asked[i]].tokens.push_back(greedy_token(result->rows[i].values, {}, 1.0F));
    }
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::vector<TokenId> ids(runs[i].tokens.begin() + runs[i].prompt_length,
                                   runs[i].tokens.end());
    EXPECT_EQ(ids, cases_[i].greedy) << cases_[i].name;
  }
}

TEST_P(GlmYuan, Bf16StaysCloseToFp32) {
  RunnerOptions options = small_options();
  options.dtype = ComputeDtype::bf16;
  const auto runner = load_runner(folder_, options);
  const Case& item = cases_.front();
  Reply run(0, blocks_in_order(0, 16), item.ids);
  const auto logits = testing::run_row(*runner, run.take(run.num_waiting(), RowOutput::logits));
  const auto expected = std::span(item.decode_logits).first(logits.size());
  const double worst = distance(logits, expected, item.max_abs_logit);
  EXPECT_LE(worst, 0.08);
  EXPECT_GT(worst, 0.0) << "bf16 was not used";
}

INSTANTIATE_TEST_SUITE_P(Folders, GlmYuan,
                         ::testing::Values("chatglm1-tiny", "chatglm2-tiny", "chatglm3-tiny",
                                           "yuan2-tiny"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Glm1Decoder, RefusesAPromptInPieces) {
  const auto runner = load_runner(golden_folder("chatglm1-tiny"), small_options());
  EXPECT_FALSE(runner->traits().can_chunk);
  EXPECT_FALSE(runner->traits().can_cache);
  EXPECT_GE(runner->traits().max_batch_tokens, runner->traits().context_length);
  Reply run(0, blocks_in_order(0, 16), {5, 50, 98, 295, 298});
  const auto part = runner->run({{run.take(3, RowOutput::none)}});
  ASSERT_TRUE(part);
  EXPECT_THAT(part->rows[0].error, HasSubstr("one chunk"));
}

// A block that two sequences share ends where its tokens end, and so does what the filter
// remembers.
TEST(YuanDecoder, GoesOnFromASharedPrefix) {
  const auto runner = load_runner(golden_folder("yuan2-tiny"), small_options());
  EXPECT_GT(runner->traits().state_bytes, 0);
  std::vector<TokenId> ids(40);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenId>(300 + 3 * i);
  Reply whole(0, {0, 1, 2}, ids);
  const auto expected = testing::run_row(*runner, whole.take(40, RowOutput::logits));
  Reply other(1, {0, 1, 5}, ids);  // the first two blocks are the other one's
  other.done = 32;
  EXPECT_LE(distance(testing::run_row(*runner, other.take(8, RowOutput::logits)), expected, 15.0),
            kFp32Tolerance);
}

TEST(YuanDecoder, FailsARowWhoseTokenBeforeIsNotRemembered) {
  const auto runner = load_runner(golden_folder("yuan2-tiny"), small_options());
  Reply run(0, {0, 1}, std::vector<TokenId>(20, 400));
  run.done = 7;
  const auto result = runner->run({{run.take(3, RowOutput::logits)}});
  ASSERT_TRUE(result);
  EXPECT_THAT(result->rows[0].error, HasSubstr("does not remember"));
}

}  // namespace
}  // namespace hearth::engine
