#include "engine/cpu/output_head.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/cpu/grown.h"
#include "engine/cpu/product.h"

namespace hearth::engine::cpu {

StepResult OutputHead::compute(const Batch& batch, std::span<const AttentionRow> rows,
                               const float* residual) {
  plan(batch, rows);
  const std::int64_t hidden = spec_.hidden_size;
  const float offset = spec_.norm == NormKind::rms_unit_offset ? 1.0F : 0.0F;
  float* state = grown(states_, static_cast<std::int64_t>(sources_.size()) * hidden);
  for (const std::int64_t source : sources_) {
    kernels_.rms_norm(residual + source * hidden, weights_.final_norm.data(), offset,
                      static_cast<float>(spec_.norm_eps), hidden, state);
    state += hidden;
  }
  if (num_logits_ > 0) compute_logits();
  StepResult result;
  for (std::size_t r = 0; r < batch.rows.size(); ++r)
    result.rows.push_back(result_of(batch.rows[r].output, wanted_[r]));
  return result;
}

void OutputHead::plan(const Batch& batch, std::span<const AttentionRow> rows) {
  sources_.clear();
  wanted_.assign(batch.rows.size(), {});
  const auto collect = [&](bool for_logits) {
    for (std::size_t r = 0; r < batch.rows.size(); ++r) {
      const AttentionRow& row = rows[r];
      const RowOutput output = batch.rows[r].output;
      const bool is_logits = output == RowOutput::logits || output == RowOutput::all_logits;
      if (output == RowOutput::none || is_logits != for_logits) continue;
      const bool is_all = output == RowOutput::all_logits || output == RowOutput::all_hidden;
      wanted_[r] = {static_cast<std::int64_t>(sources_.size()), is_all ? row.num_tokens : 1};
      for (std::int64_t t = row.num_tokens - wanted_[r].count; t < row.num_tokens; ++t)
        sources_.push_back(row.first_token + t);
    }
  };
  collect(true);
  num_logits_ = static_cast<std::int64_t>(sources_.size());
  collect(false);
}

void OutputHead::compute_logits() {
  const std::int64_t vocab = spec_.vocab_size;
  float* logits = grown(logits_, num_logits_ * vocab);
  const auto cap = static_cast<float>(spec_.logits_softcap);
  const PackedMatrix& head = weights_.head();
  const Activations& states =
      input_.prepare(states_.data(), num_logits_, spec_.hidden_size, {}, head.format);
  multiply(head, states, nullptr, kernels_, pool_,
           [&](std::int64_t row, std::int64_t panel, const float* values, int) {
             const std::int64_t first = panel * kPanelRows;
             const auto count = std::min<std::int64_t>(kPanelRows, vocab - first);
             float* to = logits + row * vocab + first;
             put_values(values, {}, first, count, to);
             if (cap <= 0.0F) return;
             for (std::int64_t i = 0; i < count; ++i) to[i] = cap * std::tanh(to[i] / cap);
           });
}

RowResult OutputHead::result_of(RowOutput output, const Wanted& wanted) const {
  const std::int64_t hidden = spec_.hidden_size;
  const std::int64_t vocab = spec_.vocab_size;
  const std::span<const float> states(states_.data() + wanted.first * hidden,
                                      static_cast<std::size_t>(wanted.count * hidden));
  RowResult row;
  if (!std::ranges::all_of(states, [](float value) { return std::isfinite(value); })) {
    row.error = "The model computed a value that is not a number.";
  } else if (output == RowOutput::class_scores) {
    row.error = "The packed decoder gives no class scores.";
  } else if (output == RowOutput::hidden || output == RowOutput::all_hidden) {
    row.values = states;
  } else if (wanted.count > 0) {
    row.values = {logits_.data() + wanted.first * vocab,
                  static_cast<std::size_t>(wanted.count * vocab)};
  }
  return row;
}

}  // namespace hearth::engine::cpu
