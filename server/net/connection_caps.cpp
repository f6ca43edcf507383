#include "server/net/connection_caps.h"

#include <algorithm>
#include <utility>

#include <sys/resource.h>

#include "server/net/origin_check.h"

namespace hearth::server {

ConnectionCaps::ConnectionCaps(std::size_t total_max, std::size_t per_address_max)
    : total_max_(total_max), per_address_max_(per_address_max) {}

ConnectionCaps::Permit::Permit(ConnectionCaps& owner, std::string address)
    : owner_(owner), address_(std::move(address)) {
  ++owner_.open_;
  ++owner_.by_address_[address_];
}

ConnectionCaps::Permit::~Permit() {
  --owner_.open_;
  const auto found = owner_.by_address_.find(address_);
  if (--found->second == 0) owner_.by_address_.erase(found);
}

std::unique_ptr<ConnectionCaps::Permit> ConnectionCaps::enter(const std::string& address) {
  if (open_ >= total_max_) return nullptr;
  const auto found = by_address_.find(address);
  if (found != by_address_.end() && found->second >= per_address_max_ && !is_loopback(address))
    return nullptr;
  return std::make_unique<Permit>(*this, address);
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
