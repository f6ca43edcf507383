#include "server/api/messages_api.h"

#include <utility>

#include "server/api/chat_reply.h"
#include "server/api/errors.h"
#include "server/api/openai_objects.h"
#include "server/api/openai_request.h"
#include "server/api/reply_writer.h"
#include "server/session/fields.h"

namespace hearth::server {
namespace {

using nlohmann::ordered_json;

// A string, or the texts of {"type": "text", "text"} blocks.
Parsed<std::string> text_of(const ordered_json& content, const std::string& param) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array())
    return invalid(param, param + " must be a string or an array of blocks.");
  std::string text;
  for (const ordered_json& block : content) {
    const bool is_text = block.is_object() && block.contains("type") && block["type"] == "text" &&
                         block.contains("text") && block["text"].is_string();
    if (!is_text) return invalid(param, param + " may hold only text here.");
    text += block["text"].get<std::string>();
  }
  return text;
}

// One message of theirs is one or several of ours: results of tools are messages of their own.
Parsed<void> add_message(const ordered_json& message, const std::string& param,
                         ordered_json& messages) {
  const bool is_message = message.is_object() && message.contains("role") &&
                          message.contains("content") &&
                          (message["role"] == "user" || message["role"] == "assistant");
  if (!is_message)
    return invalid(param, param + " must have a role, user or assistant, and content.");
  const ordered_json& content = message["content"];
  if (!content.is_array()) {
    messages.push_back({{"role", message["role"]}, {"content", content}});
    return {};
  }
  ordered_json ours = {{"role", message["role"]}, {"content", ""}};
  std::string text;
  for (const ordered_json& block : content) {
    const std::string type =
        block.is_object() && block.contains("type") && block["type"].is_string()
            ? block["type"].get<std::string>()
            : "";
    if (type == "tool_use" && block.contains("name")) {
      ours["tool_calls"].push_back(
          {{"id", block.value("id", ordered_json(""))},
           {"type", "function"},
           {"function",
            {{"name", block["name"]},
             {"arguments", block.value("input", ordered_json::object())}}}});
    } else if (type == "tool_result") {
      auto result = text_of(block.value("content", ordered_json("")), param + ".content");
      if (!result) return tl::unexpected(result.error());
      messages.push_back({{"role", "tool"},
                          {"tool_call_id", block.value("tool_use_id", ordered_json(""))},
                          {"content", *result}});
    } else if (type == "text" && block.contains("text") && block["text"].is_string()) {
      text += block["text"].get<std::string>();
    } else if (type != "thinking") {
      return invalid(param + ".content", param + ".content may hold text and tools only.");
    }
  }
  ours["content"] = text;
  const bool has_more = !text.empty() || ours.contains("tool_calls") || content.empty();
  if (has_more) messages.push_back(std::move(ours));
  return {};
}

Parsed<void> add_tools(const ordered_json& body, ordered_json& chat) {
  if (body.contains("tools") && body["tools"].is_array() && !body["tools"].empty()) {
    for (const ordered_json& tool : body["tools"]) {
      if (!tool.is_object()) return invalid("tools", "tools must be an array of objects.");
      ordered_json function = {{"name", tool.value("name", ordered_json(""))}};
      if (tool.contains("description")) function["description"] = tool["description"];
      if (tool.contains("input_schema")) function["parameters"] = tool["input_schema"];
      chat["tools"].push_back({{"type", "function"}, {"function", std::move(function)}});
    }
  }
  const auto choice = body.find("tool_choice");
  if (choice == body.end() || choice->is_null()) return {};
  const ordered_json type =
      choice->is_object() ? choice->value("type", ordered_json(nullptr)) : ordered_json(nullptr);
  if (type == "any") {
    chat["tool_choice"] = "required";
  } else if (type == "tool") {
    chat["tool_choice"] = {{"type", "function"},
                           {"function", {{"name", choice->value("name", ordered_json(""))}}}};
  } else if (type == "auto" || type == "none") {
    chat["tool_choice"] = type;
  } else {
    return invalid("tool_choice", "tool_choice.type must be auto, any, tool or none.");
  }
  return {};
}

// Their body as one of ours.
Parsed<ordered_json> to_chat(const ordered_json& body) {
  ordered_json chat = {{"messages", ordered_json::array()}};
  if (body.contains("system") && !body["system"].is_null()) {
    auto system = text_of(body["system"], "system");
    if (!system) return tl::unexpected(system.error());
    chat["messages"].push_back({{"role", "system"}, {"content", *system}});
  }
  const auto messages = body.find("messages");
  if (messages == body.end() || !messages->is_array() || messages->empty())
    return invalid("messages", "messages must be an array of messages.");
  for (std::size_t i = 0; i < messages->size(); ++i) {
    const std::string param = "messages[" + std::to_string(i) + "]";
    if (auto added = add_message((*messages)[i], param, chat["messages"]); !added)
      return tl::unexpected(added.error());
  }
  if (chat["messages"].back()["role"] == "assistant") chat["continue_final_message"] = true;
  if (auto added = add_tools(body, chat); !added) return tl::unexpected(added.error());
  for (const char* const name :
       {"model", "max_tokens", "temperature", "top_p", "top_k", "stream"}) {
    if (body.contains(name)) chat[name] = body[name];
  }
  const auto metadata = body.find("metadata");
  if (metadata != body.end() && metadata->is_object() && metadata->contains("user_id"))
    chat["user"] = (*metadata)["user_id"];
  if (body.contains("stop_sequences")) chat["stop"] = body["stop_sequences"];
  return chat;
}

Parsed<OpenAiChatRequest> parse_messages(std::string_view text, std::int64_t max_tokens_limit) {
  Parsed<Body> body = parse_body(text);
  if (!body) return tl::unexpected(body.error());
  auto chat = to_chat(body->ordered);
  if (!chat) return tl::unexpected(chat.error());
  auto request = parse_openai_chat(dump_lossy(*chat), max_tokens_limit);
  if (!request && request.error().param == "stop") request.error().param = "stop_sequences";
  return request;
}

class MessagesFormat final : public ReplyFormat {
 public:
  MessagesFormat(ReplyIdentity identity, bool has_tools)
      : identity_(std::move(identity)), reply_(has_tools) {}

  std::string whole(const Generation& generation) override {
    reply_.update(generation);
    ordered_json content = ordered_json::array();
    if (!reply_.text().empty() || reply_.calls().empty())
      content.push_back({{"type", "text"}, {"text", reply_.text()}});
    for (const ToolCall& call : reply_.calls()) content.push_back(tool_block(call, true));
    ordered_json body = message(std::move(content), usage(generation));
    body["stop_reason"] = reason(generation);
    body["stop_sequence"] = sequence(generation);
    return dump_lossy(body);
  }

  std::string begin(const Generation& generation) override {
    return sse_event("message_start",
                     {{"type", "message_start"},
                      {"message", message(ordered_json::array(), usage(generation))}});
  }

  std::string news(const Generation& generation) override {
    const ChatReply::News news = reply_.update(generation);
    std::string out;
    if (!news.text.empty()) {
      if (!is_text_open_) out += open({{"type", "text"}, {"text", ""}});
      is_text_open_ = true;
      out += delta({{"type", "text_delta"}, {"text", news.text}});
    }
    for (const ToolCall& call : news.calls) {
      out += close_text();
      out += open(tool_block(call, false));
      out += delta({{"type", "input_json_delta"}, {"partial_json", call.arguments}});
      out += close();
    }
    return out;
  }

  std::string end(const Generation& generation) override {
    return close_text() +
           sse_event(
               "message_delta",
               {{"type", "message_delta"},
                {"delta",
                 {{"stop_reason", reason(generation)}, {"stop_sequence", sequence(generation)}}},
                {"usage", usage(generation)}}) +
           sse_event("message_stop", {{"type", "message_stop"}});
  }

  std::string failed(const WireError& error) override {
    return sse_event("error", anthropic_error(error));
  }
  std::string sign_of_life() const override { return sse_event("ping", {{"type", "ping"}}); }

 private:
  ordered_json message(ordered_json content, ordered_json usage) const {
    return {{"id", identity_.id},
            {"type", "message"},
            {"role", "assistant"},
            {"model", identity_.model},
            {"content", std::move(content)},
            {"stop_reason", nullptr},
            {"stop_sequence", nullptr},
            {"usage", std::move(usage)}};
  }
  static ordered_json usage(const Generation& generation) {
    const std::int64_t cached = generation.cached_tokens();
    return {{"input_tokens", generation.prompt_tokens() - cached},
            {"cache_read_input_tokens", cached},
            {"output_tokens", generation.completion_tokens()}};
  }
  const char* reason(const Generation& generation) const {
    const Choice& choice = generation.choices().front();
    if (!reply_.calls().empty()) return "tool_use";
    if (!choice.stop_string.empty()) return "stop_sequence";
    return choice.end == GenerationEnd::length ? "max_tokens" : "end_turn";
  }
  static ordered_json sequence(const Generation& generation) {
    const std::string& text = generation.choices().front().stop_string;
    return text.empty() ? ordered_json(nullptr) : ordered_json(text);
  }
  ordered_json tool_block(const ToolCall& call, bool with_input) {
    ordered_json input = ordered_json::object();
    if (with_input) {
      const ordered_json parsed = ordered_json::parse(call.arguments, nullptr, false);
      if (parsed.is_object()) input = parsed;
    }
    return {{"type", "tool_use"},
            {"id", "toolu_" + identity_.id + "_" + std::to_string(num_tools_++)},
            {"name", call.name},
            {"input", std::move(input)}};
  }
  std::string open(const ordered_json& block) const {
    return sse_event(
        "content_block_start",
        {{"type", "content_block_start"}, {"index", index_}, {"content_block", block}});
  }
  std::string delta(const ordered_json& delta) const {
    return sse_event("content_block_delta",
                     {{"type", "content_block_delta"}, {"index", index_}, {"delta", delta}});
  }
  std::string close() {
    return sse_event("content_block_stop", {{"type", "content_block_stop"}, {"index", index_++}});
  }
  std::string close_text() { return std::exchange(is_text_open_, false) ? close() : ""; }

  ReplyIdentity identity_;
  ChatReply reply_;
  bool is_text_open_ = false;
  std::size_t index_ = 0;
  std::size_t num_tools_ = 0;
};

}  // namespace

Handler messages_handler(Generations& generations) {
  return [&generations](std::shared_ptr<const HttpRequest> request,
                        std::shared_ptr<ResponseWriter> response) {
    auto wanted = parse_messages(request->body, generations.ports().max_tokens);
    if (!wanted) return response->send(error_response(request->path, wanted.error()));
    auto format = std::make_unique<MessagesFormat>(identity_of(generations, "msg_", request->id),
                                                   wanted->has_tools);
    write_reply(generations, std::move(request), std::move(response), std::move(wanted->spec),
                std::move(format), wanted->stream);
  };
}

Handler count_tokens_handler(Generations& generations) {
  return [&generations](const std::shared_ptr<const HttpRequest>& request,
                        const std::shared_ptr<ResponseWriter>& response) {
    auto wanted = parse_messages(request->body, generations.ports().max_tokens);
    if (!wanted) return response->send(error_response(request->path, wanted.error()));
    generations.perform(
        *request->user,
        [input = wanted->spec.prompts.front()](const ModelInfo& model) -> Result<ordered_json> {
          const auto encoded = encode_prompt(model, input);
          if (!encoded) return tl::unexpected(encoded.error());
          return ordered_json{{"input_tokens", encoded->ids.size()}};
        },
        [request, response](const tl::expected<ordered_json, WireError>& result) {
          if (!result) return response->send(error_response(request->path, result.error()));
          response->send(json_answer(*result));
        });
  };
}

}  // namespace hearth::server
