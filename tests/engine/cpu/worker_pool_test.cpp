#include "engine/cpu/worker_pool.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace hearth::engine::cpu {
namespace {

TEST(WorkerPool, GivesEveryItemToExactlyOneWorker) {
  for (const int workers : {1, 2, 5}) {
    WorkerPool pool(workers);
    for (const std::int64_t count : {0, 1, 2, 7, 64, 1000}) {
      for (const std::int64_t grain : {1, 3, 2000}) {
        std::vector<std::atomic<int>> taken(static_cast<std::size_t>(count));
        pool.for_each(count, grain, [&](std::int64_t begin, std::int64_t end, int worker) {
          EXPECT_GE(worker, 0);
          EXPECT_LT(worker, workers);
          EXPECT_LE(end - begin, grain);
          for (std::int64_t i = begin; i < end; ++i)
            taken[static_cast<std::size_t>(i)].fetch_add(1);
        });
        for (const auto& times : taken) EXPECT_EQ(times.load(), 1);
      }
    }
  }
}

TEST(WorkerPool, WhatOneRegionWroteTheNextOneReads) {
  WorkerPool pool(3);
  std::vector<std::int64_t> values(512, 0);
  for (std::int64_t round = 0; round < 2000; ++round) {
    pool.for_each(512, 16, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        EXPECT_EQ(values[static_cast<std::size_t>(511 - i)], round);
      }
    });
    pool.for_each(512, 16, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) values[static_cast<std::size_t>(i)] = round + 1;
    });
  }
  for (const std::int64_t value : values) EXPECT_EQ(value, 2000);
}

TEST(WorkerPool, SharesAreWholeUnitsAndCoverEverything) {
  WorkerPool pool(3);
  for (const std::int64_t count : {1, 2, 5, 12, 37}) {
    for (const std::int64_t unit : {1, 2, 4}) {
      std::int64_t at = 0;
      for (int worker = 0; worker < 3; ++worker) {
        const auto [begin, end] = pool.share(count, worker, unit);
        EXPECT_EQ(begin, at);
        EXPECT_EQ(begin % unit, 0);
        at = end;
      }
      EXPECT_EQ(at, count);
    }
  }
}

TEST(WorkerPool, PiecesAreWholeUnits) {
  WorkerPool pool(2);
  std::vector<std::atomic<int>> taken(37);
  pool.for_each(
      37, 4,
      [&](std::int64_t begin, std::int64_t end, int) {
        EXPECT_EQ(begin % 2, 0);
        EXPECT_TRUE(end % 2 == 0 || end == 37);
        EXPECT_LE(end - begin, 4);
        for (std::int64_t i = begin; i < end; ++i) taken[static_cast<std::size_t>(i)].fetch_add(1);
      },
      2);
  for (const auto& times : taken) EXPECT_EQ(times.load(), 1);
}

TEST(WorkerPool, OthersDoTheShareOfAWorkerThatIsHeldUp) {
  WorkerPool pool(2);
  std::atomic<int> done{0};
  pool.for_each(100, 1, [&](std::int64_t begin, std::int64_t, int) {
    // Item 0 ends last, whoever has it, though half of all are in its worker's share.
    if (begin == 0) {
      while (done.load() < 99) std::this_thread::yield();
    }
    done.fetch_add(1);
  });
  EXPECT_EQ(done.load(), 100);
}

TEST(WorkerPool, EndsWithoutEverHavingWorked) { WorkerPool pool(4); }

}  // namespace
}  // namespace hearth::engine::cpu
