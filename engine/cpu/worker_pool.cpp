#include "engine/cpu/worker_pool.h"

#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hearth::engine::cpu {
namespace {

constexpr std::uint32_t kOpen = 1U << 31;
constexpr auto kSpin = std::chrono::microseconds(40);

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Waits until value differs from old: spins for kSpin, then sleeps in the kernel.
template <class T>
T wait_for_change(const std::atomic<T>& value, T old) {
  const auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      const T now = value.load(std::memory_order_acquire);
      if (now != old) return now;
      pause_briefly();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

WorkerPool::WorkerPool(int num_workers) : shares_(static_cast<std::size_t>(num_workers)) {
  for (int worker = 1; worker < num_workers; ++worker) {
    threads_.emplace_back([this, worker] { work(worker); });
  }
}

WorkerPool::~WorkerPool() {
  stopping_.store(true, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
}

void WorkerPool::run(Task task) {
  task_ = task;
  gate_.store(kOpen, std::memory_order_release);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  task.call(task.pool, task.body, 0);
  std::uint32_t inside = gate_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
  while (inside != 0) inside = wait_for_change(gate_, inside);
}

WorkerPool::Range WorkerPool::take(int owner, int worker) {
  std::atomic<std::uint64_t>& share = shares_[static_cast<std::size_t>(owner)].left;
  std::uint64_t left = share.load(std::memory_order_relaxed);
  for (;;) {
    const auto first = static_cast<std::int64_t>(left & 0xFFFFFFFFU);
    const auto end = static_cast<std::int64_t>(left >> 32);
    if (first == end) return {};
    const std::int64_t count =
        std::clamp<std::int64_t>((end - first) / 2, 1, std::max<std::int64_t>(1, grain_ / unit_));
    const Range taken = owner == worker ? Range{first, first + count} : Range{end - count, end};
    const std::uint64_t rest =
        owner == worker ? packed(taken.end, end) : packed(first, taken.begin);
    if (!share.compare_exchange_weak(left, rest, std::memory_order_relaxed)) continue;
    return {taken.begin * unit_, std::min(count_, taken.end * unit_)};
  }
}

bool WorkerPool::join() {
  std::uint32_t gate = gate_.load(std::memory_order_relaxed);
  while ((gate & kOpen) != 0) {
    if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acquire)) return true;
  }
  return false;
}

void WorkerPool::leave() {
  if (gate_.fetch_sub(1, std::memory_order_release) == 1) gate_.notify_one();
}

void WorkerPool::work(int worker) {
  std::uint32_t seen = 0;
  for (;;) {
    seen = wait_for_change(epoch_, seen);
    if (stopping_.load(std::memory_order_relaxed)) return;
    if (!join()) continue;
    task_.call(task_.pool, task_.body, worker);
    leave();
  }
}

}  // namespace hearth::engine::cpu
