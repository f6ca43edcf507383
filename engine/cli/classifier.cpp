#include "engine/cli/classifier.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/cli/model_folder.h"

namespace hearth::engine {
namespace {

constexpr std::int64_t kBatchTokensMax = 4096;

std::vector<double> probabilities_of(const std::vector<float>& logits, ScoreKind kind) {
  std::vector<double> result;
  if (kind == ScoreKind::regression) return result;
  const double max = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const float logit : logits) {
    const auto score = static_cast<double>(logit);
    const bool is_single = kind == ScoreKind::single_label;
    result.push_back(is_single ? std::exp(score - max) : 1.0 / (1.0 + std::exp(-score)));
    sum += result.back();
  }
  if (kind != ScoreKind::single_label) return result;
  for (double& probability : result) probability /= sum;
  return result;
}

// Texts that share a step, with blocks of their own.
class ClassBatch {
 public:
  explicit ClassBatch(const RunnerTraits& traits) : traits_(traits) {}

  bool has_room(std::size_t num_tokens) const {
    const auto tokens = static_cast<std::int64_t>(num_tokens);
    return texts_.empty() || (static_cast<std::int32_t>(texts_.size()) < traits_.max_sequences &&
                              num_tokens_ + tokens <= kBatchTokensMax &&
                              next_block_ + blocks_for(tokens) <= traits_.num_blocks);
  }

  void add(std::size_t index, PairEncoding encoding) {
    const auto tokens = static_cast<std::int64_t>(encoding.ids.size());
    std::vector<std::int32_t> blocks;
    for (std::int64_t i = 0; i < blocks_for(tokens); ++i) {
      blocks.push_back(static_cast<std::int32_t>(next_block_++));
    }
    num_tokens_ += tokens;
    texts_.push_back({index, std::move(encoding), std::move(blocks)});
  }

  bool empty() const { return texts_.empty(); }

  void run(StepRunner& runner, ScoreKind kind, std::vector<Result<Classification>>& results) {
    Batch batch;
    for (const Text& text : texts_) {
      BatchRow row;
      row.slot = static_cast<std::int32_t>(batch.rows.size());
      row.prompt_length = static_cast<std::int64_t>(text.encoding.ids.size());
      row.tokens = text.encoding.ids;
      row.token_types = text.encoding.types;
      row.block_table = text.blocks;
      row.output = RowOutput::class_scores;
      batch.rows.push_back(row);
    }
    const auto step = runner.run(batch);
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      Result<Classification>& result = results[texts_[i].index];
      if (!step) {
        result = tl::unexpected(step.error());
      } else if (!step->rows[i].error.empty()) {
        result = fail(ErrorCode::engine_failed, "Cannot compute: " + step->rows[i].error + ".");
      } else {
        const auto values = step->rows[i].values;
        result->logits.assign(values.begin(), values.end());
        result->probabilities = probabilities_of(result->logits, kind);
        result->best = static_cast<std::size_t>(std::max_element(values.begin(), values.end()) -
                                                values.begin());
        result->num_tokens = texts_[i].encoding.ids.size();
      }
    }
    texts_.clear();
    num_tokens_ = 0;
    next_block_ = 0;
  }

 private:
  struct Text {
    std::size_t index = 0;
    PairEncoding encoding;
    std::vector<std::int32_t> blocks;
  };

  std::int64_t blocks_for(std::int64_t tokens) const {
    return (tokens + traits_.block_size - 1) / traits_.block_size;
  }

  const RunnerTraits& traits_;
  std::vector<Text> texts_;
  std::int64_t num_tokens_ = 0;
  std::int64_t next_block_ = 0;
};

}  // namespace

Result<Classifier> Classifier::open(const std::filesystem::path& folder,
                                    const RunnerOptions& options) {
  auto opened = open_model_folder(folder);
  if (!opened) return tl::unexpected(std::move(opened.error()));
  if (!opened->spec.is_classifier()) {
    return fail(ErrorCode::invalid_parameter,
                folder.string() + ": " + opened->spec.architecture +
                    " writes text and has no classes; expected …ForSequenceClassification.");
  }
  auto runner = load_runner(*opened, options, {});
  if (!runner) return tl::unexpected(std::move(runner.error()));
  Classifier classifier;
  classifier.spec_ = std::move(opened->spec);
  classifier.tokenizer_ = std::move(opened->tokenizer);
  classifier.runner_ = std::move(*runner);
  return classifier;
}

std::string Classifier::label(std::size_t index) const {
  return index < spec_.labels.size() ? spec_.labels[index] : "LABEL_" + std::to_string(index);
}

std::vector<Result<Classification>> Classifier::classify(std::span<const ClassifierText> texts) {
  std::vector<Result<Classification>> results(texts.size());
  const RunnerTraits& traits = runner_->traits();
  ClassBatch batch(traits);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto encoding = tokenizer_->encode_pair(texts[i].text, texts[i].pair);
    if (!encoding) {
      results[i] = tl::unexpected(std::move(encoding.error()));
      continue;
    }
    const std::size_t count = encoding->ids.size();
    if (count == 0) {
      results[i] = fail(ErrorCode::invalid_parameter, "The text has no tokens.");
      continue;
    }
    if (static_cast<std::int64_t>(count) > traits.context_length) {
      results[i] =
          fail(ErrorCode::context_length_exceeded, "The text has " + std::to_string(count) +
                                                       " tokens; the model reads at most " +
                                                       std::to_string(traits.context_length) + ".");
      continue;
    }
    if (!batch.has_room(count)) batch.run(*runner_, spec_.scores, results);
    batch.add(i, std::move(*encoding));
  }
  if (!batch.empty()) batch.run(*runner_, spec_.scores, results);
  return results;
}

}  // namespace hearth::engine
