#include "engine/cli/tokenize.h"

#include <charconv>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "engine/cli/flags.h"
#include "engine/text/stream_decoder.h"
#include "engine/text/tokenizer.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;
using TokenizerPtr = std::shared_ptr<const Tokenizer>;

struct TextOptions {
  std::string model;
  std::string text;  // or ids
  bool has_text = false;
  std::string file;
  bool json = false;
  bool jsonl = false;
  bool add_special_tokens = false;
  bool split_special = false;
  bool skip_special_tokens = false;
  bool stream = false;
};

TokenizerPtr load(const std::string& folder) {
  auto tokenizer = Tokenizer::load(folder);
  if (!tokenizer) give_up(tokenizer.error());
  return *tokenizer;
}

// One line of valid UTF-8, whatever bytes a text brought in.
void print(const ordered_json& json) {
  std::cout << json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) << '\n';
}

// The text of the command line, of --file, or of stdin.
std::string input_of(const TextOptions& options) {
  if (options.has_text) return options.text;
  if (options.file.empty()) return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream file(options.file, std::ios::binary);
  if (!file) give_up({ErrorCode::io_error, options.file + " cannot be read."});
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<bool> flag(const ordered_json& line, const char* key, bool fallback) {
  const auto found = line.find(key);
  if (found == line.end()) return fallback;
  if (found->is_boolean()) return found->get<bool>();
  return fail(ErrorCode::invalid_parameter, '"' + std::string(key) + "\" must be true or false.");
}

Result<std::vector<TokenId>> ids_of(const ordered_json& json) {
  std::vector<TokenId> ids;
  if (!json.is_array())
    return fail(ErrorCode::invalid_parameter, "\"ids\" must be an array of token ids.");
  for (const auto& value : json) {
    const bool fits = value.is_number_unsigned() && value.get<std::uint64_t>() <= INT32_MAX;
    if (!fits) return fail(ErrorCode::invalid_parameter, value.dump() + " is not a token id.");
    ids.push_back(static_cast<TokenId>(value.get<std::uint64_t>()));
  }
  return ids;
}

// "1, 2 3", "[1,2,3]" or {"ids": [1,2,3]}.
Result<std::vector<TokenId>> ids_of_text(const std::string& text) {
  const ordered_json json = ordered_json::parse(text, nullptr, false);
  if (json.is_array()) return ids_of(json);
  if (json.is_object()) return ids_of(json.contains("ids") ? json["ids"] : ordered_json());
  std::vector<TokenId> ids;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at != end) {
    if (*at == ',' || *at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') {
      ++at;
      continue;
    }
    TokenId id = -1;
    const auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || id < 0) {
      return fail(ErrorCode::invalid_parameter,
                  "Token ids are numbers with commas or spaces between them.");
    }
    ids.push_back(id);
    at = next;
  }
  return ids;
}

Result<ordered_json> tokenize_line(const Tokenizer& tokenizer, const ordered_json& line) {
  const auto text = line.find("text");
  if (text == line.end() || !text->is_string()) {
    return fail(ErrorCode::invalid_parameter, "\"text\" must be a string.");
  }
  const auto add_special_tokens = flag(line, "add_special_tokens", false);
  if (!add_special_tokens) return tl::unexpected<Error>(add_special_tokens.error());
  const auto split_special = flag(line, "split_special", false);
  if (!split_special) return tl::unexpected<Error>(split_special.error());
  const EncodeOptions options{*add_special_tokens, *split_special};
  const auto ids = tokenizer.encode(text->get_ref<const std::string&>(), options);
  if (!ids) return tl::unexpected<Error>(ids.error());
  return ordered_json{{"ids", *ids}};
}

ordered_json detokenize(const TokenizerPtr& tokenizer, const std::vector<TokenId>& ids,
                        bool skip_special_tokens, bool stream) {
  if (!stream) return {{"text", tokenizer->decode(ids, skip_special_tokens)}};
  StreamDecoder decoder(tokenizer, skip_special_tokens);
  std::vector<std::string> deltas;
  deltas.reserve(ids.size());
  for (const TokenId id : ids) deltas.push_back(decoder.push(id));
  const std::string rest = decoder.finish();
  if (!rest.empty() && !deltas.empty()) deltas.back() += rest;  // one delta per id
  return {{"deltas", deltas}};
}

Result<ordered_json> detokenize_line(const TokenizerPtr& tokenizer, const ordered_json& line,
                                     bool stream) {
  const auto ids = ids_of(line.contains("ids") ? line["ids"] : ordered_json());
  if (!ids) return tl::unexpected<Error>(ids.error());
  // A stream is what a reply shows, so it leaves special tokens out unless told otherwise.
  const auto skip = flag(line, "skip_special_tokens", stream);
  if (!skip) return tl::unexpected<Error>(skip.error());
  return detokenize(tokenizer, *ids, *skip, stream);
}

void run_jsonl(const std::function<Result<ordered_json>(const ordered_json&)>& answer) {
  std::string text;
  while (std::getline(std::cin, text)) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    const ordered_json line = ordered_json::parse(text, nullptr, false);
    const Result<ordered_json> result =
        line.is_object() ? answer(line)
                         : fail(ErrorCode::invalid_json, "A line is not a JSON object.");
    if (result) {
      print(*result);
    } else {
      print({{"error", to_string(result.error().code)}, {"message", result.error().detail}});
    }
  }
}

void run_tokenize(const TextOptions& options) {
  const TokenizerPtr tokenizer = load(options.model);
  if (options.jsonl) {
    return run_jsonl([&](const ordered_json& line) { return tokenize_line(*tokenizer, line); });
  }
  const auto encoded = tokenizer->encode(
      input_of(options), EncodeOptions{options.add_special_tokens, options.split_special});
  if (!encoded) give_up(encoded.error());
  const std::vector<TokenId>& ids = *encoded;
  if (options.json) {
    std::vector<std::string> tokens;
    for (const TokenId id : ids) tokens.push_back(tokenizer->id_to_token(id).value_or(""));
    return print({{"ids", ids}, {"tokens", tokens}});
  }
  for (std::size_t i = 0; i < ids.size(); ++i) std::cout << (i > 0 ? " " : "") << ids[i];
  std::cout << '\n';
}

void run_detokenize(const TextOptions& options) {
  const TokenizerPtr tokenizer = load(options.model);
  if (options.jsonl) {
    return run_jsonl(
        [&](const ordered_json& line) { return detokenize_line(tokenizer, line, options.stream); });
  }
  const auto ids = ids_of_text(input_of(options));
  if (!ids) give_up(ids.error());
  const ordered_json answer =
      detokenize(tokenizer, *ids, options.skip_special_tokens, options.stream);
  if (options.json || options.stream) return print(answer);
  std::cout << answer["text"].get_ref<const std::string&>() << '\n';
}

// What both commands share: model, input, and the form of the output.
CLI::App* add_command(CLI::App& app, const char* name, const char* about, const char* input,
                      const std::shared_ptr<TextOptions>& options) {
  CLI::App* command = app.add_subcommand(name, about);
  command->add_option("--model", options->model, "Model folder")->required();
  CLI::Option* text = command->add_option("text", options->text, input);
  command->add_option("--file", options->file, "Read it from a file instead")->excludes(text);
  command->add_flag("--json", options->json, "Print one JSON object");
  command->add_flag("--jsonl", options->jsonl, "One JSON object per line in, one out")
      ->excludes(text);
  command->parse_complete_callback([options, text] { options->has_text = text->count() > 0; });
  return command;
}

}  // namespace

void add_tokenize_command(CLI::App& app) {
  auto options = std::make_shared<TextOptions>();
  CLI::App* command = add_command(app, "tokenize", "Text to token ids",
                                  "The text; stdin when neither it nor --file is given", options);
  command->add_flag("--add-special-tokens", options->add_special_tokens,
                    "Put the tokenizer's own special tokens around the text");
  command->add_flag("--split-special", options->split_special,
                    "Treat special tokens in the text as plain text");
  command->callback([options] { run_tokenize(*options); });
}

void add_detokenize_command(CLI::App& app) {
  auto options = std::make_shared<TextOptions>();
  CLI::App* command =
      add_command(app, "detokenize", "Token ids to text",
                  "The ids: 1,2,3; stdin when neither it nor --file is given", options);
  command->add_flag("--skip-special-tokens", options->skip_special_tokens,
                    "Leave special tokens out");
  command->add_flag("--stream", options->stream, "Print the text that each id completes");
  command->callback([options] { run_detokenize(*options); });
}

}  // namespace hearth::engine
