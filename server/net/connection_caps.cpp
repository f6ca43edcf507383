#include "server/net/connection_caps.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <utility>

#include <arpa/inet.h>
#include <sys/resource.h>

#include "server/net/origin_check.h"

namespace hearth::server {
namespace {

constexpr std::size_t kAddressesMax = 8192;

}  // namespace

ConnectionCaps::ConnectionCaps(const NetLimits& limits, Clock clock)
    : total_max_(connections_allowed(limits.connections)),
      per_address_max_(limits.connections_per_address),
      per_s_(limits.connections_per_s),
      clock_(std::move(clock)) {}

ConnectionCaps::Permit::Permit(ConnectionCaps& owner, std::string address)
    : owner_(owner), address_(std::move(address)) {
  ++owner_.open_;
}

ConnectionCaps::Permit::~Permit() {
  --owner_.open_;
  if (address_.empty()) return;
  if (const auto found = owner_.by_address_.find(address_); found != owner_.by_address_.end())
    --found->second.open;
}

std::unique_ptr<ConnectionCaps::Permit> ConnectionCaps::enter(const std::string& address) {
  if (open_ >= total_max_) return nullptr;
  if (is_loopback(address)) return std::make_unique<Permit>(*this, "");
  const Instant now = clock_.now();
  if (by_address_.size() >= kAddressesMax && !by_address_.contains(address)) forget_the_oldest();
  const auto burst = static_cast<double>(per_address_max_);
  Address& from = by_address_.try_emplace(address, Address{burst, now, 0}).first->second;
  const double seconds = std::chrono::duration<double>(now - from.seen).count();
  from.credit = std::min(burst, from.credit + seconds * per_s_);
  from.seen = now;
  if (from.open >= per_address_max_ || from.credit < 1.0) return nullptr;
  from.credit -= 1.0;
  auto permit = std::make_unique<Permit>(*this, address);
  ++from.open;
  return permit;
}

// Of those that have nothing open: there are always some, for connections are fewer than addresses
// kept.
void ConnectionCaps::forget_the_oldest() {
  auto oldest = by_address_.end();
  for (auto one = by_address_.begin(); one != by_address_.end(); ++one) {
    const bool is_older = oldest == by_address_.end() || one->second.seen < oldest->second.seen;
    if (one->second.open == 0 && is_older) oldest = one;
  }
  if (oldest != by_address_.end()) by_address_.erase(oldest);
}

std::string address_group(const std::string& address) {
  in6_addr parsed{};
  if (is_loopback(address) || inet_pton(AF_INET6, address.c_str(), &parsed) != 1) return address;
  std::fill(std::begin(parsed.s6_addr) + 8, std::end(parsed.s6_addr), std::uint8_t{0});
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &parsed, text.data(), text.size());
  return std::string(text.data()) + "/64";
}

std::size_t connections_allowed(std::size_t configured) {
  constexpr std::size_t kReserved = 128;
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return configured;
  if (files.rlim_cur < files.rlim_max) {  // the soft limit is ours to raise
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_NOFILE, &files);
  }
  const auto limit = static_cast<std::size_t>(files.rlim_cur);
  return std::min(configured, limit > 2 * kReserved ? limit - kReserved : limit / 2);
}

}  // namespace hearth::server
