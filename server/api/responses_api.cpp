#include "server/api/responses_api.h"

#include <utility>

#include "server/api/chat_reply.h"
#include "server/api/errors.h"
#include "server/api/openai_objects.h"
#include "server/api/openai_request.h"
#include "server/api/reply_writer.h"

namespace hearth::server {
namespace {

using nlohmann::ordered_json;

// A call and its result are items of their own there, messages here.
Parsed<void> add_item(const ordered_json& item, const std::string& param, ordered_json& messages) {
  if (!item.is_object()) return invalid(param, param + " must be an object.");
  const ordered_json type = item.value("type", ordered_json("message"));
  if (type == "function_call") {
    messages.push_back(
        {{"role", "assistant"},
         {"content", ""},
         {"tool_calls", ordered_json::array(
                            {{{"id", item.value("call_id", ordered_json(""))},
                              {"type", "function"},
                              {"function",
                               {{"name", item.value("name", ordered_json(""))},
                                {"arguments", item.value("arguments", ordered_json("{}"))}}}}})}});
    return {};
  }
  if (type == "function_call_output") {
    messages.push_back({{"role", "tool"},
                        {"tool_call_id", item.value("call_id", ordered_json(""))},
                        {"content", item.value("output", ordered_json(""))}});
    return {};
  }
  if (type == "reasoning") return {};
  if (type != "message") return invalid(param, param + ".type is not offered here.");
  messages.push_back({{"role", item.value("role", ordered_json("user"))},
                      {"content", item.value("content", ordered_json(nullptr))}});
  return {};
}

Parsed<void> add_tools(const ordered_json& body, ordered_json& chat) {
  if (body.contains("tools") && body["tools"].is_array()) {
    for (const ordered_json& tool : body["tools"]) {
      if (!tool.is_object() || !tool.contains("type") || tool["type"] != "function")
        return invalid("tools", "Only tools of type function are offered.");
      ordered_json function = ordered_json::object();
      for (const char* const name : {"name", "description", "parameters"}) {
        if (tool.contains(name) && !tool[name].is_null()) function[name] = tool[name];
      }
      chat["tools"].push_back({{"type", "function"}, {"function", std::move(function)}});
    }
  }
  if (!body.contains("tool_choice") || body["tool_choice"].is_null()) return {};
  chat["tool_choice"] = body["tool_choice"];
  if (body["tool_choice"].is_object())
    chat["tool_choice"] = {
        {"type", "function"},
        {"function", {{"name", body["tool_choice"].value("name", ordered_json(""))}}}};
  return {};
}

Parsed<ordered_json> to_chat(const ordered_json& body) {
  for (const char* const name : {"previous_response_id", "conversation", "background"}) {
    if (body.contains(name) && !body[name].is_null() && body[name] != false)
      return invalid(name, std::string(name) + " is not offered: responses are not stored here.");
  }
  ordered_json chat = {{"messages", ordered_json::array()}};
  if (body.contains("instructions") && !body["instructions"].is_null())
    chat["messages"].push_back({{"role", "system"}, {"content", body["instructions"]}});
  const auto input = body.find("input");
  if (input != body.end() && input->is_string()) {
    chat["messages"].push_back({{"role", "user"}, {"content", *input}});
  } else if (input != body.end() && input->is_array() && !input->empty()) {
    for (std::size_t i = 0; i < input->size(); ++i) {
      if (auto added = add_item((*input)[i], "input[" + std::to_string(i) + "]", chat["messages"]);
          !added)
        return tl::unexpected(added.error());
    }
  } else {
    return invalid("input", "input must be a text or an array of items.");
  }
  if (auto added = add_tools(body, chat); !added) return tl::unexpected(added.error());
  for (const char* const name :
       {"model", "temperature", "top_p", "stream", "parallel_tool_calls", "user"}) {
    if (body.contains(name)) chat[name] = body[name];
  }
  if (body.contains("max_output_tokens")) chat["max_tokens"] = body["max_output_tokens"];
  if (!body.contains("text") || !body["text"].is_object() || !body["text"].contains("format"))
    return chat;
  const ordered_json& format = body["text"]["format"];
  if (!format.is_object()) return invalid("text.format", "text.format must be an object.");
  chat["response_format"] = {{"type", format.value("type", ordered_json("text"))}};
  if (format.contains("schema"))
    chat["response_format"]["json_schema"] = {{"schema", format["schema"]}};
  return chat;
}

Parsed<OpenAiChatRequest> parse_response(std::string_view text, std::int64_t max_tokens_limit) {
  Parsed<Body> body = parse_body(text);
  if (!body) return tl::unexpected(body.error());
  auto chat = to_chat(body->ordered);
  if (!chat) return tl::unexpected(chat.error());
  auto request = parse_openai_chat(dump_lossy(*chat), max_tokens_limit);
  if (request) {
    request->spec.prompt_param = "input";
    return request;
  }
  WireError& error = request.error();
  if (error.param.starts_with("messages")) error.param = "input";
  if (error.param == "max_tokens") error.param = "max_output_tokens";
  return request;
}

class ResponsesFormat final : public ReplyFormat {
 public:
  ResponsesFormat(ReplyIdentity identity, bool has_tools)
      : identity_(std::move(identity)), reply_(has_tools) {}

  std::string whole(const Generation& generation) override {
    const ChatReply::News all = reply_.update(generation);
    if (!all.text.empty() || all.calls.empty()) output_.push_back(message(all.text, "completed"));
    for (const ToolCall& call : all.calls) output_.push_back(call_item(call, output_.size()));
    return dump_lossy(response(generation, status(generation)));
  }

  std::string begin(const Generation& generation) override {
    const ordered_json body = response(generation, "in_progress");
    return event("response.created", {{"response", body}}) +
           event("response.in_progress", {{"response", body}});
  }

  std::string news(const Generation& generation) override {
    const ChatReply::News news = reply_.update(generation);
    std::string out;
    if (!news.text.empty()) {
      if (!is_text_open_) out += open_text();
      out += event("response.output_text.delta", part({{"delta", news.text}}));
    }
    for (const ToolCall& call : news.calls) out += close_text() + write_call(call);
    return out;
  }

  std::string end(const Generation& generation) override {
    std::string out = close_text();
    const char* const how = status(generation);
    return out + event(std::string("response.") + how, {{"response", response(generation, how)}});
  }

  std::string failed(const WireError& error) override {
    return event("error",
                 {{"code", to_string(error.code)}, {"message", error.detail}, {"param", nullptr}});
  }

 private:
  static const char* status(const Generation& generation) {
    return generation.choices().front().end == GenerationEnd::length ? "incomplete" : "completed";
  }

  ordered_json response(const Generation& generation, const char* status) const {
    const bool is_over = std::string_view(status) != "in_progress";
    const bool is_cut = std::string_view(status) == "incomplete";
    ordered_json usage = nullptr;
    if (is_over) {
      const std::int64_t input = generation.prompt_tokens();
      const std::int64_t output = generation.completion_tokens();
      usage = {{"input_tokens", input},
               {"input_tokens_details", {{"cached_tokens", generation.cached_tokens()}}},
               {"output_tokens", output},
               {"output_tokens_details", {{"reasoning_tokens", 0}}},
               {"total_tokens", input + output}};
    }
    return {{"id", identity_.id},
            {"object", "response"},
            {"created_at", identity_.created},
            {"status", status},
            {"error", nullptr},
            {"incomplete_details",
             is_cut ? ordered_json{{"reason", "max_output_tokens"}} : ordered_json(nullptr)},
            {"instructions", nullptr},
            {"model", identity_.model},
            {"output", output_},
            {"parallel_tool_calls", true},
            {"previous_response_id", nullptr},
            {"store", false},
            {"tool_choice", "auto"},
            {"tools", ordered_json::array()},
            {"usage", std::move(usage)}};
  }

  ordered_json message(const std::string& text, const char* status) const {
    ordered_json content = ordered_json::array();
    if (std::string_view(status) == "completed") content.push_back(text_part(text));
    return {{"id", item_id(output_.size())},
            {"type", "message"},
            {"role", "assistant"},
            {"status", status},
            {"content", std::move(content)}};
  }
  static ordered_json text_part(const std::string& text) {
    return {{"type", "output_text"}, {"text", text}, {"annotations", ordered_json::array()}};
  }
  ordered_json call_item(const ToolCall& call, std::size_t index) const {
    return {{"id", item_id(index)},      {"type", "function_call"}, {"status", "completed"},
            {"call_id", item_id(index)}, {"name", call.name},       {"arguments", call.arguments}};
  }
  std::string item_id(std::size_t index) const {
    return "item_" + identity_.id + "_" + std::to_string(index);
  }
  ordered_json place() const {
    return {{"output_index", output_.size()}, {"item_id", item_id(output_.size())}};
  }
  ordered_json part(ordered_json fields) const {
    ordered_json out = place();
    out["content_index"] = 0;
    out.update(fields);
    return out;
  }

  std::string event(const std::string& type, const ordered_json& fields) {
    ordered_json body = {{"type", type}, {"sequence_number", sequence_++}};
    body.update(fields);
    return sse_event(type.c_str(), body);
  }

  std::string open_text() {
    is_text_open_ = true;
    return event("response.output_item.added",
                 {{"output_index", output_.size()}, {"item", message("", "in_progress")}}) +
           event("response.content_part.added", part({{"part", text_part("")}}));
  }
  std::string close_text() {
    if (!std::exchange(is_text_open_, false)) return {};
    const std::string text = reply_.text();
    std::string out = event("response.output_text.done", part({{"text", text}})) +
                      event("response.content_part.done", part({{"part", text_part(text)}}));
    const ordered_json item = message(text, "completed");
    out += event("response.output_item.done", {{"output_index", output_.size()}, {"item", item}});
    output_.push_back(item);
    return out;
  }
  std::string write_call(const ToolCall& call) {
    const ordered_json item = call_item(call, output_.size());
    ordered_json opened = item;
    opened["status"] = "in_progress";
    opened["arguments"] = "";
    ordered_json delta = place();
    delta["delta"] = call.arguments;
    ordered_json done = place();
    done["arguments"] = call.arguments;
    done["name"] = call.name;
    std::string out =
        event("response.output_item.added", {{"output_index", output_.size()}, {"item", opened}}) +
        event("response.function_call_arguments.delta", delta) +
        event("response.function_call_arguments.done", done) +
        event("response.output_item.done", {{"output_index", output_.size()}, {"item", item}});
    output_.push_back(item);
    return out;
  }

  ReplyIdentity identity_;
  ChatReply reply_;
  ordered_json output_ = ordered_json::array();  // items that are complete
  bool is_text_open_ = false;
  std::int64_t sequence_ = 0;
};

}  // namespace

Handler responses_handler(Generations& generations) {
  return [&generations](std::shared_ptr<const HttpRequest> request,
                        std::shared_ptr<ResponseWriter> response) {
    auto wanted = parse_response(request->body, generations.ports().max_tokens);
    if (!wanted) return response->send(error_response(request->path, wanted.error()));
    auto format = std::make_unique<ResponsesFormat>(identity_of(generations, "resp_", request->id),
                                                    wanted->has_tools);
    write_reply(generations, std::move(request), std::move(response), std::move(wanted->spec),
                std::move(format), wanted->stream);
  };
}

}  // namespace hearth::server
