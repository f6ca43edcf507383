#include "server/session/admission.h"

#include <utility>

namespace hearth::server {

Admission::Admission(const ServiceLimits& limits)
    : per_user_(limits.running_per_user + limits.queued_per_user),
      total_(limits.live_total),
      overload_(limits.live_total) {}

Admission::Ticket::Ticket(Ticket&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), user_(other.user_) {}

Admission::Ticket& Admission::Ticket::operator=(Ticket&& other) noexcept {
  std::swap(owner_, other.owner_);
  std::swap(user_, other.user_);
  return *this;
}

Admission::Ticket::~Ticket() {
  if (owner_) owner_->leave(user_);
}

std::optional<Error> Admission::refusal(const UserId& user) const {
  if (is_closed_) return Error{ErrorCode::shutting_down, "The server is about to restart."};
  if (live_ >= total_)
    return Error{ErrorCode::busy, "The server has as many replies waiting as it takes."};
  if (overload_.level() >= 2)
    return Error{ErrorCode::busy, "The server is at its limit; it takes no new replies just now."};
  if (live_of(user) >= per_user_) {
    return Error{ErrorCode::busy, "You have " + std::to_string(per_user_) +
                                      " replies running or waiting; wait for one of them to end."};
  }
  return std::nullopt;
}

Result<Admission::Ticket> Admission::enter(const UserId& user) {
  if (auto reason = refusal(user)) return tl::unexpected(std::move(*reason));
  ++by_user_[user];
  overload_.set_live(++live_);
  return Ticket(this, user);
}

int Admission::live_of(const UserId& user) const {
  const auto found = by_user_.find(user);
  return found == by_user_.end() ? 0 : found->second;
}

void Admission::leave(const UserId& user) {
  overload_.set_live(--live_);
  const auto found = by_user_.find(user);
  if (--found->second == 0) by_user_.erase(found);
}

}  // namespace hearth::server
