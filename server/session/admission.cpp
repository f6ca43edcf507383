#include "server/session/admission.h"

#include <utility>

#include "server/session/peer_budget.h"

namespace hearth::server {
namespace {

template <class Key, class Hash>
int count_of(const std::unordered_map<Key, int, Hash>& counts, const Key& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

template <class Key, class Hash>
void take_one(std::unordered_map<Key, int, Hash>& counts, const Key& key) {
  const auto found = counts.find(key);
  if (--found->second == 0) counts.erase(found);
}

}  // namespace

Admission::Admission(const ServiceLimits& limits)
    : per_user_(limits.running_per_user + limits.queued_per_user),
      per_address_(limits.live_per_address),
      total_(limits.live_total),
      overload_(limits.live_total) {}

Admission::Ticket::Ticket(Ticket&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      user_(other.user_),
      peer_(std::move(other.peer_)) {}

Admission::Ticket& Admission::Ticket::operator=(Ticket&& other) noexcept {
  std::swap(owner_, other.owner_);
  std::swap(user_, other.user_);
  std::swap(peer_, other.peer_);
  return *this;
}

Admission::Ticket::~Ticket() {
  if (owner_) owner_->leave(user_, peer_);
}

std::optional<Error> Admission::refusal(const UserId& user, const std::string& peer) const {
  if (is_closed_) return Error{ErrorCode::shutting_down, "The server is about to restart."};
  if (live_ >= total_)
    return Error{ErrorCode::busy, "The server has as many replies waiting as it takes."};
  if (overload_.level() >= 2)
    return Error{ErrorCode::busy, "The server is at its limit; it takes no new replies just now."};
  if (live_of(user) >= per_user_) {
    return Error{ErrorCode::busy, "You have " + std::to_string(per_user_) +
                                      " replies running or waiting; wait for one of them to end."};
  }
  if (!peer.empty() && count_of(by_address_, peer) >= per_address_) {
    return Error{ErrorCode::busy, "From your address " + std::to_string(per_address_) +
                                      " replies are running or waiting; that is the most."};
  }
  return std::nullopt;
}

Result<Admission::Ticket> Admission::enter(const UserId& user, const std::string& peer) {
  const std::string address = is_unbounded(peer) ? std::string() : peer;
  if (auto reason = refusal(user, address)) return tl::unexpected(std::move(*reason));
  ++by_user_[user];
  if (!address.empty()) ++by_address_[address];
  overload_.set_live(++live_);
  return Ticket(this, user, address);
}

int Admission::live_of(const UserId& user) const { return count_of(by_user_, user); }

void Admission::leave(const UserId& user, const std::string& peer) {
  overload_.set_live(--live_);
  take_one(by_user_, user);
  if (!peer.empty()) take_one(by_address_, peer);
}

}  // namespace hearth::server
