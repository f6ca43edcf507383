// Who may have one more reply: caps per user, per address and in all, answered at once (DESIGN §3
// step 6, P5), and the overload ladder's second step.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/base/error.h"
#include "server/session/ids.h"
#include "server/session/limits.h"
#include "server/session/overload.h"

namespace hearth::server {

// Counts live replies (running, queued and being prepared). The HTTP routes take their tickets here
// too. Lives on the service's thread; must outlive its tickets.
class Admission {
 public:
  explicit Admission(const ServiceLimits& limits);
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // Gives its place back when destroyed. Movable.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket();

   private:
    friend class Admission;
    Ticket(Admission* owner, UserId user, std::string peer)
        : owner_(owner), user_(user), peer_(std::move(peer)) {}
    Admission* owner_ = nullptr;
    UserId user_;
    std::string peer_;  // empty: it counts for no address
  };

  // Errors: busy (this user's, this address's or the whole server's places are taken, or the ladder
  // is at its second step), shutting_down. A refusal takes no place. This machine's own addresses,
  // and an unknown one, have no cap.
  Result<Ticket> enter(const UserId& user, const std::string& peer = {});

  // From now on enter answers shutting_down.
  void close() { is_closed_ = true; }

  int live() const { return live_; }
  int live_max() const { return total_; }
  int live_of(const UserId& user) const;

  // What is used of limits.memory, from 0 to 1 and above.
  void set_memory(double used_fraction) { overload_.set_memory(used_fraction); }
  double memory_used() const { return overload_.memory(); }
  // The step of the overload ladder that the server is on: 0…3.
  int overload_level() const { return overload_.level(); }

 private:
  std::optional<Error> refusal(const UserId& user, const std::string& peer) const;
  void leave(const UserId& user, const std::string& peer);

  int per_user_;
  int per_address_;
  int total_;
  int live_ = 0;
  bool is_closed_ = false;
  std::unordered_map<UserId, int, IdHash> by_user_;
  std::unordered_map<std::string, int> by_address_;
  Overload overload_;
};

}  // namespace hearth::server
