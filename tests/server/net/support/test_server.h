// A real server on a free port of this machine, with its loop on a thread of its own; the model is
// a fake engine that the test plays.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "server/api/cookies.h"
#include "server/net/admin_routes.h"
#include "server/net/assets.h"
#include "server/net/event_loop.h"
#include "server/net/gate.h"
#include "server/net/routes.h"
#include "server/net/server.h"
#include "server/net/text_worker.h"
#include "server/session/chat_service.h"
#include "server/session/crypto.h"
#include "server/store/memory_store.h"
#include "tests/server/net/support/raw_client.h"
#include "tests/server/session/support/fake_text.h"
#include "tests/server/session/support/room.h"

namespace hearth::server {
std::span<const EmbeddedFile> test_page();
}

namespace hearth::server::testing {

struct TestServerOptions {
  GateOptions gate;
  bool with_join_code = false;  // "K7MX-4QRT"
  NetLimits net;
  Limits limits;
  bool model_is_ready = true;
  std::optional<Certificate> certificate;
  bool hsts = false;
  bool is_for_operator = false;  // the operator's listener instead
};

class TestServer {
 public:
  // Runs what on the loop's thread and waits for it.
  template <class Function>
  auto on_loop(Function what) {
    std::packaged_task<decltype(what())()> task(std::move(what));
    auto result = task.get_future();
    loop_.post([&task] { task(); });
    return result.get();
  }

  explicit TestServer(TestServerOptions options = {})
      : store_([this](std::function<void()> job) { loop_.post(std::move(job)); }),
        text_(loop_),
        service_({engine_,
                  text_,
                  store_,
                  system_clock(),
                  system_random(),
                  [this] { return ++last_request_; },
                  {}},
                 options.limits, {"test", true}),
        generations_(
            {service_, engine_, text_, system_random(), [this] { return ++last_request_; }, 4096}),
        code_("K7MX-4QRT", system_clock()),
        session_{service_, options.with_join_code ? &code_ : nullptr, {}, true},
        assets_(test_page()),
        gate_(options.gate, service_, options.with_join_code ? &code_ : nullptr),
        server_(loop_,
                {"127.0.0.1", 0, options.net, options.limits.connection, options.certificate,
                 options.hsts, options.is_for_operator},
                Router(options.is_for_operator ? operator_routes() : routes()), gate_, service_,
                system_random()) {
    port_ = *server_.listen();
    session_.cookie_name = cookie_name(port_, options.certificate.has_value());
    gate_.set_cookie_name(session_.cookie_name);
    if (options.model_is_ready)
      service_.set_model({"test", ModelState::ready, {}, 100.0, {}, {}, byte_model()});
    loop_.repeat([this] {
      service_.on_tick();
      if (memory_) service_.admission().set_memory(*memory_);
      return Milliseconds(5);
    });
    thread_ = std::jthread([this] { loop_.run(); });
  }
  ~TestServer() {
    on_loop([this] {
      server_.stop_accepting();
      server_.close_all();
    });
    loop_.stop();
    thread_.join();
  }

  std::vector<Route> routes() {
    return make_routes(
        {assets_, service_, generations_, session_, [this] { return is_draining_.load(); }});
  }
  std::vector<Route> operator_routes() {
    return make_admin_routes({service_, generations_, [] { return ProcessFacts{}; }});
  }
  std::uint16_t port() const { return port_; }
  std::string origin() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

  // One whole exchange on a socket of its own.
  Reply ask(const std::string& request) { return RawClient(port_).ask(request); }

  // From now on so much of the memory is used, whatever is measured.
  void pin_memory(double used) {
    on_loop([&] {
      memory_ = used;
      service_.admission().set_memory(used);
    });
  }

  // The Cookie field of a new identity.
  std::string new_cookie() {
    const Reply reply = ask(post("/api/v1/session", "{}", {"Origin: http://127.0.0.1"}));
    const std::string set = reply.headers.at("set-cookie");
    return "Cookie: " + set.substr(0, set.find(';'));
  }

  // The engine has `count` requests; waits for them by looking at the loop.
  engine::RequestId wait_for_request(std::size_t count) {
    for (;;) {
      const auto id = on_loop([&]() -> std::optional<engine::RequestId> {
        return engine_.order.size() >= count ? std::optional(engine_.order[count - 1])
                                             : std::nullopt;
      });
      if (id) return *id;
      std::this_thread::yield();
    }
  }
  void wait_until(const std::function<bool()>& on_the_loop) {
    while (!on_loop(on_the_loop)) std::this_thread::yield();
  }

  // The engine writes; one step for all of it.
  void write(engine::RequestId id, std::string_view bytes) {
    on_loop([&] {
      engine_.write(id, bytes);
      step(id);
    });
  }
  void finish(engine::RequestId id, engine::FinishReason reason) {
    on_loop([&] {
      engine_.finish(id, reason);
      step(id);
    });
  }

  // A second server on the same port.
  Result<std::uint16_t> listen_again() {
    return on_loop([this] {
      Server second(loop_, {"127.0.0.1", port_, {}, {}, {}}, Router(routes()), gate_, service_,
                    system_random());
      return second.listen();
    });
  }

  FakeEngine& engine() { return engine_; }
  ChatService& service() { return service_; }
  Generations& generations() { return generations_; }
  Server& server() { return server_; }
  void set_draining() { is_draining_ = true; }

 private:
  void step(engine::RequestId id) {
    const std::array ids = {id};
    service_.engine_progressed(ids);
    generations_.engine_progressed(ids);
  }

  EventLoop loop_;
  MemoryStore store_;
  FakeEngine engine_;
  TextWorker text_;
  std::optional<double> memory_;  // loop thread
  std::atomic<engine::RequestId> last_request_{0};
  std::atomic<bool> is_draining_{false};
  ChatService service_;
  Generations generations_;
  JoinCode code_;
  SessionApi session_;
  Assets assets_;
  Gate gate_;
  Server server_;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

}  // namespace hearth::server::testing
