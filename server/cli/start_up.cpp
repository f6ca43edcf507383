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
#include <sys/statvfs.h>
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
  Limits limits = config.limits;
  ServiceLimits& service = limits.service;
  if (service.running_per_user == 0) service.running_per_user = is_local ? 16 : 2;
  if (service.queued_per_user == 0) service.queued_per_user = is_local ? 64 : 4;
  service.sockets_total = static_cast<int>(config.net.connections);
  service.any_model = config.any_model;
  service.retention_days = config.retention_days;
  service.drain_timeout = std::chrono::seconds(config.drain_timeout_s);
  return limits;
}

Result<std::optional<Certificate>> open_certificate(const Config& config) {
  if (!config.tls) return std::nullopt;
  if (!config.tls_cert.empty()) return read_certificate(config.tls_cert, config.tls_key);
  std::vector<std::string> names = network_addresses();
  const std::string machine = machine_name();
  for (const std::string& name : {std::string("localhost"), std::string("127.0.0.1"),
                                  std::string("::1"), machine, machine + ".local"})
    names.push_back(name);
  names.insert(names.end(), config.allow_host.begin(), config.allow_host.end());
  return own_certificate(config.ephemeral ? std::filesystem::path() : config.data_dir / "tls",
                         names);
}

std::int64_t disk_free_bytes(const std::filesystem::path& data_dir) {
  std::filesystem::path folder = std::filesystem::absolute(data_dir);
  struct statvfs disk = {};
  while (statvfs(folder.c_str(), &disk) != 0) {
    if (!folder.has_relative_path()) return -1;
    folder = folder.parent_path();
  }
  return static_cast<std::int64_t>(disk.f_bavail) * static_cast<std::int64_t>(disk.f_frsize);
}

Result<void> check_disk(const Config& config) {
  const std::int64_t left = disk_free_bytes(config.data_dir);
  if (config.ephemeral || left < 0 || left >= config.disk_free) return {};
  return fail(ErrorCode::io_error,
              "The disk of the data folder " + config.data_dir.string() + " has " +
                  std::to_string(left >> 20) + " MiB left, and disk_free asks for " +
                  std::to_string(config.disk_free >> 20) +
                  " MiB: make room, or choose another folder with --data-dir.");
}

engine::RunnerOptions runner_options(const Config& config) {
  engine::RunnerOptions options;
  options.dtype = config.dtype;
  options.kv_dtype = config.kv_dtype;
  options.device = config.device;
  options.threads = config.threads;
  options.kv_cache_bytes = config.kv_memory;
  options.max_sequences = config.max_sequences;
  options.context_length = config.context_length;
  if (!config.ephemeral) options.tuning_file = config.data_dir / "tuning.json";
  return options;
}

}  // namespace hearth::server
