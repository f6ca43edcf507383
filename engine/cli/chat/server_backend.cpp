#include "engine/cli/chat/server_backend.h"

#include <optional>
#include <utility>

#include "engine/cli/chat/chat_settings.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

ordered_json parse(const std::string& text) {
  return ordered_json::parse(text, nullptr, false);  // a discarded value for what is no JSON
}

// A member of an object, however wrong the rest is.
const ordered_json* member(const ordered_json* object, const char* name) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(name);
  return found == object->end() ? nullptr : &*found;
}

std::string text_of(const ordered_json* value) {
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::int64_t count_of(const ordered_json* value) {
  return value != nullptr && value->is_number_integer() ? value->get<std::int64_t>() : 0;
}

// What an answer other than 2xx says.
Error error_of(const HttpAnswer& answer) {
  const ordered_json body = parse(answer.body);
  const ordered_json* const error = member(&body, "error");
  std::string sentence = text_of(member(error, "message"));
  if (sentence.empty()) sentence = text_of(member(&body, "detail"));
  if (sentence.empty())
    sentence = "The server answers with status " + std::to_string(answer.status) + ".";
  ErrorCode code = ErrorCode::io_error;
  if (answer.status == 401) {
    code = ErrorCode::unauthorized;
    sentence += " Give the key, or the room's code, with --api-key.";
  }
  const bool is_too_long = text_of(member(error, "code")) == "context_length_exceeded";
  return {is_too_long ? ErrorCode::context_length_exceeded : code, std::move(sentence)};
}

class ServerBackend final : public ChatBackend {
 public:
  ServerBackend(ServerAddress address, std::string token, std::string model)
      : address_(std::move(address)), token_(std::move(token)), model_(std::move(model)) {}

  std::string description() const override {
    return model_ + " at " + address_.host + ":" + address_.port;
  }

  Result<ChatAnswer> reply(const ordered_json& messages, const SamplingFlags& settings,
                           const std::function<void(std::string_view)>& show,
                           int interrupt_fd) override {
    HttpCall call{"POST", "/v1/chat/completions", body_of(messages, settings), token_};
    ChatAnswer answer;
    std::optional<Error> failure;
    EventReader events;
    const auto use = [&](const std::string& data) { take(data, answer, failure, show); };
    const auto called = call_server(
        address_, call, [&](std::string_view bytes) { events.push(bytes, use); }, interrupt_fd);
    if (!called && called.error().code == ErrorCode::cancelled) {
      answer.finish_reason = "cancelled";
      return answer;
    }
    if (!called) return tl::unexpected(called.error());
    if (called->status / 100 != 2) return tl::unexpected(error_of(*called));
    if (failure) return tl::unexpected(*failure);
    if (answer.finish_reason.empty())
      return fail(ErrorCode::io_error, "The server ended its reply without saying why.");
    return answer;
  }

 private:
  std::string body_of(const ordered_json& messages, const SamplingFlags& settings) const {
    ordered_json body = {{"model", model_},
                         {"messages", messages},
                         {"stream", true},
                         {"stream_options", {{"include_usage", true}}}};
    const ordered_json given = chat_settings_object(settings);
    for (const auto& [name, value] : given.items()) {
      if (!value.is_null()) body[name] = value;
    }
    if (settings.ignore_eos) body["ignore_eos"] = true;
    return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  }

  static void take(const std::string& data, ChatAnswer& answer, std::optional<Error>& failure,
                   const std::function<void(std::string_view)>& show) {
    const ordered_json event = parse(data);
    if (member(&event, "error") != nullptr) failure = error_of({500, data});
    if (const ordered_json* const usage = member(&event, "usage")) {
      answer.prompt_tokens = count_of(member(usage, "prompt_tokens"));
      answer.completion_tokens = count_of(member(usage, "completion_tokens"));
    }
    const ordered_json* const choices = member(&event, "choices");
    if (choices == nullptr || !choices->is_array() || choices->empty()) return;
    const ordered_json* const choice = &choices->front();
    const std::string text = text_of(member(member(choice, "delta"), "content"));
    if (!text.empty()) {
      answer.text += text;
      show(text);
    }
    const std::string reason = text_of(member(choice, "finish_reason"));
    if (!reason.empty()) answer.finish_reason = reason;
  }

  ServerAddress address_;
  std::string token_;
  std::string model_;
};

}  // namespace

Result<std::unique_ptr<ChatBackend>> open_server_backend(const ServerAddress& address,
                                                         const std::string& token) {
  const auto answer = call_server(address, {"GET", "/v1/models", {}, token}, {}, -1);
  if (!answer) return tl::unexpected(answer.error());
  if (answer->status != 200) return tl::unexpected(error_of(*answer));
  const ordered_json body = parse(answer->body);
  const ordered_json* const models = member(&body, "data");
  const bool has_one = models != nullptr && models->is_array() && !models->empty();
  const std::string model = has_one ? text_of(member(&models->front(), "id")) : "";
  if (model.empty()) {
    return fail(ErrorCode::io_error, "What answers at " + address.host + ":" + address.port +
                                         " lists no model at /v1/models.");
  }
  return std::make_unique<ServerBackend>(address, token, model);
}

void EventReader::push(std::string_view bytes,
                       const std::function<void(const std::string& data)>& use) {
  for (const char byte : bytes) {
    if (byte != '\n') {
      line_ += byte;
      continue;
    }
    if (line_.ends_with('\r')) line_.pop_back();
    std::string_view line = line_;
    if (line.empty()) {
      if (!data_.empty()) use(data_);
      data_.clear();
    } else if (line.starts_with("data:")) {
      line.remove_prefix(5);
      if (line.starts_with(' ')) line.remove_prefix(1);
      data_.append(data_.empty() ? "" : "\n").append(line);
    }
    line_.clear();
  }
}

}  // namespace hearth::engine
