// How many sockets may be open, in all and from one address, and how fast one address may open them
// (reliability §1.3).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "server/net/net_limits.h"
#include "server/session/clock.h"

namespace hearth::server {

// Loop thread. Must outlive its permits.
class ConnectionCaps {
 public:
  // The cap over all is limits.connections, or what the process may open (connections_allowed).
  ConnectionCaps(const NetLimits& limits, Clock clock);

  // Gives its place back when destroyed.
  class Permit {
   public:
    Permit(ConnectionCaps& owner, std::string address);
    ~Permit();
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;

   private:
    ConnectionCaps& owner_;
    std::string address_;
  };

  // Null at a cap. Those per address do not hold for loopback: a proxy on this machine speaks for
  // everybody.
  std::unique_ptr<Permit> enter(const std::string& address);

  std::size_t open() const { return open_; }
  std::size_t open_max() const { return total_max_; }

 private:
  struct Address {
    double credit = 0.0;  // sockets that it may open now
    Instant seen;
    std::size_t open = 0;
  };
  void forget_the_oldest();

  std::size_t total_max_;
  std::size_t per_address_max_;
  double per_s_;
  Clock clock_;
  std::size_t open_ = 0;
  std::unordered_map<std::string, Address> by_address_;  // also some that have nothing open now
};

// What counts as one address: of IPv6 its first 64 bits, which are one machine's or one home's.
// Loopback stays what it is.
std::string address_group(const std::string& address);

// The configured number, or fewer where the process may not open so many files; 128 are kept for
// everything else.
std::size_t connections_allowed(std::size_t configured);

}  // namespace hearth::server
