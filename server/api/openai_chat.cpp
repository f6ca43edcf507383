#include "server/api/openai_chat.h"

#include <algorithm>
#include <utility>

#include "server/api/errors.h"
#include "server/api/openai_objects.h"
#include "server/api/openai_request.h"
#include "server/api/reply_writer.h"
#include "server/api/tool_calls.h"

namespace hearth::server {
namespace {

using nlohmann::ordered_json;

class ChatFormat final : public ReplyFormat {
 public:
  ChatFormat(ReplyIdentity identity, const OpenAiChatRequest& wanted)
      : identity_(std::move(identity)),
        include_usage_(wanted.include_usage),
        logprobs_(wanted.logprobs),
        has_tools_(wanted.has_tools),
        is_parallel_(wanted.is_parallel),
        sent_(static_cast<std::size_t>(wanted.spec.n)) {}

  std::string whole(const Generation& generation) override {
    ordered_json body = object_head(identity_, "chat.completion");
    body["choices"] = ordered_json::array();
    for (std::size_t i = 0; i < generation.choices().size(); ++i)
      body["choices"].push_back(whole_choice(generation, i));
    body["usage"] = usage_object(generation);
    body["prompt_logprobs"] = prompt_logprobs_object(generation, generation.choices().front());
    return dump_lossy(body);
  }

  std::string begin(const Generation& generation) override {
    std::string out;
    for (std::size_t i = 0; i < generation.choices().size(); ++i)
      out += chunk(i, {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr);
    return out;
  }

  std::string news(const Generation& generation) override {
    std::string out;
    for (std::size_t i = 0; i < generation.choices().size(); ++i) {
      const Choice& choice = generation.choices()[i];
      if (choice.text && !sent_[i].is_over) out += news_of(generation, choice, i);
    }
    return out;
  }

  // After a failure no [DONE]: the stream did not end well.
  std::string failed(const WireError& error) override { return sse_event(openai_error(error)); }

  std::string end(const Generation& generation) override {
    std::string out;
    if (include_usage_) {
      ordered_json body = object_head(identity_, "chat.completion.chunk");
      body["choices"] = ordered_json::array();
      body["usage"] = usage_object(generation);
      out = sse_event(body);
    }
    return out + "data: [DONE]\n\n";
  }

 private:
  struct Sent {
    std::size_t tokens = 0;
    std::size_t content = 0;  // bytes, with tools
    std::size_t calls = 0;
    bool is_over = false;
    ToolCallReader reader;
  };

  std::size_t num_calls(const ToolCallReader& reader) const {
    const std::size_t found = reader.calls().size();
    return is_parallel_ ? found : std::min<std::size_t>(found, 1);
  }

  ordered_json call_object(const ToolCall& call, std::size_t choice, std::size_t index) const {
    std::string id = "call_";
    id.append(identity_.id, identity_.id.find('-') + 1, std::string::npos)
        .append(1, '_')
        .append(std::to_string(choice))
        .append(1, '_')
        .append(std::to_string(index));
    return {{"id", std::move(id)},
            {"type", "function"},
            {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
  }

  ordered_json whole_choice(const Generation& generation, std::size_t index) const {
    const Choice& choice = generation.choices()[index];
    ordered_json message = {{"role", "assistant"}, {"content", choice.text->text()}};
    ordered_json calls = ordered_json::array();
    if (has_tools_) {
      ToolCallReader reader;
      reader.finish(choice.text->text());
      for (std::size_t i = 0; i < num_calls(reader); ++i)
        calls.push_back(call_object(reader.calls()[i], index, i));
      message["content"] = reader.content();
      if (reader.content().empty() && !calls.empty()) message["content"] = nullptr;
    }
    const bool has_calls = !calls.empty();
    message["tool_calls"] = std::move(calls);
    return {{"index", index},
            {"message", std::move(message)},
            {"logprobs", logprobs_ ? chat_logprobs(generation, choice, 0) : ordered_json(nullptr)},
            {"finish_reason", has_calls ? "tool_calls" : finish_reason(choice)},
            {"stop_reason", stop_reason(choice)}};
  }

  std::string chunk(std::size_t index, ordered_json delta, ordered_json logprobs,
                    ordered_json reason) const {
    ordered_json body = object_head(identity_, "chat.completion.chunk");
    body["choices"] = ordered_json::array({{{"index", index},
                                            {"delta", std::move(delta)},
                                            {"logprobs", std::move(logprobs)},
                                            {"finish_reason", std::move(reason)}}});
    return sse_event(body);
  }

  std::string news_of(const Generation& generation, const Choice& choice, std::size_t index) {
    Sent& sent = sent_[index];
    std::string out;
    const Delta delta = choice.text->slice({}, sent.tokens);
    ordered_json logprobs = nullptr;
    if (logprobs_ && delta.to > delta.from)
      logprobs = chat_logprobs(generation, choice, sent.tokens);
    const std::string text = has_tools_ ? read_tools(choice, sent) : delta.text;
    if (!text.empty() || !logprobs.is_null())
      out = chunk(index, {{"content", text}}, std::move(logprobs), nullptr);
    sent.tokens = delta.to;
    for (; sent.calls < num_calls(sent.reader); ++sent.calls) {
      ordered_json call = {{"index", sent.calls}};
      call.update(call_object(sent.reader.calls()[sent.calls], index, sent.calls));
      out += chunk(index, {{"tool_calls", ordered_json::array({call})}}, nullptr, nullptr);
    }
    if (choice.end) {
      const char* const reason = sent.calls > 0 ? "tool_calls" : finish_reason(choice);
      out += chunk(index, ordered_json::object(), nullptr, reason);
      sent.is_over = true;
    }
    return out;
  }

  static std::string read_tools(const Choice& choice, Sent& sent) {
    if (choice.end) {
      sent.reader.finish(choice.text->text());
    } else {
      sent.reader.read(choice.text->text());
    }
    std::string text = sent.reader.content().substr(sent.content);
    sent.content = sent.reader.content().size();
    return text;
  }

  ReplyIdentity identity_;
  bool include_usage_;
  bool logprobs_;
  bool has_tools_;
  bool is_parallel_;
  std::vector<Sent> sent_;  // by choice
};

}  // namespace

Handler chat_completions_handler(Generations& generations) {
  return [&generations](std::shared_ptr<const HttpRequest> request,
                        std::shared_ptr<ResponseWriter> response) {
    auto wanted = parse_openai_chat(request->body, generations.ports().max_tokens);
    if (!wanted) return response->send(error_response(request->path, wanted.error()));
    auto format =
        std::make_unique<ChatFormat>(identity_of(generations, "chatcmpl-", request->id), *wanted);
    write_reply(generations, std::move(request), std::move(response), std::move(wanted->spec),
                std::move(format), wanted->stream);
  };
}

}  // namespace hearth::server
