#include "engine/runtime/fair_queue.h"

#include <algorithm>
#include <queue>
#include <vector>

#include "engine/base/check.h"

namespace hearth::engine {
namespace {

bool is_older(const Sequence* a, const Sequence* b) { return a->order < b->order; }

}  // namespace

void FairQueue::add(Sequence& sequence) {
  const double level = lift_level();
  User& user = users_[sequence.request.user];
  if (user.waiting.empty()) user.counter = std::max(user.counter, level);
  user.waiting.insert(std::ranges::upper_bound(user.waiting, &sequence, is_older), &sequence);
  ++num_waiting_;
}

const FairQueue::User* FairQueue::pick(Of whom) const {
  const User* best = nullptr;
  const double level = lift_level();
  const auto is_newcomer = [level](const User& user) {
    return user.num_running == 0 && user.counter <= level;
  };
  const auto is_before = [&](const User& a, const User& b) {
    const bool a_starves = a.num_passed_over >= kPassedOverMax;
    const bool b_starves = b.num_passed_over >= kPassedOverMax;
    if (a_starves != b_starves) return a_starves;
    if (!a_starves && is_newcomer(a) != is_newcomer(b)) return is_newcomer(a);
    if (!a_starves && a.counter != b.counter) return a.counter < b.counter;
    return is_older(a.waiting.front(), b.waiting.front());
  };
  for (const auto& [key, user] : users_) {
    if (user.waiting.empty() || user.waiting.front()->is_held_back) continue;
    if (whom == Of::newcomers && !is_newcomer(user)) continue;
    if (best == nullptr || is_before(user, *best)) best = &user;
  }
  return best;
}

Sequence* FairQueue::next(Of whom) const {
  const User* user = pick(whom);
  return user == nullptr ? nullptr : user->waiting.front();
}

void FairQueue::admitted(Sequence& sequence) {
  User& user = users_.at(sequence.request.user);
  CHECK(!user.waiting.empty());
  CHECK(user.waiting.front() == &sequence);
  virtual_time_ = std::max(virtual_time_, user.counter);
  user.waiting.pop_front();
  --num_waiting_;
  ++user.num_running;
  for (auto& [key, other] : users_) {
    if (!other.waiting.empty()) ++other.num_passed_over;
  }
  user.num_passed_over = 0;
}

void FairQueue::remove_waiting(Sequence& sequence) {
  User& user = users_.at(sequence.request.user);
  const auto place = std::ranges::find(user.waiting, &sequence);
  CHECK(place != user.waiting.end());
  user.waiting.erase(place);
  --num_waiting_;
  if (user.waiting.empty()) user.num_passed_over = 0;
  forget_idle(sequence.request.user);
}

void FairQueue::finished(Sequence& sequence) {
  User& user = users_.at(sequence.request.user);
  CHECK(user.num_running > 0);
  --user.num_running;
  forget_idle(sequence.request.user);
}

void FairQueue::preempted(Sequence& sequence) {
  --users_.at(sequence.request.user).num_running;
  add(sequence);
}

void FairQueue::charge(const Sequence& sequence, double tokens) {
  users_.at(sequence.request.user).counter += tokens / sequence.request.weight;
}

double FairQueue::counter(UserKey user) const {
  const auto entry = users_.find(user);
  return entry == users_.end() ? 0.0 : entry->second.counter;
}

std::int64_t FairQueue::num_running(UserKey user) const {
  const auto entry = users_.find(user);
  return entry == users_.end() ? 0 : entry->second.num_running;
}

void FairQueue::visit_in_order(const std::function<void(Sequence&, std::int32_t)>& visit) const {
  struct Next {
    double counter;
    const User* user;
    std::size_t index;
  };
  const auto is_later = [](const Next& a, const Next& b) {
    if (a.counter != b.counter) return a.counter > b.counter;
    return is_older(b.user->waiting[b.index], a.user->waiting[a.index]);
  };
  std::priority_queue<Next, std::vector<Next>, decltype(is_later)> turns(is_later);
  for (const auto& [key, user] : users_) {
    if (!user.waiting.empty()) turns.push({user.counter, &user, 0});
  }
  for (std::int32_t ahead = 0; !turns.empty(); ++ahead) {
    Next turn = turns.top();
    turns.pop();
    Sequence& sequence = *turn.user->waiting[turn.index];
    visit(sequence, ahead);
    if (++turn.index == turn.user->waiting.size()) continue;
    turn.counter +=
        kPromptPrice * static_cast<double>(sequence.num_left()) / sequence.request.weight;
    turns.push(turn);
  }
}

// The level a returning user is lifted to: the least-served of those who wait, or of the one served
// last.
double FairQueue::lift_level() const {
  double level = virtual_time_;
  bool is_first = true;
  for (const auto& [key, user] : users_) {
    if (user.waiting.empty()) continue;
    level = is_first ? user.counter : std::min(level, user.counter);
    is_first = false;
  }
  return level;
}

// An idle user at or below the level would be lifted to it anyway: nothing is lost by forgetting.
// When nobody is active at all, every debt is void, because nobody was kept waiting by it.
void FairQueue::forget_idle(UserKey key) {
  const auto is_idle = [](const User& user) {
    return user.waiting.empty() && user.num_running == 0;
  };
  if (!is_idle(users_.at(key))) return;
  if (std::ranges::all_of(users_, [&](const auto& entry) { return is_idle(entry.second); })) {
    users_.clear();
    return;
  }
  const double level = lift_level();
  std::erase_if(users_, [&](const auto& entry) {
    return is_idle(entry.second) && entry.second.counter <= level;
  });
  const auto num_idle =
      std::ranges::count_if(users_, [&](const auto& e) { return is_idle(e.second); });
  if (static_cast<std::size_t>(num_idle) <= kIdleUsersMax) return;
  auto least = users_.end();
  for (auto entry = users_.begin(); entry != users_.end(); ++entry) {
    if (!is_idle(entry->second)) continue;
    if (least == users_.end() || entry->second.counter < least->second.counter) least = entry;
  }
  users_.erase(least);
}

}  // namespace hearth::engine
