// BERT for sequence classification (models §5): every token of a text sees every other, and the
// first one's last state gives the scores of the classes. A row is a whole text; nothing is cached.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/torch/ops.h"
#include "engine/torch/torch_runner.h"
#include "engine/torch/weight_loader.h"

namespace hearth::engine {

struct BertLayerWeights {
  Linear qkv;                // [3 C, C]: q rows, k rows, v rows
  Linear o;                  // [C, C]
  LayerNorm attention_norm;  // [C], of the sum
  Linear up;                 // [I, C]
  Linear down;               // [C, I]
  LayerNorm output_norm;     // [C], of the sum
};

struct BertWeights {
  at::Tensor words;      // [V, C]
  at::Tensor positions;  // [context, C]
  at::Tensor types;      // [types, C]
  LayerNorm norm;        // [C], of their sum
  std::vector<BertLayerWeights> layers;
  Linear pooler;      // [C, C]; of a classifier
  Linear classifier;  // [labels, C]

  // Throws what WeightLoader does.
  static BertWeights load(WeightLoader& loader, const ModelSpec& spec);
};

class BertEncoder final : public TorchRunner {
 public:
  BertEncoder(TorchRunnerParts parts, BertWeights weights);

 private:
  std::string check_row(const BatchRow& row) const override;
  at::Tensor forward(Step& step) override;
  at::Tensor finish(const at::Tensor& hidden) const override { return hidden; }
  at::Tensor scores(const at::Tensor& finished) const override;
  std::int64_t scored_token(const Step::Row& row) const override { return row.first; }

  at::Tensor token_types(const Step& step) const;
  at::Tensor attention_block(const Step& step, const BertLayerWeights& layer,
                             const at::Tensor& x) const;

  BertWeights weights_;
};

}  // namespace hearth::engine
