#include "engine/cli/template.h"

#include <ctime>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "engine/cli/flags.h"
#include "engine/text/chat_messages.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

struct TemplateOptions {
  std::string model;
  std::string messages_file;
  bool no_generation_prompt = false;
  bool json = false;
  bool jsonl = false;
};

// The reference's names for what can go wrong in a template.
std::string_view kind_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::template_raised:
      return "raise_exception";
    case ErrorCode::template_undefined:
      return "undefined";
    case ErrorCode::template_syntax:
      return "syntax";
    case ErrorCode::template_security:
      return "security";
    case ErrorCode::template_type:
      return "type";
    case ErrorCode::template_runtime:
      return "runtime";
    default:
      return "other";
  }
}

// "2024-07-06T09:05:03", local time.
std::optional<std::chrono::system_clock::time_point> parse_local_time(const std::string& text) {
  std::tm local{};
  std::istringstream stream(text);
  stream >> std::get_time(&local, "%Y-%m-%dT%H:%M:%S");
  if (stream.fail()) return std::nullopt;
  local.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&local));
}

// The whole context of a template as one object, as the jsonl form gives it.
Result<TemplateVariables> read_variables(const ordered_json& line) {
  const auto invalid = [](const char* what) { return fail(ErrorCode::invalid_parameter, what); };
  if (!line.contains("variables") || !line["variables"].is_object())
    return invalid("\"variables\" must be an object.");
  TemplateVariables variables;
  variables.messages = ordered_json(ordered_json::value_t::discarded);
  variables.add_generation_prompt = false;
  for (const auto& [name, value] : line["variables"].items()) {
    if (name == "messages") {
      variables.messages = value;
    } else if (name == "tools") {
      variables.tools = value;
    } else if (name == "documents") {
      variables.documents = value;
    } else if (name == "add_generation_prompt" && value.is_boolean()) {
      variables.add_generation_prompt = value.get<bool>();
    } else {
      variables.extra[name] = value;
    }
  }
  if (line.contains("now") && line["now"].is_string()) {
    variables.now = parse_local_time(line["now"].get<std::string>());
    if (!variables.now) return invalid("\"now\" must look like 2024-07-06T09:05:03.");
  }
  return variables;
}

Result<std::string> render_line(const std::string& text, const ChatTemplate* folder_template) {
  const ordered_json line = ordered_json::parse(text, nullptr, false);
  if (!line.is_object()) return fail(ErrorCode::invalid_json, "A line is not a JSON object.");
  const auto variables = read_variables(line);
  if (!variables) return tl::unexpected<Error>(variables.error());
  std::shared_ptr<const ChatTemplate> compiled;
  if (line.contains("template")) {
    if (!line["template"].is_string())
      return fail(ErrorCode::invalid_parameter, "\"template\" must be a string.");
    auto result = ChatTemplate::compile(line["template"].get<std::string>());
    if (!result) return tl::unexpected<Error>(result.error());
    compiled = std::move(*result);
  } else if (folder_template == nullptr) {
    return fail(ErrorCode::usage, "A line without \"template\" needs --model.");
  }
  const auto rendered = (compiled ? compiled.get() : folder_template)->render(*variables);
  if (!rendered) return tl::unexpected<Error>(rendered.error());
  return rendered->text();
}

void run_jsonl(const ChatTemplate* folder_template) {
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.empty()) continue;
    ordered_json answer;
    if (const auto text = render_line(line, folder_template)) {
      answer["text"] = *text;
    } else {
      answer["error"] = kind_of(text.error().code);
      answer["message"] = text.error().detail;
    }
    std::cout << answer.dump(-1, ' ', false, ordered_json::error_handler_t::replace) << '\n';
  }
}

ordered_json read_messages(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) give_up({ErrorCode::io_error, path + " cannot be read."});
  const std::string text(std::istreambuf_iterator<char>(file), {});
  ordered_json messages = ordered_json::parse(text, nullptr, false);
  if (!messages.is_array())
    give_up({ErrorCode::invalid_json, path + " is not a JSON array of messages."});
  return messages;
}

ordered_json special_tokens_of(const std::string& folder) {
  ordered_json names = ordered_json::object();
  const auto tokenizer = Tokenizer::load(folder);
  if (!tokenizer && tokenizer.error().code != ErrorCode::file_missing) give_up(tokenizer.error());
  if (!tokenizer) return names;  // a folder with a template alone
  for (const auto& token : (*tokenizer)->named_special_tokens()) names[token.name] = token.text;
  return names;
}

void run_messages(const TemplateOptions& options, const ChatTemplate& folder_template) {
  TemplateVariables variables;
  variables.messages = without_null_keys(read_messages(options.messages_file));
  variables.add_generation_prompt = !options.no_generation_prompt;
  variables.extra = special_tokens_of(options.model);
  const auto rendered = folder_template.render(variables);
  if (!rendered) give_up(rendered.error());
  if (!options.json) {
    std::cout << rendered->text();
    return;
  }
  ordered_json runs = ordered_json::array();
  for (const auto& run : rendered->runs()) {
    const bool is_message = run.origin == Origin::from_message;
    runs.push_back({{"bytes", run.bytes}, {"origin", is_message ? "message" : "template"}});
  }
  std::cout << ordered_json{{"text", rendered->text()},
                            {"source", folder_template.source()},
                            {"runs", runs}}
                   .dump()
            << '\n';
}

void run(const TemplateOptions& options) {
  std::shared_ptr<const ChatTemplate> folder_template;
  if (!options.model.empty()) {
    auto loaded = ChatTemplate::load(options.model);
    if (!loaded) give_up(loaded.error());
    folder_template = std::move(*loaded);
  }
  if (options.jsonl) return run_jsonl(folder_template.get());
  if (!folder_template || options.messages_file.empty()) {
    give_up({ErrorCode::usage, "template needs --model and --messages, or --jsonl."});
  }
  run_messages(options, *folder_template);
}

}  // namespace

void add_template_command(CLI::App& app) {
  auto options = std::make_shared<TemplateOptions>();
  CLI::App* command = app.add_subcommand("template", "Render a chat template");
  command->add_option("--model", options->model, "Model folder");
  command->add_option("--messages", options->messages_file,
                      "JSON array of messages with role and content");
  command->add_flag("--no-generation-prompt", options->no_generation_prompt,
                    "Do not open the assistant's turn");
  command->add_flag("--json", options->json, "Print text, source and the origin of every byte");
  command->add_flag("--jsonl", options->jsonl,
                    "Read {\"template\"?, \"variables\", \"now\"?} lines from stdin, print "
                    "{\"text\"} or {\"error\"}");
  command->callback([options] { run(*options); });
}

}  // namespace hearth::engine
