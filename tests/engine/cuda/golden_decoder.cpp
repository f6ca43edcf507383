#include "tests/engine/cuda/golden_decoder.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

namespace hearth::engine::cuda::testing {

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
