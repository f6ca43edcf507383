#include "server/api/openai_request.h"

#include <utility>

#include "server/api/chat_messages.h"
#include "server/session/fields.h"

namespace hearth::server {
namespace {

constexpr std::int64_t kTopLogprobsMax = 20;

// The prompt, from messages to template.
Parsed<ChatPrompt> read_chat(const Body& body, const ToolWish& tools) {
  ChatPrompt chat;
  auto messages = read_messages(body);
  if (!messages) return tl::unexpected(messages.error());
  chat.messages = std::move(*messages);
  chat.tools = tools.tools;
  auto variables = read_template_variables(body);
  if (!variables) return tl::unexpected(variables.error());
  chat.template_variables = std::move(*variables);
  Fields fields(body.checked, "");
  chat.continue_final_message = fields.boolean("continue_final_message").value_or(false);
  chat.add_generation_prompt =
      fields.boolean("add_generation_prompt").value_or(!chat.continue_final_message);
  chat.add_special_tokens = fields.boolean("add_special_tokens").value_or(false);
  if (!fields.ok()) return tl::unexpected(*fields.error());
  if (chat.continue_final_message && chat.add_generation_prompt) {
    return invalid("continue_final_message",
                   "continue_final_message and add_generation_prompt exclude each other.");
  }
  if (chat.continue_final_message && chat.messages.back()["role"] != "assistant")
    return invalid("continue_final_message", "The last message must be the assistant's.");
  return chat;
}

Parsed<void> read_output(const Body& body, const ToolWish& tools, OpenAiChatRequest& request) {
  Fields fields(body.checked, "");
  request.logprobs = fields.boolean("logprobs").value_or(false);
  request.spec.num_top_logprobs = fields.integer("top_logprobs", 0, kTopLogprobsMax).value_or(0);
  if (request.spec.num_top_logprobs > 0 && !request.logprobs) {
    fields.fail(ErrorCode::invalid_parameter, "top_logprobs", "top_logprobs needs logprobs: true.");
  }
  if (!fields.ok()) return tl::unexpected(*fields.error());
  auto stream = read_stream(body.checked);
  if (!stream) return tl::unexpected(stream.error());
  request.stream = stream->stream;
  request.include_usage = stream->include_usage;
  auto format = read_response_format(body);
  if (!format) return tl::unexpected(format.error());
  request.spec.rule = std::move(*format);
  request.has_tools = !tools.tools.is_null();
  request.is_parallel = tools.is_parallel;
  if (std::holds_alternative<std::monostate>(tools.rule)) return {};
  if (!std::holds_alternative<std::monostate>(request.spec.rule))
    return invalid("response_format", "A demanded tool call leaves no room for response_format.");
  request.spec.rule = tools.rule;
  return {};
}

}  // namespace

Parsed<StreamWish> read_stream(const nlohmann::json& body) {
  StreamWish wish;
  Fields fields(body, "");
  wish.stream = fields.boolean("stream").value_or(false);
  if (const nlohmann::json* options = fields.find("stream_options")) {
    if (!options->is_object())
      fields.fail(ErrorCode::invalid_parameter, "stream_options",
                  "stream_options must be an object.");
    wish.include_usage = options->is_object() && options->contains("include_usage") &&
                         (*options)["include_usage"] == true;
  }
  if (!fields.ok()) return tl::unexpected(*fields.error());
  return wish;
}

Parsed<OpenAiChatRequest> parse_openai_chat(std::string_view text, std::int64_t max_tokens_limit) {
  Parsed<Body> body = parse_body(text);
  if (!body) return tl::unexpected(body.error());
  OpenAiChatRequest request;
  Parsed<ToolWish> tools = read_tools(*body);
  if (!tools) return tl::unexpected(tools.error());
  Parsed<ChatPrompt> chat = read_chat(*body, *tools);
  if (!chat) return tl::unexpected(chat.error());
  request.spec.prompts.emplace_back(std::move(*chat));
  if (auto read = read_generation(body->checked, max_tokens_limit, request.spec); !read)
    return tl::unexpected(read.error());
  if (auto read = read_output(*body, *tools, request); !read) return tl::unexpected(read.error());
  return request;
}

}  // namespace hearth::server
