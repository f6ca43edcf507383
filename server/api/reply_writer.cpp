#include "server/api/reply_writer.h"

#include <utility>

#include "server/api/errors.h"

namespace hearth::server {
namespace {

using nlohmann::ordered_json;

WireError failure(GenerationEnd how) {
  switch (how) {
    case GenerationEnd::shut_down:
      return wire_error(ErrorCode::shutting_down, "The server ended before the reply did.");
    case GenerationEnd::access_ended:
      return wire_error(ErrorCode::unauthorized, "This access has ended.");
    default:
      return wire_error(ErrorCode::engine_failed, "The engine could not finish this reply.");
  }
}

bool has_failed(GenerationEnd how) {
  return how != GenerationEnd::stop && how != GenerationEnd::length;
}

// Kept alive by the callbacks of its generation and its response.
class ReplyWriter : public std::enable_shared_from_this<ReplyWriter> {
 public:
  ReplyWriter(std::shared_ptr<const HttpRequest> request, std::shared_ptr<ResponseWriter> response,
              std::unique_ptr<ReplyFormat> format)
      : request_(std::move(request)), response_(std::move(response)), format_(std::move(format)) {}

  void start(Generations& generations, GenerationSpec spec, bool is_stream) {
    const auto self = shared_from_this();
    Generation::Events events;
    events.refused = [self](const WireError& error) {
      self->response_->send(error_response(self->request_->path, error));
    };
    if (is_stream) {
      events.started = [self] { self->begin(); };
      events.progressed = [self] { self->flush(); };
      events.ended = [self](GenerationEnd how) {
        self->how_ = how;
        self->flush();
      };
      events.idle = [self] { self->sign_of_life(); };
      response_->on_written([self] { self->flush(); });
    } else {
      events.ended = [self](GenerationEnd how) { self->send_whole(how); };
    }
    response_->on_gone([self] {
      if (const auto generation = std::exchange(self->generation_, nullptr)) generation->cancel();
    });
    // Only refused comes before this call returns.
    generation_ = generations.start(std::move(spec), std::move(events));
  }

 private:
  void send_whole(GenerationEnd how) {
    if (has_failed(how)) return response_->send(error_response(request_->path, failure(how)));
    HttpResponse answer;
    answer.body = format_->whole(*generation_);
    response_->send(std::move(answer));
    generation_ = nullptr;
  }

  void begin() {
    HttpResponse head;
    head.content_type = format_->stream_type();
    head.headers = {{"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};
    head.body = format_->begin(*generation_);
    response_->begin(std::move(head));
  }

  // Everything that is known and not sent yet, as one chunk; while the client has not taken the one
  // before, nothing.
  void flush() {
    if (!generation_ || response_->is_writing()) return;
    std::string out = format_->news(*generation_);
    if (how_)
      out += has_failed(*how_) ? format_->failed(failure(*how_)) : format_->end(*generation_);
    if (!out.empty()) generation_->has_spoken();
    response_->write(std::move(out));
    if (how_) {
      generation_ = nullptr;
      response_->end();
    }
  }

  void sign_of_life() {
    if (generation_ && !response_->is_writing()) response_->write(format_->sign_of_life());
  }

  std::shared_ptr<const HttpRequest> request_;
  std::shared_ptr<ResponseWriter> response_;
  std::unique_ptr<ReplyFormat> format_;
  std::shared_ptr<Generation> generation_;  // null once answered or gone
  std::optional<GenerationEnd> how_;
};

}  // namespace

void write_reply(Generations& generations, std::shared_ptr<const HttpRequest> request,
                 std::shared_ptr<ResponseWriter> response, GenerationSpec spec,
                 std::unique_ptr<ReplyFormat> format, bool is_stream) {
  spec.user = *request->user;
  std::make_shared<ReplyWriter>(std::move(request), std::move(response), std::move(format))
      ->start(generations, std::move(spec), is_stream);
}

std::string dump_lossy(const ordered_json& object) {
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string sse_event(const ordered_json& object) { return "data: " + dump_lossy(object) + "\n\n"; }

std::string sse_event(const char* name, const ordered_json& object) {
  return std::string("event: ") + name + "\n" + sse_event(object);
}

HttpResponse json_answer(const ordered_json& object) {
  HttpResponse answer;
  answer.body = dump_lossy(object);
  return answer;
}

}  // namespace hearth::server
