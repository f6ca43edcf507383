#include "server/api/body_fields.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "server/api/errors.h"
#include "server/session/fields.h"
#include "server/session/strict_json.h"

namespace hearth::server {
namespace {

using nlohmann::json;

constexpr std::size_t kLogitBiasMax = 300;
constexpr std::size_t kStopIdsMax = 64;
constexpr std::int64_t kRepliesMax = 4;
constexpr std::int64_t kIdMax = 1 << 22;

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
Parsed<GenerationParams> read_shared(const json& body, std::int64_t max_tokens_limit) {
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
  return parse_generation_params(shared, "", max_tokens_limit);
}

}  // namespace

tl::unexpected<WireError> invalid(std::string param, std::string detail) {
  return tl::unexpected(
      wire_error(ErrorCode::invalid_parameter, std::move(detail), std::move(param)));
}

Parsed<Body> parse_body(std::string_view text) {
  auto parsed = parse_strict_json(text);
  if (!parsed) {
    if (!parsed.error().number_at.empty())
      return invalid(parsed.error().number_at, parsed.error().detail);
    return tl::unexpected(wire_error(ErrorCode::invalid_json, parsed.error().detail));
  }
  if (!parsed->is_object())
    return tl::unexpected(wire_error(ErrorCode::invalid_json, "The body must be a JSON object."));
  for (auto field = parsed->begin(); field != parsed->end();)
    field = field->is_null() ? parsed->erase(field) : std::next(field);
  return Body{std::move(*parsed), nlohmann::ordered_json::parse(text)};
}

Parsed<std::vector<TokenId>> read_ids(const json& value, const std::string& param) {
  std::vector<TokenId> ids;
  if (!value.is_array()) return invalid(param, param + " must be an array of token ids.");
  for (const json& id : value) {
    const bool is_id = id.is_number_integer() && id >= 0 && id < kIdMax;
    if (!is_id) return invalid(param, param + " must hold token ids: whole numbers from 0.");
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

Parsed<void> read_names(const json& body, GenerationSpec& spec) {
  Fields fields(body, "");
  spec.model = fields.text("model", 0, 256).value_or("");
  spec.end_user = fields.text("user", 0, 512).value_or("");
  if (!fields.ok()) return tl::unexpected(*fields.error());
  return {};
}

Parsed<void> read_generation(const json& body, std::int64_t max_tokens_limit, GenerationSpec& spec,
                             std::int64_t max_tokens_min) {
  if (auto read = read_names(body, spec); !read) return read;
  Parsed<GenerationParams> params = read_shared(body, max_tokens_limit);
  if (!params) return tl::unexpected(params.error());
  spec.params = std::move(*params);
  Fields fields(body, "");
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const auto old_name = fields.integer("max_tokens", max_tokens_min, most);
  const auto new_name = fields.integer("max_completion_tokens", max_tokens_min, most);
  spec.params.max_tokens = new_name ? new_name : old_name;
  if (spec.params.max_tokens)
    spec.params.max_tokens = std::min(*spec.params.max_tokens, max_tokens_limit);
  spec.params.sampling.min_new_tokens = fields.integer("min_tokens", 0, max_tokens_limit);
  spec.params.sampling.typical_p = fields.number("typical_p", 1e-6, 1.0);
  spec.ignore_eos = fields.boolean("ignore_eos").value_or(false);
  spec.n = fields.integer("n", 1, kRepliesMax).value_or(1);
  spec.prompt_logprobs = fields.integer("prompt_logprobs", 0, 20);
  if (fields.has("best_of"))
    fields.fail(ErrorCode::invalid_parameter, "best_of", "best_of is not offered.");
  if (spec.prompt_logprobs && (spec.params.sampling.presence_penalty.value_or(0.0) != 0.0 ||
                               spec.params.sampling.frequency_penalty.value_or(0.0) != 0.0)) {
    fields.fail(ErrorCode::invalid_parameter, "prompt_logprobs",
                "prompt_logprobs and the presence and frequency penalties exclude each other.");
  }
  if (!fields.ok()) return tl::unexpected(*fields.error());
  if (body.contains("stop_token_ids")) {
    auto ids = read_ids(body["stop_token_ids"], "stop_token_ids");
    if (!ids) return tl::unexpected(ids.error());
    if (ids->size() > kStopIdsMax)
      return invalid("stop_token_ids", "stop_token_ids may hold at most 64 ids.");
    spec.stop_token_ids = std::move(*ids);
  }
  if (body.contains("logit_bias")) {
    auto bias = read_logit_bias(body["logit_bias"]);
    if (!bias) return tl::unexpected(bias.error());
    spec.params.sampling.logit_bias = std::move(*bias);
  }
  return {};
}

}  // namespace hearth::server
