#include <algorithm>
#include <utility>

#include "server/api/completions_api.h"
#include "server/api/openai_request.h"
#include "server/session/fields.h"

namespace hearth::server {
namespace {

using nlohmann::json;

constexpr std::size_t kPromptsMax = 16;
constexpr std::int64_t kDefaultTokens = 16;  // OpenAI's
constexpr std::int64_t kLogprobsMax = 20;

bool is_number(const json& value) { return value.is_number(); }

Parsed<PromptInput> read_prompt(const json& prompt, const TextPrompt& like,
                                const std::string& param) {
  if (prompt.is_string()) {
    TextPrompt text = like;
    text.text = prompt.get<std::string>();
    return PromptInput{std::move(text)};
  }
  auto ids = read_ids(prompt, param);
  if (!ids) return tl::unexpected(ids.error());
  if (ids->empty()) return invalid(param, param + " is empty.");
  return PromptInput{std::move(*ids)};
}

Parsed<std::vector<PromptInput>> read_prompts(const json& body) {
  const auto prompt = body.find("prompt");
  if (prompt == body.end()) return invalid("prompt", "prompt is missing.");
  Fields fields(body, "");
  TextPrompt like;
  like.add_special_tokens = fields.boolean("add_special_tokens").value_or(true);
  like.parse_special = fields.boolean("parse_special").value_or(false);
  if (!fields.ok()) return tl::unexpected(*fields.error());
  std::vector<PromptInput> prompts;
  const bool is_one = !prompt->is_array() || prompt->empty() ||
                      std::all_of(prompt->begin(), prompt->end(), is_number);
  if (!is_one && prompt->size() > kPromptsMax)
    return invalid("prompt", "prompt may be a list of at most 16 prompts.");
  if (!is_one) {
    for (std::size_t i = 0; i < prompt->size(); ++i) {
      auto one = read_prompt((*prompt)[i], like, "prompt[" + std::to_string(i) + "]");
      if (!one) return tl::unexpected(one.error());
      prompts.push_back(std::move(*one));
    }
    return prompts;
  }
  auto one = read_prompt(*prompt, like, "prompt");
  if (!one) return tl::unexpected(one.error());
  prompts.push_back(std::move(*one));
  return prompts;
}

}  // namespace

Parsed<CompletionRequest> parse_completion(std::string_view text, std::int64_t max_tokens_limit) {
  Parsed<Body> body = parse_body(text);
  if (!body) return tl::unexpected(body.error());
  CompletionRequest request;
  GenerationSpec& spec = request.spec;
  spec.prompt_param = "prompt";
  auto prompts = read_prompts(body->checked);
  if (!prompts) return tl::unexpected(prompts.error());
  spec.prompts = std::move(*prompts);
  if (auto read = read_generation(body->checked, max_tokens_limit, spec, 0); !read)
    return tl::unexpected(read.error());
  Fields fields(body->checked, "");
  request.echo = fields.boolean("echo").value_or(false);
  request.logprobs = fields.integer("logprobs", 0, kLogprobsMax);
  if (fields.has("suffix") && body->checked["suffix"] != "")
    fields.fail(ErrorCode::invalid_parameter, "suffix", "suffix is not offered.");
  if (!fields.ok()) return tl::unexpected(*fields.error());
  auto stream = read_stream(body->checked);
  if (!stream) return tl::unexpected(stream.error());
  request.stream = stream->stream;
  request.include_usage = stream->include_usage;
  if (!spec.params.max_tokens) spec.params.max_tokens = kDefaultTokens;
  request.hides_reply = spec.params.max_tokens == 0;
  if (request.hides_reply && !request.echo && !spec.prompt_logprobs)
    return invalid("max_tokens", "max_tokens: 0 needs echo or prompt_logprobs.");
  if (request.hides_reply) spec.params.max_tokens = 1;
  spec.num_top_logprobs = request.logprobs.value_or(0);
  if (request.echo && request.logprobs && !spec.prompt_logprobs)
    spec.prompt_logprobs = request.logprobs;
  return request;
}

}  // namespace hearth::server
