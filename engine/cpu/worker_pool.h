// The threads of CpuDecoder: worker 0 is the engine thread itself, the others wait between regions.
//
// A step is a row of short parallel regions with a barrier after each. A waiting worker spins for
// some tens of microseconds (the next region usually follows at once) and then parks in the kernel,
// so a quiet server uses no CPU and a busy neighbour gets the core. Nobody waits for a worker that
// has no core: who comes after the last piece was taken finds the region closed, and the others do
// its share.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace hearth::engine::cpu {

// Used by one thread, the engine's, which is worker 0 of every region.
class WorkerPool {
 public:
  // num_workers ≥ 1, the caller included.
  explicit WorkerPool(int num_workers);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  int size() const { return static_cast<int>(threads_.size()) + 1; }

  // Runs body(begin, end, worker) over [0, count) in pieces of at most `grain` items; returns when
  // all are done. What an item computes must not depend on who computes it. body must not throw.
  //
  // Each worker begins with its own share, from the front; who has finished takes pieces from the
  // back of another's. Pieces shrink as a share runs out, so that all end together. Shares and
  // pieces begin at multiples of `unit`, which divides grain.
  template <class Body>
  void for_each(std::int64_t count, std::int64_t grain, const Body& body, std::int64_t unit = 1) {
    if (count <= 0) return;
    if (threads_.empty() || count <= grain) {
      for (std::int64_t begin = 0; begin < count; begin += grain)
        body(begin, std::min(count, begin + grain), 0);
      return;
    }
    count_ = count;
    grain_ = grain;
    unit_ = unit;
    for (int worker = 0; worker < size(); ++worker) {
      const auto [begin, end] = share(count, worker, unit);
      shares_[static_cast<std::size_t>(worker)].left.store(packed(begin / unit, units(end, unit)),
                                                           std::memory_order_relaxed);
    }
    run({&invoke<Body>, this, &body});
  }

  // The items [begin, end) that are the worker's own in for_each(count, …, unit).
  struct Range {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  Range share(std::int64_t count, int worker, std::int64_t unit = 1) const {
    const std::int64_t all = units(count, unit);
    return {std::min(count, all * worker / size() * unit),
            std::min(count, all * (worker + 1) / size() * unit)};
  }

 private:
  struct Task {
    void (*call)(WorkerPool* pool, const void* body, int worker) = nullptr;
    WorkerPool* pool = nullptr;
    const void* body = nullptr;
  };

  // The units of a share that nobody has taken yet: first in the low half, end in the high half.
  struct alignas(64) Share {
    std::atomic<std::uint64_t> left{0};
  };

  static std::int64_t units(std::int64_t items, std::int64_t unit) {
    return (items + unit - 1) / unit;
  }
  static std::uint64_t packed(std::int64_t first, std::int64_t end) {
    return static_cast<std::uint64_t>(first) | static_cast<std::uint64_t>(end) << 32;
  }

  template <class Body>
  static void invoke(WorkerPool* pool, const void* body, int worker) {
    for (int i = 0; i < pool->size(); ++i) {
      const int owner = (worker + i) % pool->size();
      for (Range piece = pool->take(owner, worker); piece.begin < piece.end;
           piece = pool->take(owner, worker))
        (*static_cast<const Body*>(body))(piece.begin, piece.end, worker);
    }
  }

  // The worker's next piece of the owner's share; empty when nothing is left.
  Range take(int owner, int worker);
  void run(Task task);
  void work(int worker);
  bool join();
  void leave();

  Task task_;  // written while the gate is closed and nobody is inside, read inside
  std::int64_t count_ = 0;
  std::int64_t grain_ = 1;
  std::int64_t unit_ = 1;
  std::vector<Share> shares_;                        // [size()]
  alignas(64) std::atomic<std::uint32_t> epoch_{0};  // raised to call the workers
  alignas(64) std::atomic<std::uint32_t> gate_{0};   // kOpen, and how many workers are inside
  std::atomic<bool> stopping_{false};
  std::vector<std::jthread> threads_;
};

}  // namespace hearth::engine::cpu
