#include "server/session/peer_budget.h"

#include <algorithm>
#include <utility>

namespace hearth::server {

bool is_unbounded(const std::string& peer) {
  return peer.empty() || peer.starts_with("127.") || peer == "::1";
}

PeerBudget::PeerBudget(double per_second, double burst, Clock clock)
    : per_second_(per_second), burst_(burst), clock_(std::move(clock)) {}

void PeerBudget::forget_the_oldest() {
  const auto oldest =
      std::min_element(by_peer_.begin(), by_peer_.end(),
                       [](const auto& a, const auto& b) { return a.second.seen < b.second.seen; });
  by_peer_.erase(oldest);
}

PeerBudget::Bucket& PeerBudget::bucket_of(const std::string& peer) {
  const Instant now = clock_.now();
  if (by_peer_.size() >= kPeersMax && !by_peer_.contains(peer)) forget_the_oldest();
  Bucket& bucket = by_peer_.try_emplace(peer, Bucket{burst_, now}).first->second;
  const double seconds = std::chrono::duration<double>(now - bucket.seen).count();
  bucket.left = std::min(burst_, bucket.left + seconds * per_second_);
  bucket.seen = now;
  return bucket;
}

bool PeerBudget::has(const std::string& peer) {
  return is_unbounded(peer) || bucket_of(peer).left >= 1.0;
}

bool PeerBudget::take(const std::string& peer) {
  if (is_unbounded(peer)) return true;
  Bucket& bucket = bucket_of(peer);
  if (bucket.left < 1.0) return false;
  bucket.left -= 1.0;
  return true;
}

}  // namespace hearth::server
