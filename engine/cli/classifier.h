// A classifier folder (BERT, …ForSequenceClassification), loaded: texts, or pairs of texts, to the
// probabilities of their classes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/runtime/step_runner.h"
#include "engine/text/tokenizer.h"

namespace hearth::engine {

struct ClassifierText {
  std::string text;
  std::optional<std::string> pair = std::nullopt;
};

struct Classification {
  std::vector<float> logits;          // one per label
  std::vector<double> probabilities;  // softmax, or a sigmoid of each where several labels may
                                      // hold; empty for a regression
  std::size_t best = 0;  // the first of the largest logits
  std::size_t num_tokens = 0;
};

// One thread at a time.
class Classifier {
 public:
  // Errors: those of open_model_folder and load_runner; invalid_parameter (no classifier).
  static Result<Classifier> open(const std::filesystem::path& folder, const RunnerOptions& options);

  const ModelSpec& spec() const { return spec_; }
  // config.json's name of a label, else "LABEL_0", as transformers calls it.
  std::string label(std::size_t index) const;

  // In order; as many texts at once as the runner's memory holds. A text that the model cannot read
  // is an error of its own: context_length_exceeded, invalid_parameter (no tokens), engine_failed.
  std::vector<Result<Classification>> classify(std::span<const ClassifierText> texts);

 private:
  Classifier() = default;

  ModelSpec spec_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<StepRunner> runner_;
};

}  // namespace hearth::engine
