// What every connection of a server shares. Private to server/net.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

#include "server/net/asio.h"
#include "server/net/connection_caps.h"
#include "server/net/gate.h"
#include "server/net/router.h"
#include "server/net/server.h"
#include "server/net/socket.h"
#include "server/session/chat_service.h"

namespace hearth::server {

// A socket that can be told to go.
class Closable {
 public:
  virtual ~Closable() = default;
  virtual void drain() = 0;  // go when idle, and after the response in hand
  virtual void cut() = 0;    // go now
};

// Shared by its connections: those that are still open when the server goes are destroyed with the
// loop.
struct ServerCore {
  asio::io_context& context;
  NetLimits limits;
  ConnectionLimits frames;
  Router router;
  Gate& gate;
  ChatService& service;
  RandomBytes random;
  std::shared_ptr<asio::ssl::context> tls;  // null: plain HTTP
  bool hsts;
  ConnectionCaps caps;
  std::unordered_set<Closable*> open;  // each adds and removes itself
  int num_leaving = 0;                 // turned away, and kept open until their answer is through
  int num_large_bodies = 0;            // being read or worked on; see LargeBody
  bool is_draining = false;
};

// A place for one body of more than kSmallBytes, which most requests are far from: so many of the
// others are in memory at once, whatever clients send.
class LargeBody {
 public:
  static constexpr std::size_t kSmallBytes = 1024 * 1024;
  static constexpr int kPlaces = 8;

  // Null when no place is left.
  static std::unique_ptr<LargeBody> take(std::shared_ptr<ServerCore> core) {
    if (core->num_large_bodies >= kPlaces) return nullptr;
    return std::unique_ptr<LargeBody>(new LargeBody(std::move(core)));
  }
  ~LargeBody() { --core_->num_large_bodies; }
  LargeBody(const LargeBody&) = delete;
  LargeBody& operator=(const LargeBody&) = delete;

 private:
  explicit LargeBody(std::shared_ptr<ServerCore> core) : core_(std::move(core)) {
    ++core_->num_large_bodies;
  }
  std::shared_ptr<ServerCore> core_;
};

// A connection that was let in and is no WebSocket: what it is made of, and that the server knows
// of it.
class Accepted : public Closable {
 public:
  Accepted(Socket socket, std::string peer, std::shared_ptr<ServerCore> core,
           std::unique_ptr<ConnectionCaps::Permit> permit)
      : core_(std::move(core)),
        permit_(std::move(permit)),
        socket_(std::move(socket)),
        deadline_(core_->context),
        peer_(std::move(peer)) {
    core_->open.insert(this);
  }
  ~Accepted() override { core_->open.erase(this); }
  Accepted(const Accepted&) = delete;
  Accepted& operator=(const Accepted&) = delete;

 protected:
  std::shared_ptr<ServerCore> core_;
  std::unique_ptr<ConnectionCaps::Permit> permit_;
  Socket socket_;
  asio::steady_timer deadline_;
  std::string peer_;
};

// Errors: io_error (OpenSSL does not take this certificate).
Result<std::shared_ptr<asio::ssl::context>> make_tls_context(const Certificate& certificate);

// Waits for the TLS handshake, then start_http. Who speaks plain HTTP gets there, too.
void start_tls(Socket socket, std::string peer, std::shared_ptr<ServerCore> core,
               std::unique_ptr<ConnectionCaps::Permit> permit);

// Serves HTTP on the socket until it ends or becomes a WebSocket. Where TLS is spoken, plain
// requests are only told so.
void start_http(Socket socket, std::string peer, std::shared_ptr<ServerCore> core,
                std::unique_ptr<ConnectionCaps::Permit> permit);

// Answers the upgrade that `request` asks for and speaks hearth.chat.v1. The request was checked
// with check_upgrade.
void start_websocket(Socket socket, std::shared_ptr<ServerCore> core,
                     std::unique_ptr<ConnectionCaps::Permit> permit, const HttpRequest& request,
                     std::optional<User> user);

// What makes an upgrade request unacceptable (R-28, PROTOCOL §1), before any credential is looked
// at.
std::optional<std::string> check_upgrade(const HttpRequest& request);

}  // namespace hearth::server
