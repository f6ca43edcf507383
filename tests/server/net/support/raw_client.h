// A TCP client that sends exactly what it is told, and blocks until the answer or the end.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hearth::server::testing {

struct Reply {
  int status = 0;  // 0: the connection ended without one
  std::map<std::string, std::string> headers;
  std::string body;
  std::string raw_head;
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_open_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool is_open() const { return is_open_; }
  int socket() const { return socket_; }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

  // False: the connection took no more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void send_no_more() { ::shutdown(socket_, SHUT_WR); }

  // At least n bytes of input, or false at the end of the connection (or after 30 s, which fails
  // the test by its result).
  bool fill(std::size_t n) {
    while (input_.size() < n) {
      pollfd ready{socket_, POLLIN, 0};
      if (::poll(&ready, 1, 30'000) <= 0) return false;
      char buffer[65536];
      const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
      if (got <= 0) return false;
      input_.append(buffer, static_cast<std::size_t>(got));
    }
    return true;
  }

  std::string take(std::size_t n) {
    fill(n);
    const std::string out = input_.substr(0, n);
    input_.erase(0, out.size());
    return out;
  }

  std::optional<std::string> take_until(std::string_view mark) {
    std::size_t at = 0;
    while ((at = input_.find(mark)) == std::string::npos) {
      if (!fill(input_.size() + 1)) return std::nullopt;
    }
    return take(at + mark.size());
  }

  // One response. Chunked bodies are joined.
  Reply read(bool is_head = false) {
    Reply reply;
    const std::optional<std::string> head = take_until("\r\n\r\n");
    if (!head) return reply;
    reply.raw_head = *head;
    reply.status = std::stoi(head->substr(9, 3));
    for (std::size_t line = head->find("\r\n") + 2; line + 2 < head->size();) {
      const std::size_t end = head->find("\r\n", line);
      const std::string field = head->substr(line, end - line);
      const std::size_t colon = field.find(": ");
      reply.headers[field.substr(0, colon)] = field.substr(colon + 2);
      line = end + 2;
    }
    if (is_head || reply.status == 101 || reply.status == 204 || reply.status == 304) return reply;
    if (reply.headers.contains("transfer-encoding")) {
      for (;;) {
        const std::optional<std::string> size = take_until("\r\n");
        const std::size_t bytes = size ? std::stoul(*size, nullptr, 16) : 0;
        reply.body += take(bytes);
        take(2);
        if (bytes == 0) return reply;
      }
    }
    reply.body = take(std::stoul(reply.headers["content-length"]));
    return reply;
  }

  Reply ask(std::string_view request, bool is_head = false) {
    send(request);
    return read(is_head);
  }

  // Reads to the end. False: the connection was reset, or still open after 30 s.
  bool ends_in_order() {
    char unread[4096];
    for (;;) {
      pollfd ready{socket_, POLLIN, 0};
      if (::poll(&ready, 1, 30'000) <= 0) return false;
      const ssize_t got = ::recv(socket_, unread, sizeof unread, 0);
      if (got <= 0) return got == 0;
    }
  }

  // Reads to the end of the connection. False: it was still open after 30 s.
  bool is_closed_by_server() {
    while (fill(input_.size() + 1)) input_.clear();
    pollfd ready{socket_, POLLIN, 0};
    return ::poll(&ready, 1, 0) > 0;
  }

 private:
  int socket_;
  bool is_open_ = false;
  std::string input_;
};

// "GET /path HTTP/1.1" with a Host and more fields, each without its line end.
inline std::string get(const std::string& path, const std::vector<std::string>& fields = {}) {
  std::string out = "GET " + path + " HTTP/1.1\r\n";
  const auto names_host = [](const std::string& field) { return field.starts_with("Host:"); };
  if (std::none_of(fields.begin(), fields.end(), names_host)) out += "Host: 127.0.0.1\r\n";
  for (const std::string& field : fields) out += field + "\r\n";
  return out + "\r\n";
}

inline std::string post(const std::string& path, const std::string& body,
                        const std::vector<std::string>& fields = {}) {
  std::string out =
      "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
  for (const std::string& field : fields) out += field + "\r\n";
  return out + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// A WebSocket client frame: masked with zeros, which changes nothing.
inline std::string frame(unsigned opcode, std::string_view payload, bool is_final = true) {
  std::string out;
  out += static_cast<char>((is_final ? 0x80U : 0U) | opcode);
  if (payload.size() < 126) {
    out += static_cast<char>(0x80U | payload.size());
  } else if (payload.size() < 65536) {
    out += static_cast<char>(0x80U | 126U);
    for (int shift = 8; shift >= 0; shift -= 8)
      out += static_cast<char>((payload.size() >> shift) & 0xffU);
  } else {
    out += static_cast<char>(0x80U | 127U);
    for (int shift = 56; shift >= 0; shift -= 8)
      out += static_cast<char>((payload.size() >> shift) & 0xffU);
  }
  return out + std::string(4, '\0') + std::string(payload);
}
inline std::string text_frame(std::string_view payload) { return frame(1, payload); }

struct WsFrame {
  unsigned opcode = 0;  // 0: the connection ended
  std::string payload;
  int close_code() const {
    if (opcode != 8 || payload.size() < 2) return 0;
    return (static_cast<unsigned char>(payload[0]) << 8) | static_cast<unsigned char>(payload[1]);
  }
};

inline WsFrame read_frame(RawClient& client) {
  const std::string head = client.take(2);
  if (head.size() < 2) return {};
  WsFrame frame;
  frame.opcode = static_cast<unsigned char>(head[0]) & 0x0fU;
  std::size_t size = static_cast<unsigned char>(head[1]) & 0x7fU;
  const std::string more = size == 126 ? client.take(2) : size == 127 ? client.take(8) : "";
  if (!more.empty()) size = 0;
  for (const char c : more) size = (size << 8) | static_cast<unsigned char>(c);
  frame.payload = client.take(size);
  return frame;
}

// Skips everything up to the close frame. 0: the connection ended without one.
inline int read_close_code(RawClient& client) {
  for (;;) {
    const WsFrame frame = read_frame(client);
    if (frame.opcode == 8) return frame.close_code();
    if (frame.opcode == 0) return 0;
  }
}

inline const std::vector<std::string>& upgrade_fields() {
  static const std::vector<std::string> fields = {"Connection: Upgrade", "Upgrade: websocket",
                                                  "Sec-WebSocket-Version: 13",
                                                  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="};
  return fields;
}

inline std::string upgrade(std::vector<std::string> more = {}, const std::string& path = "/ws") {
  more.insert(more.end(), upgrade_fields().begin(), upgrade_fields().end());
  return get(path, more);
}

}  // namespace hearth::server::testing
