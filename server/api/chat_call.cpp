#include "server/api/chat_call.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/api/data_requests.h"
#include "server/api/errors.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;

int whole_seconds(const json& error) {
  const auto ms = error.value("retry_after_ms", std::int64_t{1000});
  return static_cast<int>(std::max<std::int64_t>(1, (ms + 999) / 1000));
}

// The `error` of an event, as an answer of its own.
HttpResponse problem(const json& error) {
  HttpResponse response;
  response.status = error.value("status", 500);
  response.content_type = "application/problem+json";
  json body = {{"type", "about:blank"}};
  body.update(error);
  response.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  if (response.status == 429 || response.status == 503)
    response.headers.push_back({"retry-after", std::to_string(whole_seconds(error))});
  return response;
}

HttpResponse closed(const Close& close) {
  const bool is_access = close.code == 4401;
  return error_response(
      "/api/v1/",
      wire_error(is_access ? ErrorCode::unauthorized : ErrorCode::overloaded,
                 is_access ? "This access has ended." : "The server takes no more just now."));
}

// A connection of one request. It lives as long as its response.
class Call : public std::enable_shared_from_this<Call> {
 public:
  explicit Call(ResponseRef response) : response_(std::move(response)) {}

  void start(ChatService& service, const HttpRequest& request, const std::string& frame) {
    connection_ = service.connect({.user = request.user,
                                   .wake =
                                       [weak = weak_from_this()] {
                                         if (const auto self = weak.lock()) self->look();
                                       },
                                   .peer = request.peer,
                                   .kind = ConnectionKind::call});
    response_->on_gone([self = shared_from_this()] { self->leave(); });
    connection_->on_text(frame);
    look();
  }

 private:
  void look() {
    while (connection_) {
      const auto event = connection_->take_event();
      if (!event) break;
      if (event->type == "error") return finish(problem(json::parse(event->frame)["error"]));
      const bool is_answer =
          event->type == "accepted" || event->type == "result" || event->type == "done";
      if (is_answer && json::parse(event->frame).contains("re")) {
        HttpResponse answer;
        answer.status = event->type == "accepted" ? 202 : 200;
        answer.body = event->frame;
        return finish(std::move(answer));
      }
    }
    if (connection_ && connection_->wants_close()) finish(closed(*connection_->wants_close()));
  }

  void finish(HttpResponse answer) {
    leave();
    if (const auto response = std::exchange(response_, nullptr)) response->send(std::move(answer));
  }

  void leave() {
    if (const auto connection = std::exchange(connection_, nullptr)) connection->on_closed();
  }

  ResponseRef response_;
  std::shared_ptr<Connection> connection_;
};

// One reply's events for one response.
class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(ResponseRef response, Milliseconds keep_alive)
      : response_(std::move(response)), keep_alive_(keep_alive) {}

  void start(ChatService& service, const HttpRequest& request, const MessageId& stream,
             std::int64_t have) {
    const auto weak = weak_from_this();
    connection_ = service.connect({.user = request.user,
                                   .wake =
                                       [weak] {
                                         if (const auto self = weak.lock()) self->pump();
                                       },
                                   .peer = request.peer,
                                   .kind = ConnectionKind::events,
                                   .idle =
                                       [weak] {
                                         if (const auto self = weak.lock()) self->sign_of_life();
                                       },
                                   .idle_after = keep_alive_});
    response_->on_written([self = shared_from_this()] { self->pump(); });
    response_->on_gone([self = shared_from_this()] { self->leave(); });
    const json attach = {
        {"type", "stream.attach"}, {"id", "events"}, {"stream", to_string(stream)}, {"have", have}};
    connection_->on_text(attach.dump());
    pump();
  }

 private:
  // While the client has not taken what came before, the outbox merges.
  void pump() {
    constexpr std::size_t kChunkBytes = 32 * 1024;
    if (!connection_ || (has_begun_ && response_->is_writing())) return;
    std::string out;
    bool is_over = false;
    while (!is_over && out.size() < kChunkBytes) {
      const auto event = connection_->take_event();
      if (!event) break;
      if (!has_begun_) {
        if (event->type == "error") return refuse(problem(json::parse(event->frame)["error"]));
        begin();
      } else if (event->type != "result") {
        out += encoded(*event);
        is_over = event->type == "done" || event->type == "error";
      }
    }
    const auto& close = connection_->wants_close();
    if (close && !has_begun_) return refuse(closed(*close));
    if (close && out.empty() && !is_over) {
      const json reason = {{"code", close->code}, {"reason", close->reason}};
      out = "event: close\ndata: " + reason.dump() + "\n\n";
      is_over = true;
    }
    if (!out.empty()) response_->write(std::move(out));
    if (is_over) end();
  }

  void begin() {
    has_begun_ = true;
    HttpResponse head;
    head.content_type = "text/event-stream";
    head.headers = {{"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};
    head.body = ": the events of one reply\n\n";
    response_->begin(std::move(head));
  }

  static std::string encoded(const OutEvent& event) {
    std::string text;
    if (event.to) text += "id: " + std::to_string(*event.to) + "\n";
    if (event.type == "reconnect") {
      const auto after_ms = json::parse(event.frame).value("after_ms", std::int64_t{1000});
      text += "retry: " + std::to_string(after_ms) + "\n";
    }
    return text + "event: " + event.type + "\ndata: " + event.frame + "\n\n";
  }

  void sign_of_life() {
    if (has_begun_ && !response_->is_writing()) response_->write(": still here\n\n");
  }

  void refuse(HttpResponse answer) {
    leave();
    if (const auto response = std::exchange(response_, nullptr)) response->send(std::move(answer));
  }

  void end() {
    leave();
    if (const auto response = std::exchange(response_, nullptr)) response->end();
  }

  void leave() {
    if (const auto connection = std::exchange(connection_, nullptr)) connection->on_closed();
  }

  ResponseRef response_;
  Milliseconds keep_alive_;
  std::shared_ptr<Connection> connection_;
  bool has_begun_ = false;
};

// Last-Event-ID, else ?have=, else 0. Nothing when it is no position.
std::optional<std::int64_t> position_of(const HttpRequest& request) {
  std::string_view text = request.header("last-event-id").value_or("");
  if (text.empty()) {
    constexpr std::string_view kHave = "have=";
    const std::string_view query = request.query;
    const std::size_t at = query.find(kHave);
    if (at != 0 && (at == std::string_view::npos || query[at - 1] != '&')) return 0;
    text = query.substr(at + kHave.size());
    text = text.substr(0, text.find('&'));
  }
  std::int64_t have = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), have);
  if (problem != std::errc() || end != text.data() + text.size() || have < 0) return std::nullopt;
  return have;
}

}  // namespace

Handler chat_call_handler(ChatService& service) {
  return [&service](const RequestRef& request, const ResponseRef& response) {
    auto body = object_body(request, response);
    if (!body) return;
    if (!body->contains("type")) (*body)["type"] = "chat.create";
    const auto& type = (*body)["type"];
    if (type == "hello" || type == "ping" || type == "ack") {
      return refuse(request, response,
                    wire_error(ErrorCode::unknown_type,
                               "Only what has an answer of its own can be asked here.", "type"));
    }
    std::make_shared<Call>(response)->start(service, *request, body->dump());
  };
}

Handler stream_events_handler(ChatService& service, Milliseconds keep_alive) {
  return [&service, keep_alive](const RequestRef& request, const ResponseRef& response) {
    if (const auto reason = refuse_other_sites(*request)) return refuse(request, response, *reason);
    constexpr std::string_view kEnd = "/events";
    std::string_view tail = request->tail;
    const bool is_events = tail.ends_with(kEnd);
    if (is_events) tail.remove_suffix(kEnd.size());
    const auto stream = parse_id<MessageId>(tail);
    if (!is_events || !stream) {
      return refuse(request, response,
                    wire_error(ErrorCode::not_found, "There is no such id here."));
    }
    const auto have = position_of(*request);
    if (!have) {
      return refuse(request, response,
                    wire_error(ErrorCode::invalid_parameter,
                               "Last-Event-ID and have are numbers of tokens.", "have"));
    }
    std::make_shared<EventStream>(response, keep_alive)->start(service, *request, *stream, *have);
  };
}

}  // namespace hearth::server
