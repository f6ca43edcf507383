#include "engine/cli/chat/http_client.h"

#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/cli/chat/http_reader.h"

namespace hearth::engine {
namespace {

constexpr int kConnectMs = 10'000;
constexpr int kSilenceMs = 300'000;  // a server that computes says so every few seconds
constexpr std::size_t kBodyMax = 16 * 1024 * 1024;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  Socket& operator=(Socket&&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> interrupted() { return fail(ErrorCode::cancelled, "Interrupted."); }

// Until the socket is ready for `events`. Errors: cancelled, io_error after `timeout_ms`.
Result<void> wait_for(int fd, short events, int interrupt_fd, int timeout_ms) {
  std::array<pollfd, 2> fds{{{fd, events, 0}, {interrupt_fd, POLLIN, 0}}};
  for (;;) {
    const int ready = poll(fds.data(), fds.size(), timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return fail(ErrorCode::io_error, "The server does not answer.");
    if (fds[1].revents != 0) return interrupted();
    return {};
  }
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

Result<Socket> connect_to(const ServerAddress& address, int interrupt_fd) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int problem = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &list);
  if (problem != 0) {
    return fail(ErrorCode::io_error,
                "The name " + address.host + " is not known: " + gai_strerror(problem) + ".");
  }
  const std::unique_ptr<addrinfo, FreeAddresses> owner(list);
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    Socket socket(::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.fd() < 0) continue;
    if (connect(socket.fd(), one->ai_addr, one->ai_addrlen) != 0) {
      if (errno != EINPROGRESS) continue;
      const auto waited = wait_for(socket.fd(), POLLOUT, interrupt_fd, kConnectMs);
      if (!waited && waited.error().code == ErrorCode::cancelled)
        return tl::unexpected(waited.error());
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (!waited || error != 0) continue;
    }
    const int on = 1;
    setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
  }
  return fail(ErrorCode::io_error, "Nobody answers at " + address.host + ":" + address.port + ".");
}

Result<void> send_all(int fd, std::string_view bytes, int interrupt_fd) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EINTR) {
      if (auto waited = wait_for(fd, POLLOUT, interrupt_fd, kSilenceMs); !waited) return waited;
    } else {
      return {};  // it may have answered already and closed: the answer says why
    }
  }
  return {};
}

std::string request_text(const ServerAddress& address, const HttpCall& call) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  std::string text = call.method;
  text.append(" ").append(address.prefix).append(call.path).append(" HTTP/1.1\r\nHost: ");
  text.append(is_v6 ? "[" : "").append(address.host).append(is_v6 ? "]:" : ":");
  text.append(address.port).append("\r\nConnection: close\r\nAccept: */*\r\n");
  if (!call.token.empty()) text.append("Authorization: Bearer ").append(call.token).append("\r\n");
  if (!call.body.empty()) {
    text.append("Content-Type: application/json\r\nContent-Length: ");
    text.append(std::to_string(call.body.size())).append("\r\n");
  }
  return text.append("\r\n").append(call.body);
}

}  // namespace

Result<ServerAddress> parse_server_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const auto refuse = [&] {
    return fail(ErrorCode::usage, "\"" + std::string(url) +
                                      "\" is not a server's address; expected http://HOST:PORT.");
  };
  if (!url.starts_with(kScheme)) return refuse();
  std::string_view rest = url.substr(kScheme.size());
  ServerAddress address;
  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    address.prefix = rest.substr(slash);
    while (address.prefix.ends_with('/')) address.prefix.pop_back();
    if (address.prefix.ends_with("/v1")) address.prefix.resize(address.prefix.size() - 3);
    rest = rest.substr(0, slash);
  }
  const std::size_t bracket = rest.find(']');
  const bool is_v6 = rest.starts_with('[') && bracket != std::string_view::npos;
  const std::size_t colon = rest.find(':', is_v6 ? bracket : 0);
  address.host = is_v6 ? rest.substr(1, bracket - 1) : rest.substr(0, colon);
  address.port = colon == std::string_view::npos ? "80" : rest.substr(colon + 1);
  const bool is_port = !address.port.empty() && address.port.size() <= 5 &&
                       address.port.find_first_not_of("0123456789") == std::string::npos;
  const bool is_plain = url.find_first_of(" \r\n\t@#?") == std::string_view::npos;
  if (address.host.empty() || !is_port || !is_plain) return refuse();
  return address;
}

Result<HttpAnswer> call_server(const ServerAddress& address, const HttpCall& call,
                               const std::function<void(std::string_view)>& sink,
                               int interrupt_fd) {
  const auto socket = connect_to(address, interrupt_fd);
  if (!socket) return tl::unexpected(socket.error());
  if (auto sent = send_all(socket->fd(), request_text(address, call), interrupt_fd); !sent)
    return tl::unexpected(sent.error());
  HttpReader reader;
  HttpAnswer answer;
  std::array<char, 16 * 1024> buffer{};
  while (!reader.is_done()) {
    if (auto waited = wait_for(socket->fd(), POLLIN, interrupt_fd, kSilenceMs); !waited)
      return tl::unexpected(waited.error());
    const ssize_t num_read = recv(socket->fd(), buffer.data(), buffer.size(), 0);
    if (num_read < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (num_read <= 0) {
      if (auto closed = reader.close(); !closed) return tl::unexpected(closed.error());
      break;
    }
    std::string body;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(num_read));
    if (auto pushed = reader.push(bytes, body); !pushed) return tl::unexpected(pushed.error());
    const bool is_success = reader.has_head() && reader.status() / 100 == 2;
    if (sink && is_success) {
      if (!body.empty()) sink(body);
    } else {
      answer.body += body;
      if (answer.body.size() > kBodyMax)
        return fail(ErrorCode::message_too_large, "The server's answer is too large.");
    }
  }
  answer.status = reader.status();
  return answer;
}

}  // namespace hearth::engine
