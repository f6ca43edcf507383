#include "server/cli/start_up.h"

#include <array>
#include <chrono>
#include <utility>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace hearth::server {

std::string machine_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::vector<std::string> network_addresses() {
  std::vector<std::string> addresses;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return addresses;
  for (const ifaddrs* one = list; one; one = one->ifa_next) {
    if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET ||
        (one->ifa_flags & IFF_LOOPBACK) != 0)
      continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const void* const address = &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr;
    if (inet_ntop(AF_INET, address, text.data(), text.size())) addresses.emplace_back(text.data());
  }
  freeifaddrs(list);
  return addresses;
}

void start_logging(const std::string& level) {
  spdlog::init_thread_pool(8192, 1);
  auto logger = spdlog::create_async_nb<spdlog::sinks::stderr_color_sink_mt>("hearth");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  logger->set_level(spdlog::level::from_str(level == "warn" ? "warning" : level));
  spdlog::set_default_logger(std::move(logger));
}

Limits limits_of(const Config& config, bool is_local) {
  Limits limits;
  const auto chosen = [&](int wanted, int alone, int together) {
    return wanted > 0 ? wanted : is_local ? alone : together;
  };
  limits.service.max_tokens = config.limits.max_tokens;
  limits.service.running_per_user = chosen(config.limits.running_per_user, 16, 2);
  limits.service.queued_per_user = chosen(config.limits.queued_per_user, 64, 4);
  limits.service.live_total = config.limits.live;
  limits.service.sockets_total = config.limits.connections;
  limits.service.retention_days = config.retention_days;
  limits.service.drain_timeout = std::chrono::seconds(config.drain_timeout_s);
  return limits;
}

NetLimits net_limits_of(const Config& config) {
  NetLimits limits;
  limits.connections = static_cast<std::size_t>(config.limits.connections);
  limits.connections_per_address = static_cast<std::size_t>(config.limits.connections_per_address);
  return limits;
}

engine::RunnerOptions runner_options(const Config& config) {
  engine::RunnerOptions options;
  options.dtype = config.dtype;
  options.device = config.device;
  options.threads = config.threads;
  options.kv_cache_bytes = config.kv_memory;
  options.max_sequences = config.max_sequences;
  options.context_length = config.context_length;
  if (!config.ephemeral) options.tuning_file = config.data_dir / "tuning.json";
  return options;
}

}  // namespace hearth::server
