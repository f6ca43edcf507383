#include "engine/cli/sample.h"

#include <cstdint>
#include <fstream>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/cli/flags.h"
#include "engine/sampling/sampler.h"
#include "engine/sampling/sampling_overrides.h"
#include "engine/sampling/sampling_params.h"

namespace hearth::engine {
namespace {

using nlohmann::json;

struct SampleOptions {
  bool jsonl = false;
  std::string file;
};

struct SampleCase {
  std::vector<float> logits;
  std::vector<TokenId> ids;
  std::size_t num_prompt = 0;
  std::vector<TokenId> eos_ids;
  SamplingParams params;
};

std::vector<TokenId> read_ids(const json& value) {
  // transformers writes one id where a list could stand.
  return value.is_number() ? std::vector<TokenId>{value.get<TokenId>()}
                           : value.get<std::vector<TokenId>>();
}

// [[ids, bias], …], or OpenAI's logit_bias: {"id": bias}.
void read_bias(const json& value, SamplingParams& params) {
  for (const auto& [key, entry] : value.items()) {
    if (value.is_object()) {
      params.sequence_bias.push_back({{static_cast<TokenId>(std::stoi(key))}, entry.get<double>()});
    } else {
      params.sequence_bias.push_back({read_ids(entry.at(0)), entry.at(1).get<double>()});
    }
  }
}

// False for a name that is no parameter. Wrong types throw json::exception.
bool read_param(const std::string& name, const json& value, SamplingParams& p) {
  const std::pair<const char*, double*> numbers[] = {
      {"temperature", &p.temperature},
      {"top_p", &p.top_p},
      {"min_p", &p.min_p},
      {"typical_p", &p.typical_p},
      {"epsilon_cutoff", &p.epsilon_cutoff},
      {"eta_cutoff", &p.eta_cutoff},
      {"repetition_penalty", &p.repetition_penalty},
      {"encoder_repetition_penalty", &p.encoder_repetition_penalty},
      {"presence_penalty", &p.presence_penalty},
      {"frequency_penalty", &p.frequency_penalty}};
  const std::pair<const char*, std::int64_t*> integers[] = {
      {"top_k", &p.top_k},           {"no_repeat_ngram_size", &p.no_repeat_ngram_size},
      {"min_length", &p.min_length}, {"min_new_tokens", &p.min_new_tokens},
      {"max_length", &p.max_length}, {"forced_bos_token_id", &p.forced_bos_token_id}};
  const std::pair<const char*, std::vector<TokenId>*> lists[] = {
      {"suppress_tokens", &p.suppress_tokens},
      {"begin_suppress_tokens", &p.begin_suppress_tokens},
      {"forced_eos_token_id", &p.forced_eos_token_ids}};
  const std::pair<const char*, bool*> switches[] = {
      {"remove_invalid_values", &p.remove_invalid_values},
      {"renormalize_logits", &p.renormalize_logits}};
  for (const auto& [key, target] : numbers) {
    if (name == key) return value.get_to(*target), true;
  }
  for (const auto& [key, target] : integers) {
    if (name == key) return value.get_to(*target), true;
  }
  for (const auto& [key, target] : lists) {
    if (name == key) return *target = read_ids(value), true;
  }
  for (const auto& [key, target] : switches) {
    if (name == key) return value.get_to(*target), true;
  }
  if (name == "bad_words_ids") return value.get_to(p.bad_words_ids), true;
  if (name == "sequence_bias" || name == "logit_bias") return read_bias(value, p), true;
  if (name != "exponential_decay_length_penalty") return false;
  p.exponential_decay_length_penalty = {value.at(0).get<std::int64_t>(), value.at(1).get<double>()};
  return true;
}

Result<SampleCase> read_case(const json& line) {
  SampleCase c;
  for (const json& logit : line.at("logits")) {
    c.logits.push_back(logit.is_null() ? -std::numeric_limits<float>::infinity()
                                       : static_cast<float>(logit.get<double>()));
  }
  const json none = json::array();
  c.ids = read_ids(line.value("prompt_ids", none));
  c.num_prompt = c.ids.size();
  for (const TokenId id : read_ids(line.value("generated_ids", none))) c.ids.push_back(id);
  c.eos_ids = read_ids(line.value("eos_token_ids", none));
  c.params.do_sample = line.value("do_sample", false);
  const json params = line.value("params", json::object());
  for (const auto& [name, value] : params.items()) {
    if (value.is_null()) continue;  // transformers writes null for what is off
    if (read_param(name, value, c.params)) continue;
    return fail(ErrorCode::invalid_parameter, "There is no sampling parameter \"" + name + "\".");
  }
  if (c.params.temperature == 0.0) {  // greedy, as everywhere
    c.params.do_sample = false;
    c.params.temperature = 1.0;
  }
  if (c.logits.empty()) return fail(ErrorCode::invalid_parameter, "\"logits\" is empty.");
  if (Result<void> checked = validate(c.params); !checked) return tl::unexpected(checked.error());
  return c;
}

Result<json> answer(const std::string& text, Sampler& sampler) {
  const json line = json::parse(text, nullptr, false);
  if (!line.is_object()) return fail(ErrorCode::invalid_json, "A line is not a JSON object.");
  Result<SampleCase> c;
  try {
    c = read_case(line);
  } catch (const std::exception& exception) {  // a missing key or a wrong type
    return fail(ErrorCode::invalid_parameter,
                std::string("The line cannot be read: ") + exception.what());
  }
  if (!c) return tl::unexpected(c.error());
  Result<Sampler::Trace> trace = sampler.trace(c->params, {.logits = c->logits,
                                                           .ids = c->ids,
                                                           .num_prompt = c->num_prompt,
                                                           .eos_ids = c->eos_ids,
                                                           .seed = 0,
                                                           .num_top = 0});
  if (!trace) return tl::unexpected(trace.error());
  json stages = json::array();
  for (const SampleStage& stage : trace->stages) {
    stages.push_back({{"name", std::string(stage.name)}, {"probs", stage.probs}});
  }
  return json{{"probs", trace->probs}, {"stages", std::move(stages)}};
}

void run(const SampleOptions& options) {
  if (!options.jsonl) give_up({ErrorCode::usage, "sample needs --jsonl."});
  std::ifstream file;
  if (!options.file.empty()) {
    file.open(options.file, std::ios::binary);
    if (!file) give_up({ErrorCode::io_error, options.file + " cannot be read."});
  }
  std::istream& input = options.file.empty() ? std::cin : file;
  Sampler sampler;
  for (std::string line; std::getline(input, line);) {
    if (line.empty()) continue;
    Result<json> result = answer(line, sampler);
    if (!result) {
      result = json{{"error", std::string(to_string(result.error().code))},
                    {"message", result.error().detail}};
    }
    std::cout << result->dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
  }
}

}  // namespace

void add_sample_command(CLI::App& app) {
  auto options = std::make_shared<SampleOptions>();
  CLI::App* command =
      app.add_subcommand("sample", "Scores, ids and parameters to probabilities after every stage");
  command->add_flag("--jsonl", options->jsonl,
                    "Read {\"logits\", \"prompt_ids\", \"generated_ids\", \"eos_token_ids\", "
                    "\"do_sample\", \"params\"} lines, print {\"probs\", \"stages\"}");
  command->add_option("--file", options->file, "Read the lines from this file instead of stdin");
  command->callback([options] { run(*options); });
}

}  // namespace hearth::engine
