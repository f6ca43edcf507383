#include "tests/engine/cuda/golden_folder.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <random>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace hearth::engine::cuda::testing {

using Json = nlohmann::json;

namespace {

std::vector<float> read_logits(const std::string& folder, const Json& logits, std::size_t count) {
  std::vector<float> values;
  if (logits.is_array()) {  // the folders of make_gemma_longrope.py
    for (const Json& row : logits)
      for (const Json& value : row) values.push_back(value.get<float>());
    return values;
  }
  values.resize(count);
  std::ifstream file(folder + "/" + logits["file"].get<std::string>(), std::ios::binary);
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(count * sizeof(float)));
  return values;
}

}  // namespace

GoldenFolder load_golden(const std::string& name) {
  GoldenFolder golden;
  golden.path = std::string(HEARTH_GOLDEN) + "/models/" + name;
  golden.spec = *load_model_spec(golden.path);
  const Json expected = Json::parse(std::ifstream(golden.path + "/expected.json"));
  const Json cases = expected.contains("cases") ? expected["cases"] : Json::array({expected});
  for (const Json& json : cases) {
    GoldenCase c;
    c.ids = json["input_ids"].get<std::vector<TokenId>>();
    c.positions = json["positions"].get<std::vector<std::int64_t>>();
    c.max_abs_logit = json["max_abs_logit"];
    if (json.contains("greedy")) c.greedy = json["greedy"]["ids"].get<std::vector<TokenId>>();
    c.logits = read_logits(golden.path, json["logits"],
                           c.positions.size() * static_cast<std::size_t>(golden.spec.vocab_size));
    golden.cases.push_back(std::move(c));
  }
  return golden;
}

std::string test_name(std::string folder) {
  std::replace(folder.begin(), folder.end(), '-', '_');
  return folder;
}

CudaDecoderOptions small_options(ComputeDtype dtype) {
  CudaDecoderOptions options;
  options.runner.dtype = dtype;
  options.runner.num_blocks = 96;
  options.runner.max_sequences = 16;
  options.runner.max_batch_tokens = 512;
  options.runner.context_length = 512;
  return options;
}

std::unique_ptr<StepRunner> load_decoder(const GoldenFolder& golden, std::unique_ptr<Device> device,
                                         const CudaDecoderOptions& options) {
  const auto checkpoint = Checkpoint::open(golden.path);
  auto decoder = load_cuda_decoder(std::move(device), *checkpoint, golden.spec, options, {});
  EXPECT_TRUE(decoder) << decoder.error().detail;
  return std::move(*decoder);
}

std::vector<std::int32_t> blocks_from(std::int32_t first, std::size_t count) {
  std::vector<std::int32_t> blocks((count + 15) / 16);
  std::iota(blocks.begin(), blocks.end(), first);
  std::shuffle(blocks.begin(), blocks.end(), std::mt19937(static_cast<unsigned>(first)));
  return blocks;
}

std::vector<float> all_logits(StepRunner& decoder, const std::vector<TokenId>& ids,
                              std::size_t chunk, std::int32_t first_block) {
  const std::vector<std::int32_t> blocks = blocks_from(first_block, ids.size());
  std::vector<float> logits;
  for (std::size_t begin = 0; begin < ids.size(); begin += chunk) {
    BatchRow row;
    row.position = static_cast<std::int64_t>(begin);
    row.prompt_length = static_cast<std::int64_t>(ids.size());
    row.tokens = std::span(ids).subspan(begin, std::min(chunk, ids.size() - begin));
    row.block_table = blocks;
    row.output = RowOutput::all_logits;
    const auto result = decoder.run({{row}});
    EXPECT_TRUE(result);
    if (!result) return {};
    EXPECT_EQ(result->rows[0].error, "");
    logits.insert(logits.end(), result->rows[0].values.begin(), result->rows[0].values.end());
  }
  return logits;
}

double worst_error(const GoldenFolder& golden, const GoldenCase& c,
                   const std::vector<float>& logits) {
  const auto vocab = static_cast<std::size_t>(golden.spec.vocab_size);
  double worst = logits.size() == c.ids.size() * vocab ? 0.0 : INFINITY;
  for (std::size_t row = 0; row < c.positions.size() && worst < INFINITY; ++row) {
    const float* actual = logits.data() + static_cast<std::size_t>(c.positions[row]) * vocab;
    for (std::size_t v = 0; v < vocab; ++v) {
      const double difference =
          std::fabs(static_cast<double>(actual[v]) - c.logits[row * vocab + v]);
      if (!(difference / c.max_abs_logit <= worst)) worst = difference / c.max_abs_logit;
    }
  }
  return worst;
}

std::vector<std::vector<TokenId>> greedy_together(StepRunner& decoder,
                                                  const std::vector<std::vector<TokenId>>& prompts,
                                                  std::size_t count) {
  std::vector<std::vector<TokenId>> waiting = prompts;
  std::vector<std::vector<TokenId>> replies(prompts.size());
  std::vector<std::vector<std::int32_t>> tables;
  std::vector<std::int64_t> done(prompts.size(), 0);
  std::int32_t next = 0;
  for (const auto& prompt : prompts) {
    tables.push_back(blocks_from(next, prompt.size() + count));
    next += static_cast<std::int32_t>(tables.back().size());
  }
  for (std::size_t step = 0; step < count; ++step) {
    Batch batch;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      BatchRow row;
      row.slot = static_cast<std::int32_t>(i);
      row.position = done[i];
      row.tokens = waiting[i];
      row.block_table = tables[i];
      row.output = RowOutput::logits;
      batch.rows.push_back(row);
    }
    const auto result = decoder.run(batch);
    EXPECT_TRUE(result);
    if (!result) return replies;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      const auto& values = result->rows[i].values;
      EXPECT_EQ(result->rows[i].error, "");
      done[i] += static_cast<std::int64_t>(waiting[i].size());
      waiting[i] = {
          static_cast<TokenId>(std::max_element(values.begin(), values.end()) - values.begin())};
      replies[i].push_back(waiting[i][0]);
    }
  }
  return replies;
}

}  // namespace hearth::engine::cuda::testing
