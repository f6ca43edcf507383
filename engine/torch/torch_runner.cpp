#include "engine/torch/torch_runner.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <string>
#include <utility>

#include "engine/torch/failure.h"

namespace hearth::engine {

TorchRunner::TorchRunner(TorchRunnerParts parts)
    : spec_(std::move(parts.spec)),
      traits_(std::move(parts.traits)),
      places_(std::move(parts.places)),
      options_(places_.embedding),
      cache_(std::move(parts.cache)) {}

at::Tensor TorchRunner::on_device(const std::vector<float>& values) const {
  return at::tensor(values, at::kFloat).to(options_.device());
}

at::Tensor TorchRunner::on_device(const std::vector<std::int64_t>& values) const {
  return at::tensor(values, at::kLong).to(options_.device());
}

bool TorchRunner::enter(const at::TensorOptions& place, Step& step, at::Tensor& h) {
  if (is_same_place(place, options_)) return false;
  options_ = place;
  h = h.to(place);
  step.positions = step.positions.to(place.device());
  step.slots = step.slots.to(place.device());
  return true;
}

bool TorchRunner::enter_layer(std::int64_t layer, Step& step, at::Tensor& h) {
  return enter(places_.layers[static_cast<std::size_t>(layer)], step, h);
}

Result<StepResult> TorchRunner::run(const Batch& batch) {
  try {
    const c10::InferenceMode guard;
    return run_step(batch);
  } catch (const std::exception& error) {
    return tl::unexpected(failure_of(error));
  }
}

// The sentence for a row that cannot run, or empty. The scheduler never sends one; a wrong id would
// read outside the tables.
std::string TorchRunner::check_row(const BatchRow& row) const {
  if (row.tokens.empty()) return "the row has no tokens";
  const auto length = row.position + static_cast<std::int64_t>(row.tokens.size());
  if (row.position < 0 || length > traits_.context_length) {
    return "the sequence is longer than the context of " + std::to_string(traits_.context_length);
  }
  const auto num_blocks = static_cast<std::int64_t>(row.block_table.size());
  if (cache_ != nullptr && num_blocks * traits_.block_size < length) {
    return "the block table does not cover the sequence";
  }
  for (const std::int32_t block : row.block_table) {
    if (block < 0 || block >= traits_.num_blocks) return "the block table names no block";
  }
  for (const TokenId id : row.tokens) {
    if (id < 0 || id >= spec_.vocab_size) {
      return "token id " + std::to_string(id) + " is not in the vocabulary";
    }
  }
  const bool wants_class = row.output == RowOutput::class_scores;
  const bool wants_logits = row.output == RowOutput::logits || row.output == RowOutput::all_logits;
  if (wants_class && !spec_.is_classifier()) return "the model has no class scores";
  if (wants_logits && spec_.is_classifier()) return "the model is a classifier and has no logits";
  return {};
}

StepResult TorchRunner::run_step(const Batch& batch) {
  StepResult result;
  result.rows.resize(batch.rows.size());
  Step step;
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const BatchRow& row = batch.rows[i];
    result.rows[i].error = check_row(row);
    if (!result.rows[i].error.empty()) continue;
    const auto count = static_cast<std::int64_t>(row.tokens.size());
    step.rows.push_back({&row, i, step.num_tokens, count});
    step.num_tokens += count;
  }
  if (step.rows.empty()) return result;

  // One host-to-device copy: ids, positions and slots.
  const at::Tensor host = at::zeros({3, step.num_tokens}, at::kLong);
  auto table = host.accessor<std::int64_t, 2>();
  for (const Step::Row& r : step.rows) {
    for (std::int64_t t = 0; t < r.count; ++t) {
      const std::int64_t position = r.row->position + t;
      const std::int64_t size = traits_.block_size;
      table[0][r.first + t] = r.row->tokens[static_cast<std::size_t>(t)];
      table[1][r.first + t] = position;
      if (cache_ == nullptr) continue;
      table[2][r.first + t] =
          r.row->block_table[static_cast<std::size_t>(position / size)] * size + position % size;
    }
  }
  options_ = places_.embedding;
  const at::Tensor inputs = host.to(options_.device());
  step.ids = inputs[0];
  step.positions = inputs[1];
  step.slots = inputs[2];
  at::Tensor hidden = forward(step);
  enter(places_.tail, step, hidden);
  collect(step, hidden, result);
  return result;
}

// Final norm and head for the rows that ask, all in one product, then one copy to the host.
void TorchRunner::collect(const Step& step, const at::Tensor& hidden, StepResult& result) {
  std::vector<std::int64_t> head_tokens;    // through the head
  std::vector<std::int64_t> hidden_tokens;  // the normed hidden state itself
  for (const Step::Row& r : step.rows) {
    const std::int64_t last = r.first + r.count - 1;
    switch (r.row->output) {
      case RowOutput::none:
        break;
      case RowOutput::hidden:
        hidden_tokens.push_back(scored_token(r));
        break;
      case RowOutput::all_hidden:
        for (std::int64_t t = r.first; t <= last; ++t) hidden_tokens.push_back(t);
        break;
      case RowOutput::all_logits:
        for (std::int64_t t = r.first; t <= last; ++t) head_tokens.push_back(t);
        break;
      case RowOutput::logits:
      case RowOutput::class_scores:
        head_tokens.push_back(scored_token(r));
        break;
    }
  }
  const auto finished = [&](const std::vector<std::int64_t>& tokens) {
    return finish(hidden.index_select(0, on_device(tokens)));
  };
  std::vector<at::Tensor> parts;
  if (!head_tokens.empty()) parts.push_back(scores(finished(head_tokens)).reshape(-1));
  if (!hidden_tokens.empty()) {
    parts.push_back(finished(hidden_tokens).to(at::kFloat).reshape(-1));
  }
  if (parts.empty()) return;
  output_ = (parts.size() == 1 ? parts[0] : at::cat(parts)).to(at::kCPU).contiguous();

  const std::int64_t width = spec_.is_classifier() ? spec_.num_labels : spec_.vocab_size;
  const float* next_scores = output_.data_ptr<float>();
  const float* next_hidden = next_scores + static_cast<std::int64_t>(head_tokens.size()) * width;
  for (const Step::Row& r : step.rows) {
    const bool is_hidden =
        r.row->output == RowOutput::hidden || r.row->output == RowOutput::all_hidden;
    const bool is_of_all =
        r.row->output == RowOutput::all_logits || r.row->output == RowOutput::all_hidden;
    if (r.row->output == RowOutput::none) continue;
    const std::int64_t rows = is_of_all ? r.count : 1;
    const std::int64_t count = rows * (is_hidden ? spec_.hidden_size : width);
    const float*& next = is_hidden ? next_hidden : next_scores;
    RowResult& out = result.rows[r.index];
    out.values = {next, static_cast<std::size_t>(count)};
    next += count;
    const bool has_nan =
        std::any_of(out.values.begin(), out.values.end(), [](float x) { return std::isnan(x); });
    if (has_nan) {
      out.values = {};
      out.error = "the model's result is not a number";
    }
  }
}

}  // namespace hearth::engine
