#include "bench/load_client/person.h"

#include <random>
#include <stdexcept>

namespace hearth::bench {
namespace {

constexpr std::string_view kSubProtocol = "hearth.chat.v1";

awaitable<tcp::socket> connect(const Target& target) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  tcp::socket socket(executor);
  const auto endpoints = co_await resolver.async_resolve(target.host, target.port, use_awaitable);
  co_await asio::async_connect(socket, endpoints, use_awaitable);
  socket.set_option(tcp::no_delay(true));
  co_return socket;
}

double seconds_since(Clock::time_point zero, Clock::time_point at) {
  return std::chrono::duration<double>(at - zero).count();
}

}  // namespace

Target parse_target(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  const std::size_t colon = url.rfind(':');
  if (!url.starts_with(kScheme) || colon < kScheme.size())
    throw std::invalid_argument("'" + url + "' is not of the form http://HOST:PORT");
  Target target;
  target.host = url.substr(kScheme.size(), colon - kScheme.size());
  target.port = url.substr(colon + 1);
  return target;
}

awaitable<std::string> new_identity(const Target& target) {
  tcp::socket socket = co_await connect(target);
  http::request<http::string_body> request(http::verb::post, "/api/v1/session", 11);
  request.set(http::field::host, target.host + ":" + target.port);
  request.set(http::field::origin, target.origin());
  request.set(http::field::content_type, "application/json");
  request.body() = target.join_code.empty() ? nlohmann::json::object().dump()
                                            : nlohmann::json{{"code", target.join_code}}.dump();
  request.prepare_payload();
  co_await http::async_write(socket, request, use_awaitable);
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  co_await http::async_read(socket, buffer, response, use_awaitable);
  const std::string cookie(response[http::field::set_cookie]);
  if (response.result() != http::status::ok || cookie.empty())
    throw std::runtime_error("no identity was given: " + response.body());
  co_return cookie.substr(0, cookie.find(';'));
}

struct Person::Turn {
  explicit Turn(const asio::any_io_executor& executor) : ended(executor) {}
  TurnRecord record;
  Clock::time_point zero;
  std::int64_t to = 0;
  bool is_over = false;
  asio::steady_timer ended;  // cancelled at the end; expires when the patience does
};

Person::Person(asio::io_context& context, Target target, std::string cookie)
    : target_(std::move(target)),
      cookie_(std::move(cookie)),
      stream_(context),
      id_prefix_("m-" + std::to_string(std::random_device{}()) + "-") {}

awaitable<void> Person::join() {
  stream_.next_layer() = co_await connect(target_);
  stream_.set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
    request.set(http::field::origin, target_.origin());
    request.set(http::field::cookie, cookie_);
    request.set(http::field::sec_websocket_protocol, std::string(kSubProtocol));
  }));
  co_await stream_.async_handshake(target_.host + ":" + target_.port, "/ws", use_awaitable);
  stream_.text(true);
  const std::string hello = R"({"type":"hello","client":{"name":"load_client","version":"1"}})";
  co_await stream_.async_write(asio::buffer(hello), use_awaitable);
  beast::flat_buffer buffer;
  co_await stream_.async_read(buffer, use_awaitable);
  const auto ready = nlohmann::json::parse(beast::buffers_to_string(buffer.data()));
  if (ready.value("type", "") != "ready")
    throw std::runtime_error("hello was not answered with ready: " + ready.dump());
  if (ready.at("models").at(0).value("state", "") != "ready")
    throw std::runtime_error("the model is not ready yet");
  asio::co_spawn(stream_.get_executor(), read(shared_from_this()), asio::detached);
}

void Person::leave() {
  error_code ignored;
  stream_.next_layer().close(ignored);
}

awaitable<void> Person::read(std::shared_ptr<Person> self) {
  beast::flat_buffer buffer;
  for (;;) {
    error_code ec;
    co_await self->stream_.async_read(buffer, asio::redirect_error(use_awaitable, ec));
    const Clock::time_point at = Clock::now();
    if (ec) break;
    const auto event =
        nlohmann::json::parse(beast::buffers_to_string(buffer.data()), nullptr, false);
    buffer.consume(buffer.size());
    if (event.is_object()) self->received(event, at);
  }
  for (auto* turns : {&self->by_request_, &self->by_stream_}) {
    for (const auto& [id, turn] : std::exchange(*turns, {})) self->ended(turn, "closed");
  }
}

awaitable<void> Person::write(std::shared_ptr<Person> self) {
  while (!self->outbox_.empty()) {
    const std::string frame = std::move(self->outbox_.front());
    self->outbox_.pop_front();
    error_code ec;  // shows in the read as well
    co_await self->stream_.async_write(asio::buffer(frame),
                                       asio::redirect_error(use_awaitable, ec));
  }
  self->is_writing_ = false;
}

void Person::send(const nlohmann::json& message) {
  outbox_.push_back(message.dump());
  if (std::exchange(is_writing_, true)) return;
  asio::co_spawn(stream_.get_executor(), write(shared_from_this()), asio::detached);
}

void Person::ended(const std::shared_ptr<Turn>& turn, std::string failure) {
  if (std::exchange(turn->is_over, true)) return;
  turn->record.failure = std::move(failure);
  turn->ended.cancel();
}

void Person::received(const nlohmann::json& event, Clock::time_point at) {
  const std::string type = event.value("type", "");
  const auto request = by_request_.find(event.value("re", ""));
  if (type == "error" && request != by_request_.end()) {
    ended(request->second, event.at("error").value("code", "error"));
    by_request_.erase(request);
    return;
  }
  if (type == "accepted" && request != by_request_.end()) {
    request->second->record.conversation = event.value("conversation", "");
    by_stream_[event.value("stream", "")] = std::move(request->second);
    by_request_.erase(request);
    return;
  }
  const auto stream = by_stream_.find(event.value("stream", ""));
  if (stream == by_stream_.end()) return;
  const std::shared_ptr<Turn> turn = stream->second;
  TurnRecord& record = turn->record;
  if (type == "delta") {
    const auto to = event.value("to", turn->to);
    if (to > turn->to) record.frames.push_back({seconds_since(turn->zero, at), to - turn->to});
    turn->to = to;
  } else if (type == "done") {
    record.end_s = seconds_since(turn->zero, at);
    const auto usage = event.value("usage", nlohmann::json::object());
    record.prompt_tokens = usage.value("prompt_tokens", std::int64_t{0});
    record.cached_tokens = usage.value("cached_tokens", std::int64_t{0});
    record.completion_tokens = usage.value("completion_tokens", std::int64_t{0});
    const std::string reason = event.value("finish_reason", "");
    by_stream_.erase(stream);
    ended(turn, reason == "stop" || reason == "length" ? "" : reason);
  }
}

awaitable<TurnRecord> Person::say(Message message, Clock::time_point zero,
                                  Clock::time_point intended) {
  const auto self = shared_from_this();
  const auto turn = std::make_shared<Turn>(stream_.get_executor());
  turn->zero = zero;
  turn->record.intended_s = seconds_since(zero, intended);
  const std::string id = id_prefix_ + std::to_string(next_id_++);
  nlohmann::json body = {{"type", "chat.create"},
                         {"id", id},
                         {"content", message.content},
                         {"params", {{"temperature", 0}, {"max_tokens", message.reply_tokens}}}};
  if (message.system) body["system"] = *message.system;
  if (!message.conversation.empty()) body["conversation"] = message.conversation;
  by_request_[id] = turn;
  turn->ended.expires_after(target_.timeout);
  send(body);
  error_code ec;
  co_await turn->ended.async_wait(asio::redirect_error(use_awaitable, ec));
  if (!turn->is_over) ended(turn, "timeout");
  co_return turn->record;
}

}  // namespace hearth::bench
