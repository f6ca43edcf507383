// The door of a server that speaks TLS: the first byte says whether the client does. If so the
// handshake follows, under one deadline; if not, the plain request is read, to be told where to go.
#include <array>
#include <utility>

#include <openssl/ssl.h>
#include <spdlog/spdlog.h>

#include "server/net/server_core.h"

namespace hearth::server {
namespace {

constexpr unsigned char kTlsHandshake = 0x16;  // the type of a record, RFC 8446 §5.1

class TlsDoor final : public Accepted, public std::enable_shared_from_this<TlsDoor> {
 public:
  using Accepted::Accepted;

  void start() {
    deadline_.expires_after(core_->limits.tls_handshake);
    deadline_.async_wait([weak = weak_from_this()](error_code ec) {
      const auto self = weak.lock();
      if (!ec && self) self->cut();
    });
    socket_.next_layer().async_wait(tcp::socket::wait_read,
                                    [self = shared_from_this()](error_code ec) {
                                      if (ec) return self->cut();
                                      self->look();
                                    });
  }

  void drain() override { cut(); }
  void cut() override {
    deadline_.cancel();
    socket_.close();
  }

 private:
  void look() {
    std::array<unsigned char, 1> first{};
    error_code ec;
    socket_.next_layer().non_blocking(true, ec);
    const std::size_t bytes =
        socket_.next_layer().receive(asio::buffer(first), tcp::socket::message_peek, ec);
    if (ec || bytes == 0) return cut();
    if (first[0] != kTlsHandshake) return pass();
    socket_.async_accept_tls(*core_->tls, [self = shared_from_this()](error_code failure) {
      if (!failure) return self->pass();
      spdlog::debug("a TLS handshake failed: {}", failure.message());
      self->cut();
    });
  }

  void pass() {
    deadline_.cancel();
    start_http(std::move(socket_), std::move(peer_), core_, std::move(permit_));
  }
};

// The one protocol spoken inside, for clients that ask (RFC 7301).
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr std::array<unsigned char, 9> kHttp11 = {8,   'h', 't', 't', 'p',
                                                           '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, out_size, kHttp11.data(),
                            static_cast<unsigned>(kHttp11.size()), offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

Result<std::shared_ptr<asio::ssl::context>> make_tls_context(const Certificate& certificate) {
  const auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(
      native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);          // an idle connection holds none
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);  // tickets only: no memory of ours
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  error_code ec;
  context->use_certificate_chain(asio::buffer(certificate.chain_pem), ec);
  if (!ec) context->use_private_key(asio::buffer(certificate.key_pem), asio::ssl::context::pem, ec);
  if (ec)
    return fail(ErrorCode::io_error, "TLS cannot use this certificate: " + ec.message() + ".");
  return context;
}

void start_tls(Socket socket, std::string peer, std::shared_ptr<ServerCore> core,
               std::unique_ptr<ConnectionCaps::Permit> permit) {
  std::make_shared<TlsDoor>(std::move(socket), std::move(peer), std::move(core), std::move(permit))
      ->start();
}

}  // namespace hearth::server
