#include "server/api/ollama_api.h"

#include <ctime>
#include <utility>

#include "server/api/chat_reply.h"
#include "server/api/errors.h"
#include "server/api/openai_objects.h"
#include "server/api/openai_request.h"
#include "server/api/reply_writer.h"

namespace hearth::server {
namespace {

using nlohmann::ordered_json;

std::string time_text(std::int64_t unix_s) {
  const auto time = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::string text(32, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
  return text;
}

// Their names for our settings.
void add_settings(const ordered_json& body, ordered_json& chat) {
  chat["stream"] = body.value("stream", ordered_json(true));
  if (body.contains("format") && body["format"] == "json") {
    chat["response_format"] = {{"type", "json_object"}};
  } else if (body.contains("format") && body["format"].is_object()) {
    chat["response_format"] = {{"type", "json_schema"},
                               {"json_schema", {{"schema", body["format"]}}}};
  }
  const auto options = body.find("options");
  if (options == body.end() || !options->is_object()) return;
  struct Name {
    const char* theirs;
    const char* ours;
  };
  for (const Name& name :
       {Name{"temperature", "temperature"}, Name{"top_k", "top_k"}, Name{"top_p", "top_p"},
        Name{"min_p", "min_p"}, Name{"typical_p", "typical_p"}, Name{"seed", "seed"},
        Name{"stop", "stop"}, Name{"repeat_penalty", "repetition_penalty"},
        Name{"presence_penalty", "presence_penalty"},
        Name{"frequency_penalty", "frequency_penalty"}, Name{"num_predict", "max_tokens"}}) {
    if (options->contains(name.theirs)) chat[name.ours] = (*options)[name.theirs];
  }
  if (chat.contains("max_tokens") && (chat["max_tokens"] == -1 || chat["max_tokens"] == -2))
    chat.erase("max_tokens");  // as long as it likes
}

// "demo:latest" is "demo".
ordered_json model_name(const ordered_json& name) {
  constexpr std::string_view kTag = ":latest";
  if (!name.is_string() || !name.get_ref<const std::string&>().ends_with(kTag)) return name;
  const auto text = name.get<std::string>();
  return text.substr(0, text.size() - kTag.size());
}

Parsed<OpenAiChatRequest> parse_ollama(std::string_view text, std::int64_t max_tokens_limit,
                                       bool is_chat) {
  Parsed<Body> body = parse_body(text);
  if (!body) return tl::unexpected(body.error());
  const ordered_json& theirs = body->ordered;
  ordered_json chat = {{"messages", ordered_json::array()}};
  if (is_chat) {
    if (theirs.contains("messages")) chat["messages"] = theirs["messages"];
    if (theirs.contains("tools")) chat["tools"] = theirs["tools"];
  } else {
    if (!body->checked.contains("prompt") || !body->checked["prompt"].is_string())
      return invalid("prompt", "prompt must be a text.");
    if (body->checked.contains("system"))
      chat["messages"].push_back({{"role", "system"}, {"content", theirs["system"]}});
    chat["messages"].push_back({{"role", "user"}, {"content", theirs["prompt"]}});
  }
  add_settings(theirs, chat);
  if (theirs.contains("model")) chat["model"] = model_name(theirs["model"]);
  auto request = parse_openai_chat(dump_lossy(chat), max_tokens_limit);
  if (request && !is_chat && theirs.contains("raw") && theirs["raw"] == true) {
    TextPrompt raw;
    raw.text = theirs["prompt"].get<std::string>();
    request->spec.prompts.front() = std::move(raw);
  }
  return request;
}

class OllamaFormat final : public ReplyFormat {
 public:
  OllamaFormat(ReplyIdentity identity, bool is_chat, bool has_tools)
      : identity_(std::move(identity)), is_chat_(is_chat), reply_(has_tools) {}

  std::string whole(const Generation& generation) override {
    const ChatReply::News all = reply_.update(generation);
    ordered_json body = line(all);
    finish(body, generation);
    return dump_lossy(body);
  }
  std::string begin(const Generation&) override { return {}; }
  std::string news(const Generation& generation) override {
    const ChatReply::News news = reply_.update(generation);
    if (news.text.empty() && news.calls.empty()) return {};
    ordered_json body = line(news);
    body["done"] = false;
    return dump_lossy(body) + "\n";
  }
  std::string end(const Generation& generation) override {
    ordered_json body = line({});
    finish(body, generation);
    return dump_lossy(body) + "\n";
  }
  std::string failed(const WireError& error) override {
    return dump_lossy({{"error", error.detail}}) + "\n";
  }
  const char* stream_type() const override { return "application/x-ndjson"; }
  std::string sign_of_life() const override { return "\n"; }

 private:
  ordered_json line(const ChatReply::News& news) const {
    ordered_json body = {{"model", identity_.model}, {"created_at", time_text(identity_.created)}};
    if (!is_chat_) {
      body["response"] = news.text;
      return body;
    }
    body["message"] = {{"role", "assistant"}, {"content", news.text}};
    for (const ToolCall& call : news.calls) {
      ordered_json arguments = ordered_json::parse(call.arguments, nullptr, false);
      if (!arguments.is_object()) arguments = ordered_json::object();
      body["message"]["tool_calls"].push_back(
          {{"function", {{"name", call.name}, {"arguments", std::move(arguments)}}}});
    }
    return body;
  }
  static void finish(ordered_json& body, const Generation& generation) {
    const Choice& choice = generation.choices().front();
    const engine::FinishedEvent* const finished = choice.tokens->finished();
    const auto ns = [](double ms) { return static_cast<std::int64_t>(ms * 1e6); };
    body["done"] = true;
    body["done_reason"] = finish_reason(choice);
    if (finished) {
      body["total_duration"] = ns(finished->queue_ms + finished->prefill_ms + finished->decode_ms);
      body["prompt_eval_duration"] = ns(finished->prefill_ms);
      body["eval_duration"] = ns(finished->decode_ms);
    }
    body["prompt_eval_count"] = generation.prompt_tokens();
    body["eval_count"] = generation.completion_tokens();
  }

  ReplyIdentity identity_;
  bool is_chat_;
  ChatReply reply_;
};

Handler handler(Generations& generations, bool is_chat) {
  return [&generations, is_chat](std::shared_ptr<const HttpRequest> request,
                                 std::shared_ptr<ResponseWriter> response) {
    auto wanted = parse_ollama(request->body, generations.ports().max_tokens, is_chat);
    if (!wanted) return response->send(error_response(request->path, wanted.error()));
    auto format = std::make_unique<OllamaFormat>(identity_of(generations, "", request->id), is_chat,
                                                 wanted->has_tools);
    write_reply(generations, std::move(request), std::move(response), std::move(wanted->spec),
                std::move(format), wanted->stream);
  };
}

}  // namespace

Handler ollama_chat_handler(Generations& generations) { return handler(generations, true); }
Handler ollama_generate_handler(Generations& generations) { return handler(generations, false); }

Handler ollama_tags_handler(Generations& generations) {
  return [&generations, started = static_cast<std::int64_t>(std::time(nullptr))](
             const auto&, const std::shared_ptr<ResponseWriter>& response) {
    const ModelStatus& model = generations.service().model();
    ordered_json one = {{"name", model.id},
                        {"model", model.id},
                        {"modified_at", time_text(started)},
                        {"size", 0},
                        {"digest", model.info ? model.info->fingerprint : ""}};
    response->send(json_answer({{"models", ordered_json::array({std::move(one)})}}));
  };
}

}  // namespace hearth::server
