// Yuan2-2B (models §4.7): the shared decoder, but queries and keys come from the input seen through
// two causal convolutions ("localized filtering"). The filter remembers one token: that memory is
// kept for the last token of every KV block, so that a prefix that is shared, or a prompt that
// comes in chunks, goes on exactly.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/torch/torch_decoder.h"

namespace hearth::engine {

struct YuanFilterWeights {
  Linear first;     // [C / 2, 2 C]: of the token before, then of the token itself
  Linear second;    // [C, C]: the same over the first one's output
  at::Tensor norm;  // [C]
  Linear qk;        // [2 C, C]: q rows of all heads, then k rows
  Linear v;         // [C, C], of the input as it is

  // Throws what WeightLoader does.
  static YuanFilterWeights load(WeightLoader& loader, const ModelSpec& spec, std::int64_t layer);
};

class YuanDecoder final : public TorchDecoder {
 public:
  YuanDecoder(TorchRunnerParts parts, DecoderWeights weights,
              std::vector<YuanFilterWeights> filters);

 private:
  std::string check_row(const BatchRow& row) const override;
  at::Tensor forward(Step& step) override;
  at::Tensor project(const Step& step, std::int64_t layer, const at::Tensor& x) override;

  void plan_memory(const Step& step);
  // Row t of the result is row t − 1 of x in its sequence: from the memory's columns [begin, end)
  // where t begins a row, zero where it begins the sequence.
  at::Tensor token_before(const Step& step, std::int64_t layer, const at::Tensor& x,
                          std::int64_t begin) const;

  std::vector<YuanFilterWeights> filters_;
  std::vector<at::Tensor> memory_;  // per layer, [num_blocks, C + C / 2]: the filter's two inputs
  std::vector<std::int64_t> remembered_;  // per block, whose token's; −1: nobody's
  at::Tensor kept_blocks_;                // of the step: memory rows to write …
  at::Tensor kept_tokens_;                // … and the tokens they remember
};

}  // namespace hearth::engine
