#include "engine/cli/classify.h"

#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "engine/cli/classifier.h"
#include "engine/cli/flags.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kLinesAtOnce = 64;

struct ClassifyOptions {
  std::string model;
  std::string text;
  std::optional<std::string> pair;
  bool json = false;
  bool jsonl = false;
  RunnerOptions runner;
};

ordered_json to_json(const Classifier& classifier, const Classification& found) {
  ordered_json json = ordered_json::object();
  if (classifier.spec().scores == ScoreKind::multi_label) {
    json["labels"] = ordered_json::array();
    for (std::size_t i = 0; i < found.probabilities.size(); ++i) {
      if (found.probabilities[i] > 0.5) json["labels"].push_back(classifier.label(i));
    }
  } else if (classifier.spec().scores == ScoreKind::single_label) {
    json["label"] = classifier.label(found.best);
  }
  json["logits"] = found.logits;
  if (!found.probabilities.empty()) json["probs"] = found.probabilities;
  json["tokens"] = found.num_tokens;
  return json;
}

void print(const ordered_json& json) {
  std::cout << json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) << '\n';
}

void print_text(const Classifier& classifier, const Classification& found) {
  for (std::size_t i = 0; i < found.logits.size(); ++i) {
    std::cout << std::left << std::setw(24) << classifier.label(i) << std::right << std::fixed
              << std::setprecision(4);
    if (!found.probabilities.empty()) std::cout << std::setw(8) << found.probabilities[i] << "  ";
    std::cout << "logit " << found.logits[i] << '\n';
  }
}

Result<ClassifierText> read_line(const std::string& line) {
  const ordered_json json = ordered_json::parse(line, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::invalid_json, "A line is not a JSON object.");
  const auto text = json.find("text");
  if (text == json.end() || !text->is_string()) {
    return fail(ErrorCode::invalid_parameter, "\"text\" must be a string.");
  }
  ClassifierText result{text->get<std::string>(), std::nullopt};
  const auto pair = json.find("pair");
  if (pair == json.end() || pair->is_null()) return result;
  if (!pair->is_string()) return fail(ErrorCode::invalid_parameter, "\"pair\" must be a string.");
  result.pair = pair->get<std::string>();
  return result;
}

// Lines in, as many out, in order.
void answer_lines(Classifier& classifier, const std::vector<Result<ClassifierText>>& lines) {
  std::vector<ClassifierText> texts;
  for (const auto& line : lines) {
    if (line) texts.push_back(*line);
  }
  const auto results = classifier.classify(texts);
  auto next = results.begin();
  for (const auto& line : lines) {
    const bool is_found = line && *next;
    if (is_found) print(to_json(classifier, **next));
    if (!is_found) {
      const Error& error = line ? next->error() : line.error();
      print({{"error", to_string(error.code)}, {"message", error.detail}});
    }
    if (line) ++next;
  }
}

void run_jsonl(Classifier& classifier) {
  std::vector<Result<ClassifierText>> lines;
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    lines.push_back(read_line(line));
    if (lines.size() < kLinesAtOnce) continue;
    answer_lines(classifier, lines);
    lines.clear();
  }
  answer_lines(classifier, lines);
}

void run(const ClassifyOptions& options) {
  if (options.text.empty() && !options.jsonl) {
    give_up({ErrorCode::usage, "classify needs a text, or --jsonl."});
  }
  auto classifier = Classifier::open(options.model, options.runner);
  if (!classifier) give_up(classifier.error());
  if (options.jsonl) return run_jsonl(*classifier);
  const std::vector<ClassifierText> texts = {{options.text, options.pair}};
  const auto found = classifier->classify(texts).front();
  if (!found) give_up(found.error());
  options.json ? print(to_json(*classifier, *found)) : print_text(*classifier, *found);
}

}  // namespace

void add_classify_command(CLI::App& app) {
  auto options = std::make_shared<ClassifyOptions>();
  CLI::App* const command = app.add_subcommand(
      "classify", "Text to class probabilities, with a …ForSequenceClassification folder");
  command->add_option("--model", options->model, "Model folder")->required();
  auto* text = command->add_option("text", options->text, "The text");
  command->add_option("--pair", options->pair, "A second text, read together with the first");
  command->add_flag("--json", options->json, "Print one JSON object");
  command
      ->add_flag("--jsonl", options->jsonl,
                 "Read {\"text\", \"pair\"?} lines from stdin, print one object for each")
      ->excludes(text);
  add_engine_flags(*command, options->runner);
  command->callback([options] { run(*options); });
}

}  // namespace hearth::engine
