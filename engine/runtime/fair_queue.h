// Whose turn it is: virtual token counters ("Fairness in Serving Large Language Models", Sheng et
// al. 2024, arXiv 2401.00588).
//
// Every user has a counter of the service received, divided by the user's weight. The waiting user
// with the smallest counter is next; one user's own requests keep their order. A user who comes
// back is lifted to the least-served waiting user, so that idle time is no credit. An aging guard
// takes a user first who was passed over kPassedOverMax times, which only an endless supply of new
// users can bring about.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>

#include "engine/runtime/request.h"
#include "engine/runtime/sequence.h"

namespace hearth::engine {

// Engine thread only. Holds pointers to waiting sequences, which their owner must remove before
// they go.
class FairQueue {
 public:
  static constexpr std::int64_t kPassedOverMax = 256;
  static constexpr std::size_t kIdleUsersMax =
      4096;  // beyond it the least indebted idle users are forgotten
  static constexpr double kPromptPrice = 1.0;
  static constexpr double kProducedPrice = 2.0;

  void add(Sequence& sequence);  // a new request, or a preempted one: back to its place by age
  // The one to admit; nullptr when nobody waits but users whose first is held back. Newcomers have
  // nothing running and are the least served of those who wait.
  enum class Of { everybody, newcomers };
  Sequence* next(Of whom = Of::everybody) const;
  void admitted(Sequence& sequence);        // it leaves the queue and runs
  void remove_waiting(Sequence& sequence);  // cancelled while it waited
  void finished(Sequence& sequence);        // was admitted and has ended
  void preempted(Sequence& sequence);       // was admitted, waits again

  void charge(const Sequence& sequence,
              double tokens);          // of kPromptPrice or kProducedPrice each, over the weight
  double counter(UserKey user) const;  // 0 for a forgotten user

  std::int64_t num_waiting() const { return num_waiting_; }
  std::int64_t num_running(UserKey user) const;
  std::size_t num_users_known() const { return users_.size(); }

  // Calls visit(sequence, requests ahead) for everyone who waits, in the order of admission if
  // nothing else came.
  void visit_in_order(const std::function<void(Sequence&, std::int32_t)>& visit) const;

 private:
  struct User {
    double counter = 0.0;
    std::deque<Sequence*> waiting;  // oldest first
    std::int64_t num_running = 0;
    std::int64_t num_passed_over = 0;  // admissions of others since this user waits
  };

  const User* pick(Of whom) const;
  double lift_level() const;
  void forget_idle(UserKey user);

  std::map<UserKey, User> users_;  // everyone active, and idle users whose debt still counts
  std::int64_t num_waiting_ = 0;
  double virtual_time_ = 0.0;  // the counter of the user admitted last; never falls
};

}  // namespace hearth::engine
