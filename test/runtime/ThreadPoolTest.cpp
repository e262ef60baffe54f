// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every item once, whatever the number of threads and of items; scratch that no two threads share.
#include "runtime/ThreadPool.h"

#include <chrono>
#include <gtest/gtest.h>
#include <set>

namespace mblm::rt {

namespace {

struct Counters {
  std::vector<std::atomic<int>> *hits;
};

void countItems(void *args, int64_t begin, int64_t end, float *) {
  auto &hits = *static_cast<Counters *>(args)->hits;
  for (int64_t i = begin; i < end; ++i) {
    hits[i].fetch_add(1);
  }
}

// Marks its scratch, works a while, and finds the mark again unless another thread shares the scratch.
void markScratch(void *args, int64_t begin, int64_t end, float *scratch) {
  auto *clashes = static_cast<std::atomic<int> *>(args);
  scratch[99] = float(begin);
  auto start = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - start < std::chrono::microseconds(200)) {
  }
  *clashes += scratch[99] != float(begin) || reinterpret_cast<uintptr_t>(scratch) % 64 != 0;
}

} // namespace

TEST(ThreadPool, RunsEveryItemOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (int64_t items : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> hits(items + 1);
      Counters counters{&hits};
      ThreadPool::parallel(&pool, countItems, &counters, items);
      for (int64_t i = 0; i < items; ++i) {
        EXPECT_EQ(hits[i], 1) << "item " << i << " of " << items << " on " << threads << " threads";
      }
      EXPECT_EQ(hits[items], 0);
    }
  }
}

TEST(ThreadPool, ManyRegionsInARowAndAfterSleep) {
  ThreadPool pool(3);
  std::vector<std::atomic<int>> hits(64);
  Counters counters{&hits};
  for (int round = 0; round < 3; ++round) {
    for (int region = 0; region < 500; ++region) {
      pool.run(countItems, &counters, 64);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2)); // longer than workers spin
  }
  for (auto &hit : hits) {
    EXPECT_EQ(hit, 1500);
  }
}

TEST(ThreadPool, ScratchBelongsToOneThread) {
  ThreadPool pool(4);
  pool.reserveScratch(100);
  std::atomic<int> clashes = 0;
  pool.run(markScratch, &clashes, 64);
  EXPECT_EQ(clashes, 0);
}

TEST(ThreadPool, OneThreadNeedsNoWorker) {
  ThreadPool pool(1);
  std::thread::id seen;
  pool.run(
      [](void *args, int64_t, int64_t, float *) { *static_cast<std::thread::id *>(args) = std::this_thread::get_id(); },
      &seen, 3);
  EXPECT_EQ(seen, std::this_thread::get_id());
}

} // namespace mblm::rt
