#include "tests/support/golden_folder.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/base/check.h"

namespace hearth::engine::testing {

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
  CHECK(file.good());
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

}  // namespace hearth::engine::testing
