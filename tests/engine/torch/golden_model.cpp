#include "tests/engine/torch/golden_model.h"

#include <algorithm>
#include <fstream>
#include <numeric>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/base/check.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/torch/module_loader.h"

namespace hearth::engine::testing {

std::filesystem::path golden_folder(const std::string& name) {
  return std::filesystem::path(HEARTH_GOLDEN) / "models" / name;
}

GoldenModel load_golden(const std::string& name) {
  GoldenModel model;
  model.folder = golden_folder(name);
  std::ifstream file(model.folder / "expected.json");
  const auto expected = nlohmann::json::parse(file);
  model.vocab_size = expected.at("vocab_size");
  for (const auto& entry : expected.at("cases")) {
    GoldenCase item;
    item.name = entry.at("name");
    item.ids = entry.at("input_ids").get<std::vector<TokenId>>();
    item.positions = entry.at("positions").get<std::vector<std::int64_t>>();
    item.max_abs_logit = entry.at("max_abs_logit");
    item.greedy = entry.at("greedy").at("ids").get<std::vector<TokenId>>();
    item.greedy_penalised = entry.at("greedy_rp1.1").at("ids").get<std::vector<TokenId>>();
    item.logits.resize(item.positions.size() * static_cast<std::size_t>(model.vocab_size));
    std::ifstream logits(model.folder / entry.at("logits").at("file").get<std::string>(),
                         std::ios::binary);
    logits.read(reinterpret_cast<char*>(item.logits.data()),
                static_cast<std::streamsize>(item.logits.size() * sizeof(float)));
    CHECK(logits.good());
    model.cases.push_back(std::move(item));
  }
  return model;
}

RunnerOptions small_options() {
  RunnerOptions options;
  options.dtype = ComputeDtype::fp32;
  options.device = ComputeDevice::cpu;
  options.threads = 1;
  options.num_blocks = 64;
  options.max_sequences = 8;
  return options;
}

std::unique_ptr<StepRunner> load_runner(const std::filesystem::path& folder,
                                        RunnerOptions options) {
  const auto checkpoint = Checkpoint::open(folder);
  CHECK(checkpoint.has_value());
  const auto spec = load_model_spec(folder);
  CHECK(spec.has_value());
  auto runner = load_torch_runner(*checkpoint, *spec, options);
  EXPECT_TRUE(runner) << runner.error().detail;
  CHECK(runner.has_value());
  return std::move(*runner);
}

BatchRow Sequence::take(std::int64_t count, RowOutput output) {
  CHECK(count <= num_waiting());
  BatchRow row;
  row.slot = slot_;
  row.position = done_;
  row.prompt_length = static_cast<std::int64_t>(tokens_.size());
  row.tokens =
      std::span(tokens_).subspan(static_cast<std::size_t>(done_), static_cast<std::size_t>(count));
  row.block_table = blocks_;
  row.output = output;
  done_ += count;
  return row;
}

std::vector<std::int32_t> blocks_in_order(std::int32_t first, std::int32_t count) {
  std::vector<std::int32_t> blocks(static_cast<std::size_t>(count));
  std::iota(blocks.begin(), blocks.end(), first);
  return blocks;
}

TokenId greedy_token(std::span<const float> logits, std::span<const TokenId> seen, float penalty) {
  std::vector<float> scores(logits.begin(), logits.end());
  for (const TokenId id : seen) {
    const auto i = static_cast<std::size_t>(id);
    scores[i] = logits[i] > 0 ? logits[i] / penalty : logits[i] * penalty;
  }
  return static_cast<TokenId>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

std::vector<float> run_row(StepRunner& runner, const BatchRow& row) {
  const auto result = runner.run({{row}});
  EXPECT_TRUE(result) << result.error().detail;
  if (!result) return {};
  EXPECT_EQ(result->rows.at(0).error, "");
  const auto values = result->rows.at(0).values;
  return {values.begin(), values.end()};
}

std::vector<TokenId> generate_greedy(StepRunner& runner, const std::vector<TokenId>& prompt,
                                     std::size_t count, float penalty, std::int64_t chunk) {
  Sequence sequence(0, blocks_in_order(0, 16));
  sequence.append(prompt);
  while (sequence.num_waiting() > chunk) run_row(runner, sequence.take(chunk, RowOutput::none));
  std::vector<TokenId> ids;
  while (ids.size() < count) {
    const auto logits = run_row(runner, sequence.take(sequence.num_waiting(), RowOutput::logits));
    ids.push_back(greedy_token(logits, sequence.tokens(), penalty));
    sequence.append({&ids.back(), 1});
  }
  return ids;
}

}  // namespace hearth::engine::testing
