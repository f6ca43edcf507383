// How often one address may do something: a token bucket for each.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "server/session/clock.h"
#include "server/session/rate_limit.h"

namespace hearth::server {

// This machine's own, or not known: a proxy on this machine speaks for everybody.
bool is_unbounded(const std::string& peer);

// One thread. This machine's own addresses have no bound: a proxy on it speaks for everybody. Nor
// has an address that is not known.
class PeerBudget {
 public:
  PeerBudget(double per_second, double burst, Clock clock);

  // False: nothing is left now.
  bool has(const std::string& peer);
  // Takes one, if one is left; else false.
  bool take(const std::string& peer);

  static constexpr std::size_t kPeersMax = 4096;  // one more takes the place of the oldest

 private:
  struct Bucket {
    double left = 0.0;
    Instant seen{};
  };
  Bucket& bucket_of(const std::string& peer);
  void forget_the_oldest();

  double per_second_;
  double burst_;
  Clock clock_;
  std::unordered_map<std::string, Bucket> by_peer_;
};

}  // namespace hearth::server
