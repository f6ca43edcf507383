#include "engine/cli/flags.h"

#include <iostream>
#include <map>

#include <CLI/CLI.hpp>

namespace hearth::engine {
namespace {

// An option with names for its values. The names are in the help text, and in the error for any
// other; CLI11's own list would print small enumerators as bytes.
template <class Value>
void add_choice(CLI::App& app, const std::string& flag, Value& value,
                const std::map<std::string, Value>& names, const std::string& help) {
  std::string all;
  for (const auto& [name, unused] : names) all += (all.empty() ? "" : ", ") + name;
  const auto is_name = [&names, all](const std::string& given) {
    return names.contains(given) ? std::string() : "'" + given + "' is not one of " + all;
  };
  app.add_option(flag, value, help)
      ->transform(CLI::Transformer(names).description(""))
      ->transform(CLI::Validator(is_name, ""))
      ->type_name("NAME");
}

}  // namespace

void add_sampling_flags(CLI::App& app, SamplingFlags& flags) {
  app.add_option("--max-new-tokens", flags.max_new_tokens, "Longest reply, in tokens");
  app.add_option("--temperature", flags.sampling.temperature,
                 "0 is greedy; above 1 is wilder than the model");
  app.add_option("--top-k", flags.sampling.top_k, "Keep the k likeliest tokens; 0 is off");
  app.add_option("--top-p", flags.sampling.top_p,
                 "Keep the likeliest tokens that together reach this probability");
  app.add_option("--min-p", flags.sampling.min_p,
                 "Drop tokens below this share of the likeliest one's probability");
  app.add_option("--repetition-penalty", flags.sampling.repetition_penalty,
                 "Above 1: tokens already there become less likely");
  app.add_option("--seed", flags.seed, "The same seed and request give the same reply");
  app.add_option("--stop", flags.stop, "End before this text; may be given several times")
      ->allow_extra_args(false);
  app.add_flag("--ignore-eos", flags.ignore_eos, "Go on past the end-of-sequence token");
}

void add_engine_flags(CLI::App& app, RunnerOptions& options) {
  static const std::map<std::string, ComputeDtype> kDtypes(kDtypeNames.begin(), kDtypeNames.end());
  static const std::map<std::string, ComputeDevice> kDevices = {{"auto", ComputeDevice::automatic},
                                                                {"cpu", ComputeDevice::cpu},
                                                                {"cuda", ComputeDevice::cuda}};
  add_choice(app, "--dtype", options.dtype, kDtypes, "auto, fp32, bf16, fp16, int8 or int4");
  static const std::map<std::string, KvDtype> kKvDtypes(kKvDtypeNames.begin(), kKvDtypeNames.end());
  add_choice(app, "--kv-dtype", options.kv_dtype, kKvDtypes,
             "bf16, or int8: half the memory for conversations");
  add_choice(app, "--device", options.device, kDevices,
             "auto (GPUs, and the CPU for what they cannot hold), cpu or cuda (GPUs alone)");
  app.add_option("--threads", options.threads, "Threads that compute; 0 is one for each core")
      ->check(CLI::Range(0, 256));
}

void give_up(const Error& error) {
  std::cerr << "hearth: " << error.detail << '\n';
  throw CLI::RuntimeError(error.code == ErrorCode::usage ? 2 : 1);
}

}  // namespace hearth::engine
