// How many sockets may be open, in all and from one address (reliability §1.3).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

namespace hearth::server {

// Loop thread. Must outlive its permits.
class ConnectionCaps {
 public:
  ConnectionCaps(std::size_t total_max, std::size_t per_address_max);

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

  // Null at a cap. The cap per address does not hold for loopback: a proxy on this machine speaks
  // for everybody.
  std::unique_ptr<Permit> enter(const std::string& address);

  std::size_t open() const { return open_; }

 private:
  std::size_t total_max_;
  std::size_t per_address_max_;
  std::size_t open_ = 0;
  std::unordered_map<std::string, std::size_t> by_address_;
};

// The configured number, or fewer where the process may not open so many files; 128 are kept for
// everything else.
std::size_t connections_allowed(std::size_t configured);

}  // namespace hearth::server
