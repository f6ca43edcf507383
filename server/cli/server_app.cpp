#include "server/cli/server_app.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <utility>

#include <spdlog/spdlog.h>

#include "engine/runtime/engine.h"
#include "server/api/cookies.h"
#include "server/api/generation.h"
#include "server/api/join_code.h"
#include "server/api/session_api.h"
#include "server/cli/served_model.h"
#include "server/cli/start_up.h"
#include "server/net/admin_routes.h"
#include "server/net/assets.h"
#include "server/net/engine_bridge.h"
#include "server/net/gate.h"
#include "server/net/origin_check.h"
#include "server/net/routes.h"
#include "server/net/server.h"
#include "server/net/text_worker.h"
#include "server/session/chat_service.h"
#include "server/session/crypto.h"
#include "server/session/load_report.h"
#include "server/store/key_file.h"
#include "server/store/memory_store.h"
#include "server/store/sqlite_store.h"

namespace hearth::server {
namespace {

// While replies are written or wait, deltas that were held back for merging are due on the tick;
// otherwise only timeouts are, which are seconds.
constexpr Milliseconds kTick{20};
constexpr Milliseconds kOpenTick{100};
constexpr Milliseconds kIdleTick{250};
constexpr std::size_t kOperatorConnections = 16;
constexpr Milliseconds kFarewell{3'000};  // for the last frames and closing handshakes

void log_warning(const std::string& line) { spdlog::warn("{}", line); }

// What clients are told: it changes with the page as well, so that a page from before an update can
// tell that it is one.
std::string version_with_page() {
  std::string version = HEARTH_VERSION;
  for (const EmbeddedFile& file : embedded_page()) {
    if (file.path == "index.html") return (version += '+').append(file.etag.substr(0, 8));
  }
  return version;
}

// From the loader thread to the loop.
struct Loaded {
  std::unique_ptr<engine::StepRunner> runner;
  std::shared_ptr<const ModelInfo> info;
  std::string why;  // this decoder
};

// Members are destroyed in reverse order: the network first, the loop last.
class ServerApp {
 public:
  ServerApp(const Config& config, std::string host, std::string model,
            std::unique_ptr<HistoryStore> store, std::optional<Certificate> certificate,
            EventLoop& loop);

  Result<void> listen();
  Result<void> watch_keys();
  Result<void> listen_for_operator();
  ProcessFacts facts();
  void load(engine::ModelFolder folder, const engine::RunnerChoice& choice);
  void run();

 private:
  bool is_local() const { return is_loopback(host_); }
  void print_addresses(std::uint16_t port) const;
  void tell(ModelStatus status);
  Result<Loaded> load_now(const engine::ModelFolder& folder, const std::string& why,
                          LoadReport& report);
  void loaded(Result<Loaded> model);
  void start_engine(Loaded model);
  void ready(const std::shared_ptr<const ModelInfo>& info, const std::string& why);
  void progressed(std::span<const engine::RequestId> changed);
  Milliseconds tick();
  void on_signal();
  void begin_drain();
  void finish_when_quiet();
  bool is_quiet() const;

  Config config_;
  std::string host_;
  std::string model_;
  EventLoop& loop_;
  Clock clock_ = system_clock();
  std::unique_ptr<HistoryStore> store_;
  std::atomic<engine::RequestId> last_request_{0};
  EngineBridge bridge_;
  TextWorker text_;
  ChatService service_;
  Generations generations_;
  std::string fingerprint_;  // of the certificate; empty: plain HTTP
  std::string code_text_;
  std::optional<JoinCode> code_;
  SessionApi session_;
  InspectParts inspect_;
  Assets assets_;
  Gate gate_;
  Server server_;
  std::optional<KeyWatch> keys_;
  Gate operator_gate_;
  std::optional<Server> operator_server_;
  std::jthread loader_;
  std::atomic<bool> is_loading_{false};
  std::function<void()> hasten_tick_;
  Milliseconds next_tick_{0};
  Instant started_at_ = clock_.now();
  std::uint16_t operator_port_ = 0;
  bool is_draining_ = false;
  bool is_drained_ = false;
  Instant drain_until_;
};

ServerApp::ServerApp(const Config& config, std::string host, std::string model,
                     std::unique_ptr<HistoryStore> store, std::optional<Certificate> certificate,
                     EventLoop& loop)
    : config_(config),
      host_(std::move(host)),
      model_(std::move(model)),
      loop_(loop),
      store_(std::move(store)),
      bridge_(loop, [this](std::span<const engine::RequestId> changed) { progressed(changed); }),
      text_(loop, config.system_prompt),
      service_(
          {bridge_, text_, *store_, clock_, system_random(), [this] { return ++last_request_; },
           [](const std::string& line) { spdlog::info("{}", line); }},
          limits_of(config, is_local()), {version_with_page(), !config.ephemeral}),
      generations_({service_, bridge_, text_, system_random(), [this] { return ++last_request_; },
                    config.limits.service.max_tokens, config.system_prompt, clock_,
                    std::chrono::seconds(config.sse_keep_alive_s), config.any_model,
                    config.limits.service.reply_room, config.limits.service.reply_time}),
      fingerprint_(certificate ? certificate->fingerprint : ""),
      session_{service_, nullptr, {}, !config.ephemeral},
      inspect_{{[&loop](std::function<void()> job) { loop.post(std::move(job)); }, log_warning},
               ModelInspection(log_warning)},
      assets_(embedded_page()),
      gate_({is_local(),
             config.open,
             machine_name(),
             config.allow_host,
             config.allow_origin,
             {},
             config.tls},
            service_, nullptr),
      server_(
          loop,
          {host_, config.port, config.net, config.limits.connection, std::move(certificate),
           config.hsts},
          Router(make_routes({assets_, service_, generations_, session_,
                              [this] { return is_draining_; }, &inspect_, config.net.body_bytes})),
          gate_, service_, system_random()),
      operator_gate_({}, service_, nullptr) {
  if (!is_local() && !config.open) {
    code_text_ = config.join_code.empty() ? make_join_code(system_random()) : config.join_code;
    code_.emplace(code_text_, clock_);
    session_.join_code = &*code_;
    gate_.set_join_code(&*code_);
  }
  service_.account().on_access_end(
      [this](const AccessEnd& access) { generations_.end_access(access); });
}

ProcessFacts ServerApp::facts() {
  return {.version = HEARTH_VERSION,
          .uptime_s =
              std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - started_at_).count(),
          .connections = server_.open_connections(),
          .connections_max = server_.connections_max(),
          .disk_free_bytes = config_.ephemeral ? -1 : disk_free_bytes(config_.data_dir),
          .certificate = fingerprint_,
          .is_draining = is_draining_};
}

Result<void> ServerApp::listen_for_operator() {
  if (config_.admin_port < 0) return {};
  const auto port = static_cast<std::uint16_t>(config_.admin_port);
  NetLimits limits = config_.net;
  limits.connections = kOperatorConnections;
  operator_server_.emplace(
      loop_,
      ServerOptions{.host = "127.0.0.1", .port = port, .limits = limits, .is_for_operator = true},
      Router(make_admin_routes({service_, generations_, [this] { return facts(); }})),
      operator_gate_, service_, system_random());
  const Result<std::uint16_t> bound = operator_server_->listen();
  if (!bound) return tl::unexpected(bound.error());
  operator_port_ = *bound;
  return {};
}

Result<void> ServerApp::listen() {
  // Before anybody can know the address: who is told to end from then on drains.
  loop_.on_signal([this](int) { on_signal(); });
  if (Result<void> done = listen_for_operator(); !done) return done;
  const Result<std::uint16_t> port = server_.listen();
  if (!port) return tl::unexpected(port.error());
  const std::string cookie = cookie_name(*port, config_.tls);
  gate_.set_cookie_name(cookie);
  session_.cookie_name = cookie;
  if (const std::size_t most = server_.connections_max(); most < config_.net.connections) {
    spdlog::warn("at most {} connections instead of {}: the process may open no more files", most,
                 config_.net.connections);
  }
  print_addresses(*port);
  return {};
}

Result<void> ServerApp::watch_keys() {
  auto keys = read_keys(config_.data_dir);
  if (!keys) return tl::unexpected(keys.error());
  service_.account().set_operator_keys(std::move(*keys));
  const auto changed = [this](std::vector<OperatorKey> present) {
    loop_.post([this, present = std::move(present)]() mutable {
      service_.account().set_operator_keys(std::move(present));
    });
  };
  keys_.emplace(config_.data_dir, KeyWatch::Events{changed, log_warning});
  return {};
}

void ServerApp::print_addresses(std::uint16_t port) const {
  const std::string tail = ":" + std::to_string(port) + "/" + (code_ ? "#code=" + code_text_ : "");
  std::cout << "Hearth " << HEARTH_VERSION << " serves " << model_ << '\n';
  const bool is_everywhere = host_ == "0.0.0.0" || host_ == "::";
  const std::string shown = is_everywhere || host_ == "localhost"  ? "127.0.0.1"
                            : host_.find(':') != std::string::npos ? "[" + host_ + "]"
                                                                   : host_;
  std::string scheme = gate_.scheme();
  scheme += "://";
  std::cout << "  " << scheme << shown << tail << '\n';
  if (is_everywhere) {
    for (const std::string& address : network_addresses())
      std::cout << "  " << scheme << address << tail << '\n';
  }
  if (code_) std::cout << "  join code: " << code_text_ << '\n';
  if (!fingerprint_.empty()) std::cout << "  certificate (SHA-256): " << fingerprint_ << '\n';
  if (operator_server_)
    std::cout << "  for the operator: http://127.0.0.1:" << operator_port_ << "/admin/health\n";
  std::cout << "  history: " << (config_.ephemeral ? "in memory only" : config_.data_dir.string())
            << std::endl;
}

// Any thread. Every client hears it.
void ServerApp::tell(ModelStatus status) {
  loop_.post([this, status = std::move(status)] { service_.set_model(status); });
}

void ServerApp::load(engine::ModelFolder folder, const engine::RunnerChoice& choice) {
  is_loading_ = true;
  inspect_.model.set_folder(folder.path);
  LoadReport report(load_facts(folder, model_, choice), clock_);
  service_.set_model(report.status());
  loader_ = std::jthread(
      [this, folder = std::move(folder), why = choice.why, report = std::move(report)]() mutable {
        auto result = std::make_shared<Result<Loaded>>(load_now(folder, why, report));
        is_loading_ = false;
        loop_.post([this, result] { loaded(std::move(*result)); });
      });
}

// Loader thread. A failure after the start is a value (DESIGN §10), memory that runs out included.
Result<Loaded> ServerApp::load_now(const engine::ModelFolder& folder, const std::string& why,
                                   LoadReport& report) {
  try {
    auto runner = engine::load_runner(
        folder, runner_options(config_), [&](const engine::LoadProgress& progress) {
          if (auto status = report.weights_moved(progress.percent, progress.tensor))
            tell(std::move(*status));
        });
    if (!runner) return tl::unexpected(runner.error());
    const engine::RunnerTraits& traits = (*runner)->traits();
    tell(report.measuring(traits.num_blocks * traits.block_size));
    auto info = make_model_info(folder, model_, traits);
    return Loaded{std::move(*runner), std::move(info), why};
  } catch (const std::exception& failure) {
    return fail(ErrorCode::model_failed, failure.what());
  }
}

void ServerApp::loaded(Result<Loaded> model) {
  try {
    if (model) return start_engine(std::move(*model));
  } catch (const std::exception& failure) {
    model = fail(ErrorCode::model_failed, failure.what());
  }
  spdlog::error("the model could not be loaded: {}", model.error().detail);
  // Clients get a sentence without paths.
  service_.set_model({model_,
                      ModelState::failed,
                      {},
                      0.0,
                      {},
                      "The model could not be loaded; the server's log says why.",
                      nullptr});
}

void ServerApp::start_engine(Loaded model) {
  const auto measured = [this, info = model.info, why = model.why] {
    loop_.post([this, info, why] { ready(info, why); });
  };
  bridge_.attach(std::make_unique<engine::Engine>(
      std::move(model.runner), bridge_.listener(),
      engine::EngineOptions{.measures_first = true, .on_ready = measured}));
}

void ServerApp::ready(const std::shared_ptr<const ModelInfo>& info, const std::string& why) {
  service_.set_model({model_, ModelState::ready, {}, 100.0, {}, {}, info});
  std::cout << "Ready: " << info->decoder << " (" << why << "), context of " << info->context_length
            << " tokens; it " << abilities(*info) << std::endl;
}

void ServerApp::progressed(std::span<const engine::RequestId> changed) {
  service_.engine_progressed(changed);
  generations_.engine_progressed(changed);
  if (next_tick_ > kTick) hasten_tick_();  // the first step after a pause
}

Milliseconds ServerApp::tick() {
  service_.on_tick();
  generations_.on_tick();
  const ServiceStats stats = service_.stats();
  const bool is_busy = stats.running + stats.queued > 0;
  next_tick_ = is_busy ? kTick : stats.connections > 0 ? kOpenTick : kIdleTick;
  return next_tick_;
}

void ServerApp::run() {
  hasten_tick_ = loop_.repeat([this] { return tick(); });
  loop_.run();
  server_.close_all();
  if (operator_server_) operator_server_->close_all();
  bridge_.detach();
  if (is_quiet() && !is_loading_) return;
  // Weights cannot be read any faster, and callbacks that were cut off would find their owners
  // gone: what must not be lost is the history, so write that and leave.
  store_.reset();
  spdlog::shutdown();
  std::cout.flush();
  std::quick_exit(0);
}

bool ServerApp::is_quiet() const {
  return is_drained_ && generations_.live() == 0 && server_.open_connections() == 0;
}

void ServerApp::on_signal() {
  if (is_draining_) {
    spdlog::warn("second signal: ending at once");
    return loop_.stop();
  }
  begin_drain();
}

void ServerApp::begin_drain() {
  is_draining_ = true;
  const ServiceStats stats = service_.stats();
  spdlog::info("draining: {} sockets, {} replies, {} API requests", stats.connections,
               stats.running + stats.queued, generations_.live());
  server_.stop_accepting();
  service_.begin_drain([this] { is_drained_ = true; });
  drain_until_ = clock_.now() + std::chrono::seconds(config_.drain_timeout_s);
  finish_when_quiet();
}

void ServerApp::finish_when_quiet() {
  const Instant now = clock_.now();
  if (is_quiet() || now >= drain_until_ + kFarewell) return loop_.stop();
  if (now >= drain_until_) generations_.end_all();
  loop_.after(kTick, [this] { finish_when_quiet(); });
}

Result<std::unique_ptr<HistoryStore>> open_store(const Config& config, EventLoop& loop) {
  const Post post = [&loop](std::function<void()> job) { loop.post(std::move(job)); };
  if (config.ephemeral) {
    constexpr std::int64_t kInMemory = std::int64_t{16} << 20U;  // of one person
    const std::int64_t wanted = config.history_per_user;
    const auto per_user = wanted > 0 ? std::min(wanted, kInMemory) : kInMemory;
    return std::make_unique<MemoryStore>(post, static_cast<std::size_t>(per_user));
  }
  SqliteStore::Options options;
  options.bytes_per_user = config.history_per_user;
  options.disk = {.free_bytes_min = config.disk_reserve, .history_bytes_max = config.history_max};
  options.log = log_warning;
  auto store = SqliteStore::open(config.data_dir, post, std::move(options));
  if (!store) return tl::unexpected(store.error());
  return std::move(*store);
}

}  // namespace

Result<void> run_server(const Config& config) {
  std::filesystem::path path = config.model;
  if (path.empty()) {
    auto demo = demo_folder();
    if (!demo) return tl::unexpected(demo.error());
    path = *demo;
  }
  auto folder = engine::open_model_folder(path);
  if (!folder) return tl::unexpected(folder.error());
  start_logging(config.log_level);
  for (const std::string& warning : folder->warnings) spdlog::warn("{}", warning);
  const engine::RunnerChoice choice = engine::choose_runner(folder->spec, runner_options(config));
  EventLoop loop;
  if (Result<void> room = check_disk(config); !room) return room;
  auto store = open_store(config, loop);
  if (!store) return tl::unexpected(store.error());
  auto certificate = open_certificate(config);
  if (!certificate) return tl::unexpected(certificate.error());
  const std::string host = config.lan && is_loopback(config.host) ? "0.0.0.0" : config.host;
  const std::string model = config.model_name.empty() ? folder_name(path) : config.model_name;
  {
    ServerApp app(config, host, model, std::move(*store), std::move(*certificate), loop);
    if (Result<void> watching = app.watch_keys(); !watching) return watching;
    if (Result<void> listening = app.listen(); !listening) return listening;
    app.load(std::move(*folder), choice);
    app.run();
  }
  spdlog::shutdown();
  return {};
}

}  // namespace hearth::server
