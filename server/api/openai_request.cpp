#include "server/api/openai_request.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/api/errors.h"
#include "server/session/fields.h"
#include "server/session/strict_json.h"

namespace hearth::server {
namespace {

using nlohmann::json;
template <class T>
using Parsed = tl::expected<T, WireError>;

constexpr std::size_t kMessagesMax = 512;
constexpr std::size_t kLogitBiasMax = 300;
constexpr std::int64_t kTopLogprobsMax = 20;
constexpr std::size_t kPartsMax = 64;

tl::unexpected<WireError> invalid(std::string param, std::string detail) {
  return tl::unexpected(
      wire_error(ErrorCode::invalid_parameter, std::move(detail), std::move(param)));
}

Parsed<json> parse_body(std::string_view body) {
  auto parsed = parse_strict_json(body);
  if (!parsed) {
    if (!parsed.error().number_at.empty())
      return invalid(parsed.error().number_at, parsed.error().detail);
    return tl::unexpected(wire_error(ErrorCode::invalid_json, parsed.error().detail));
  }
  if (!parsed->is_object())
    return tl::unexpected(wire_error(ErrorCode::invalid_json, "The body must be a JSON object."));
  for (auto field = parsed->begin(); field != parsed->end();)
    field = field->is_null() ? parsed->erase(field) : std::next(field);
  return std::move(*parsed);
}

std::optional<Role> role_named(std::string_view name) {
  if (name == "system" || name == "developer") return Role::system;
  if (name == "user") return Role::user;
  if (name == "assistant") return Role::assistant;
  return std::nullopt;
}

// A string, or an array of {"type": "text", "text"} parts.
Parsed<std::string> read_content(const json& content, const std::string& param) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array() || content.empty() || content.size() > kPartsMax) {
    return invalid(param, param + " must be a string or an array of 1 to 64 text parts.");
  }
  std::string text;
  for (const json& part : content) {
    const bool is_text = part.is_object() && part.contains("text") && part["text"].is_string() &&
                         (!part.contains("type") || part["type"] == "text");
    if (!is_text)
      return invalid(param, param + " may hold only text parts: this model reads nothing else.");
    text += part["text"].get<std::string>();
  }
  return text;
}

Parsed<Turn> read_message(const json& message, const std::string& param) {
  if (!message.is_object())
    return invalid(param, param + " must be an object with role and content.");
  const auto role = message.find("role");
  if (role == message.end() || !role->is_string())
    return invalid(param + ".role", param + ".role must be a string.");
  const std::optional<Role> known = role_named(role->get<std::string>());
  if (!known)
    return invalid(param + ".role", param + ".role must be system, developer, user or assistant.");
  const auto content = message.find("content");
  if (content == message.end()) return invalid(param + ".content", param + ".content is missing.");
  Parsed<std::string> text = read_content(*content, param + ".content");
  if (!text) return tl::unexpected(text.error());
  return Turn{{}, *known, std::move(*text)};
}

Parsed<std::vector<Turn>> read_messages(const json& body) {
  const auto messages = body.find("messages");
  if (messages == body.end() || !messages->is_array() || messages->empty() ||
      messages->size() > kMessagesMax) {
    return invalid("messages", "messages must be an array of 1 to 512 messages.");
  }
  std::vector<Turn> turns;
  for (std::size_t i = 0; i < messages->size(); ++i) {
    Parsed<Turn> turn = read_message((*messages)[i], "messages[" + std::to_string(i) + "]");
    if (!turn) return tl::unexpected(turn.error());
    turns.push_back(std::move(*turn));
  }
  return turns;
}

// What would change the reply and cannot be honoured.
std::optional<WireError> check_unsupported(const json& body) {
  const auto differs = [&](const char* name, const json& harmless) {
    return body.contains(name) && body[name] != harmless;
  };
  const auto error = [](const char* name, std::string detail) {
    return wire_error(ErrorCode::invalid_parameter, std::move(detail), name);
  };
  if (body.contains("n") && !(body["n"].is_number_integer() && body["n"] == 1)) {
    return error("n", "n must be 1: one reply is made for each request.");
  }
  if (body.contains("best_of")) return error("best_of", "best_of is not offered.");
  if (differs("tools", json::array()) || differs("functions", json::array())) {
    return error(body.contains("tools") ? "tools" : "functions", "Tools are not offered yet.");
  }
  if (body.contains("response_format") && body["response_format"] != json{{"type", "text"}}) {
    return error("response_format", "The only response_format offered is {\"type\": \"text\"}.");
  }
  return std::nullopt;
}

// {"50256": -100}: ids as strings.
Parsed<std::vector<std::pair<TokenId, double>>> read_logit_bias(const json& bias) {
  if (!bias.is_object() || bias.size() > kLogitBiasMax) {
    return invalid("logit_bias",
                   "logit_bias must be an object of at most 300 entries, token id to number.");
  }
  std::vector<std::pair<TokenId, double>> out;
  for (const auto& [name, value] : bias.items()) {
    const bool is_id =
        !name.empty() && name.size() <= 9 &&
        std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_id) return invalid("logit_bias", "The keys of logit_bias must be token ids.");
    if (!value.is_number() || !(value.get<double>() >= -100.0 && value.get<double>() <= 100.0)) {
      return invalid("logit_bias", "The values of logit_bias must be numbers from -100 to 100.");
    }
    out.emplace_back(static_cast<TokenId>(std::stol(name)), value.get<double>());
  }
  return out;
}

// The settings that the WebSocket protocol has too, under its names and with its ranges.
Parsed<GenerationParams> read_params(const json& body, std::int64_t max_tokens_limit) {
  static constexpr std::array kShared = {
      "temperature",       "top_k", "top_p", "min_p", "repetition_penalty", "presence_penalty",
      "frequency_penalty", "stop",  "seed"};
  json shared = json::object();
  for (const char* const name : kShared) {
    if (body.contains(name)) shared[name] = body[name];
  }
  if (shared.contains("top_k") && shared["top_k"] == -1)
    shared["top_k"] = 0;  // another spelling of "off"
  if (shared.contains("stop") && shared["stop"] == json::array()) shared.erase("stop");
  auto params = parse_generation_params(shared, "", max_tokens_limit);
  if (!params) return tl::unexpected(params.error());

  Fields fields(body, "");
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const auto old_name = fields.integer("max_tokens", 1, most);
  const auto new_name = fields.integer("max_completion_tokens", 1, most);
  params->sampling.min_new_tokens = fields.integer("min_tokens", 0, max_tokens_limit);
  if (!fields.ok()) return tl::unexpected(*fields.error());
  params->max_tokens = new_name ? new_name : old_name;
  if (params->max_tokens) params->max_tokens = std::min(*params->max_tokens, max_tokens_limit);
  if (body.contains("logit_bias")) {
    auto bias = read_logit_bias(body["logit_bias"]);
    if (!bias) return tl::unexpected(bias.error());
    params->sampling.logit_bias = std::move(*bias);
  }
  return std::move(*params);
}

}  // namespace

tl::expected<OpenAiChatRequest, WireError> parse_openai_chat(std::string_view text,
                                                             std::int64_t max_tokens_limit) {
  Parsed<json> body = parse_body(text);
  if (!body) return tl::unexpected(body.error());
  if (const auto problem = check_unsupported(*body)) return tl::unexpected(*problem);
  Parsed<std::vector<Turn>> turns = read_messages(*body);
  if (!turns) return tl::unexpected(turns.error());
  Parsed<GenerationParams> params = read_params(*body, max_tokens_limit);
  if (!params) return tl::unexpected(params.error());

  OpenAiChatRequest request;
  request.turns = std::move(*turns);
  request.params = std::move(*params);
  Fields fields(*body, "");
  request.model = fields.text("model", 0, 256).value_or("");
  request.stream = fields.boolean("stream").value_or(false);
  request.logprobs = fields.boolean("logprobs").value_or(false);
  request.top_logprobs = fields.integer("top_logprobs", 0, kTopLogprobsMax).value_or(0);
  request.ignore_eos = fields.boolean("ignore_eos").value_or(false);
  if (request.top_logprobs > 0 && !request.logprobs) {
    fields.fail(ErrorCode::invalid_parameter, "top_logprobs", "top_logprobs needs logprobs: true.");
  }
  if (const json* options = fields.find("stream_options")) {
    if (!options->is_object())
      fields.fail(ErrorCode::invalid_parameter, "stream_options",
                  "stream_options must be an object.");
    const auto usage = options->is_object() ? options->find("include_usage") : options->end();
    request.include_usage = options->is_object() && usage != options->end() && *usage == true;
  }
  if (!fields.ok()) return tl::unexpected(*fields.error());
  return request;
}

}  // namespace hearth::server
