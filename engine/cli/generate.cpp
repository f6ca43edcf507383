#include "engine/cli/generate.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "engine/cli/flags.h"
#include "engine/cli/local_reply.h"
#include "engine/cli/model_folder.h"
#include "engine/runtime/engine.h"
#include "engine/text/chat_messages.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kDefaultMaxTokens = 4096;

struct GenerateOptions {
  std::string model;
  std::string prompt;
  std::string messages_file;
  std::vector<TokenId> ids;
  bool raw = false;
  bool json = false;
  SamplingFlags flags;
  RunnerOptions runner;
};

ordered_json read_messages(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) give_up({ErrorCode::io_error, path + " cannot be read."});
  ordered_json messages = ordered_json::parse(file, nullptr, false);
  if (!messages.is_array())
    give_up({ErrorCode::invalid_json, path + " is not a JSON array of messages."});
  return without_null_keys(messages);
}

Result<std::vector<TokenId>> prompt_ids(const GenerateOptions& options, const ModelFolder& folder) {
  if (!options.ids.empty()) return options.ids;
  if (options.raw)
    return folder.tokenizer->encode(MarkedText(options.prompt, Origin::from_message),
                                    {.add_special_tokens = true});
  if (folder.chat_template == nullptr) {
    give_up({ErrorCode::file_missing,
             "The folder has no chat template; give the whole text with --raw --prompt."});
  }
  TemplateVariables variables;
  variables.messages = options.messages_file.empty()
                           ? ordered_json::array({{{"role", "user"}, {"content", options.prompt}}})
                           : read_messages(options.messages_file);
  for (const auto& token : folder.tokenizer->named_special_tokens())
    variables.extra[token.name] = token.text;
  const auto rendered = folder.chat_template->render(variables);
  if (!rendered) give_up(rendered.error());
  return folder.tokenizer->encode(
      *rendered, {.add_special_tokens = folder.chat_template->leaves_bos_to_tokenizer()});
}

GenerationRequest make_request(const GenerateOptions& options, const ModelFolder& folder,
                               const RunnerTraits& traits) {
  GenerationRequest request;
  request.id = 1;
  auto ids = prompt_ids(options, folder);
  if (!ids) give_up(ids.error());
  request.prompt_ids = std::move(*ids);
  const auto sampling = resolve(options.flags.sampling, folder.generation.sampling);
  if (!sampling) give_up(sampling.error());
  request.sampling = *sampling;
  request.stop_ids = folder.generation.eos_token_ids;
  request.ignore_eos = options.flags.ignore_eos;
  request.seed = options.flags.seed.value_or(std::random_device{}());
  const auto room = traits.context_length - static_cast<std::int64_t>(request.prompt_ids.size());
  if (room <= 0) {
    give_up({ErrorCode::context_length_exceeded, "The prompt has " +
                                                     std::to_string(request.prompt_ids.size()) +
                                                     " tokens; the model reads at most " +
                                                     std::to_string(traits.context_length) + "."});
  }
  const std::int64_t wanted = options.flags.max_new_tokens.value_or(
      folder.generation.max_new_tokens.value_or(kDefaultMaxTokens));
  if (wanted <= 0) give_up({ErrorCode::usage, "--max-new-tokens must be at least 1."});
  request.max_tokens = std::min(wanted, room);
  return request;
}

void print_json(const GenerationRequest& request, const LocalReply& reply) {
  const FinishedEvent& end = reply.finished;
  const auto prompt = static_cast<std::int64_t>(request.prompt_ids.size());
  const auto completion = static_cast<std::int64_t>(reply.ids.size());
  const ordered_json answer = {
      {"prompt_ids", request.prompt_ids},
      {"ids", reply.ids},
      {"text", reply.text},
      {"finish_reason", reply.finish_reason},
      {"usage",
       {{"prompt_tokens", prompt},
        {"completion_tokens", completion},
        {"total_tokens", prompt + completion}}},
      {"timings",
       {{"queue_ms", end.queue_ms}, {"prefill_ms", end.prefill_ms}, {"decode_ms", end.decode_ms}}},
      {"seed", request.seed}};
  std::cout << answer.dump() << '\n';
}

void run(const GenerateOptions& options) {
  if (options.prompt.empty() && options.messages_file.empty() && options.ids.empty()) {
    give_up({ErrorCode::usage, "generate needs --prompt, --messages or --ids."});
  }
  auto folder = open_model_folder(options.model);
  if (!folder) give_up(folder.error());
  auto runner = load_runner(*folder, options.runner, {});
  if (!runner) give_up(runner.error());
  const RunnerTraits traits = (*runner)->traits();
  const GenerationRequest request = make_request(options, *folder, traits);

  StepSignal signal;
  Engine engine(std::move(*runner), [&signal](std::span<const RequestId>) { signal.raise(); });
  const auto stream = engine.submit(request);
  const auto show = [&](std::string_view text) {
    if (!options.json) std::cout << text << std::flush;
  };
  const LocalReply reply = follow_reply(engine, signal, *stream, folder->tokenizer,
                                        {.stop = options.flags.stop, .show = show});
  if (reply.finished.reason == FinishReason::failed)
    give_up({ErrorCode::engine_failed, reply.finished.error});
  if (options.json) {
    print_json(request, reply);
  } else {
    std::cout << '\n';
  }
}

}  // namespace

void add_generate_command(CLI::App& app) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* command = app.add_subcommand("generate", "One reply");
  command->add_option("--model", options->model, "Model folder")->required();
  auto* prompt = command->add_option("--prompt", options->prompt,
                                     "One user turn, put through the folder's chat template");
  auto* messages = command->add_option("--messages", options->messages_file,
                                       "JSON array of messages with role and content");
  auto* ids =
      command->add_option("--ids", options->ids, "Token ids to continue, as 1,2,3")->delimiter(',');
  prompt->excludes(messages)->excludes(ids);
  messages->excludes(ids);
  command->add_flag("--raw", options->raw, "The prompt is bare text: no chat template")
      ->needs(prompt);
  command->add_flag("--json", options->json,
                    "Print ids, text, finish_reason, usage and timings as one JSON object");
  add_sampling_flags(*command, options->flags);
  add_engine_flags(*command, options->runner);
  command->callback([options] { run(*options); });
}

}  // namespace hearth::engine
