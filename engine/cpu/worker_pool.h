// The threads of CpuDecoder: worker 0 is the engine thread itself, the others wait between regions.
//
// A step is a row of short parallel regions with a barrier after each. A waiting worker spins for
// some tens of microseconds (the next region usually follows at once) and then parks in the kernel,
// so a quiet server uses no CPU and a busy neighbour gets the core. Nobody waits for a worker that
// has no core: who comes after the last piece was taken finds the region closed, and the engine
// thread does alone what nobody helps it with.
#pragma once

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

  // Runs body(begin, end, worker) over [0, count) in pieces of at most `grain` items, handed out as
  // workers come for them; returns when all are done. What an item computes must not depend on who
  // computes it. body must not throw.
  template <class Body>
  void for_each(std::int64_t count, std::int64_t grain, const Body& body) {
    if (count <= 0) return;
    if (threads_.empty() || count <= grain) return body(std::int64_t{0}, count, 0);
    count_ = count;
    grain_ = grain;
    next_.store(0, std::memory_order_relaxed);
    run({&invoke<Body>, this, &body});
  }

 private:
  struct Task {
    void (*call)(WorkerPool* pool, const void* body, int worker) = nullptr;
    WorkerPool* pool = nullptr;
    const void* body = nullptr;
  };

  template <class Body>
  static void invoke(WorkerPool* pool, const void* body, int worker) {
    for (;;) {
      const std::int64_t begin = pool->next_.fetch_add(pool->grain_, std::memory_order_relaxed);
      if (begin >= pool->count_) return;
      const std::int64_t end =
          begin + pool->grain_ < pool->count_ ? begin + pool->grain_ : pool->count_;
      (*static_cast<const Body*>(body))(begin, end, worker);
    }
  }

  void run(Task task);
  void work(int worker);
  bool join();
  void leave();

  Task task_;  // written while the gate is closed and nobody is inside, read inside
  std::int64_t count_ = 0;
  std::int64_t grain_ = 1;
  alignas(64) std::atomic<std::int64_t> next_{0};
  alignas(64) std::atomic<std::uint32_t> epoch_{0};  // raised to call the workers
  alignas(64) std::atomic<std::uint32_t> gate_{0};   // kOpen, and how many workers are inside
  std::atomic<bool> stopping_{false};
  std::vector<std::jthread> threads_;
};

}  // namespace hearth::engine::cpu
