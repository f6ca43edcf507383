#include "server/api/openai_chat.h"

#include <utility>

#include "server/api/errors.h"
#include "server/api/openai_objects.h"
#include "server/api/openai_request.h"

namespace hearth::server {
namespace {

using nlohmann::ordered_json;

const char* finish_reason(GenerationEnd how) {
  return how == GenerationEnd::length ? "length" : "stop";
}

WireError failure(GenerationEnd how) {
  return how == GenerationEnd::shut_down
             ? wire_error(ErrorCode::shutting_down, "The server ended before the reply did.")
             : wire_error(ErrorCode::engine_failed, "The engine could not finish this reply.");
}

bool has_failed(GenerationEnd how) {
  return how == GenerationEnd::failed || how == GenerationEnd::shut_down;
}

// One request from here to its last byte. Kept alive by the callbacks of its generation and its
// response.
class ChatCompletion : public std::enable_shared_from_this<ChatCompletion> {
 public:
  ChatCompletion(std::shared_ptr<const HttpRequest> request,
                 std::shared_ptr<ResponseWriter> response)
      : request_(std::move(request)), response_(std::move(response)) {}

  void start(Generations& generations, OpenAiChatRequest wanted) {
    GenerationSpec spec;
    spec.user = *request_->user;
    spec.turns = std::move(wanted.turns);
    spec.params = std::move(wanted.params);
    spec.num_top_logprobs = wanted.top_logprobs;
    spec.ignore_eos = wanted.ignore_eos;
    wanted_ = std::move(wanted);
    const auto self = shared_from_this();
    Generation::Events events;
    events.refused = [self](const WireError& error) {
      self->response_->send(error_response(self->request_->path, error));
    };
    if (wanted_.stream) {
      events.started = [self] { self->begin_stream(); };
      events.progressed = [self] { self->flush(); };
      events.ended = [self](GenerationEnd how) {
        self->how_ = how;
        self->flush();
      };
      response_->on_written([self] { self->flush(); });
    } else {
      events.ended = [self](GenerationEnd how) { self->send_whole(how); };
    }
    response_->on_gone([self] {
      if (const auto generation = std::exchange(self->generation_, nullptr)) generation->cancel();
    });
    const ModelStatus& model = generations.service().model();
    identity_ = {"chatcmpl-" + request_->id, static_cast<std::int64_t>(std::time(nullptr)),
                 model.id, model.info ? model.info->fingerprint : ""};
    generation_ = generations.start(std::move(spec), std::move(events));
  }

 private:
  Usage usage() const {
    return {generation_->prompt_tokens(), generation_->completion_tokens(),
            generation_->cached_tokens()};
  }

  void send_whole(GenerationEnd how) {
    if (has_failed(how)) return response_->send(error_response(request_->path, failure(how)));
    const Delta all = generation_->text().slice({}, 0);
    const ordered_json logprobs =
        wanted_.logprobs ? logprobs_object(*generation_, all) : ordered_json(nullptr);
    HttpResponse response;
    response.body =
        dump_lossy(completion_object(identity_, all.text, logprobs, finish_reason(how), usage()));
    response_->send(std::move(response));
    generation_ = nullptr;
  }

  void begin_stream() {
    HttpResponse head;
    head.content_type = "text/event-stream; charset=utf-8";
    head.headers = {{"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};
    head.body = sse_event(
        chunk_object(identity_, {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr));
    response_->begin(std::move(head));
  }

  // Everything that is known and not sent yet, as one chunk; while the client has not taken the one
  // before, nothing.
  void flush() {
    if (!generation_ || response_->is_writing()) return;
    std::string out;
    const Delta news = generation_->text().slice({}, sent_);
    if (!news.text.empty() || (wanted_.logprobs && news.to > news.from)) {
      const ordered_json logprobs =
          wanted_.logprobs ? logprobs_object(*generation_, news) : ordered_json(nullptr);
      out = sse_event(chunk_object(identity_, {{"content", news.text}}, logprobs, nullptr));
    }
    sent_ = news.to;
    if (how_) out += last_events();
    response_->write(std::move(out));
    if (how_) {
      generation_ = nullptr;
      response_->end();
    }
  }

  // After a failure no [DONE]: the stream did not end well.
  std::string last_events() const {
    if (has_failed(*how_)) return sse_event(openai_error(failure(*how_)));
    std::string out =
        sse_event(chunk_object(identity_, ordered_json::object(), nullptr, finish_reason(*how_)));
    if (wanted_.include_usage) out += sse_event(usage_chunk_object(identity_, usage()));
    return out + "data: [DONE]\n\n";
  }

  std::shared_ptr<const HttpRequest> request_;
  std::shared_ptr<ResponseWriter> response_;
  OpenAiChatRequest wanted_;
  ReplyIdentity identity_;
  std::shared_ptr<Generation> generation_;  // null once answered or gone
  std::size_t sent_ = 0;                    // tokens
  std::optional<GenerationEnd> how_;
};

}  // namespace

Handler chat_completions_handler(Generations& generations) {
  return [&generations](std::shared_ptr<const HttpRequest> request,
                        std::shared_ptr<ResponseWriter> response) {
    auto wanted = parse_openai_chat(request->body, generations.max_tokens());
    if (!wanted) return response->send(error_response(request->path, wanted.error()));
    std::make_shared<ChatCompletion>(std::move(request), std::move(response))
        ->start(generations, std::move(*wanted));
  };
}

}  // namespace hearth::server
