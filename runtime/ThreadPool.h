// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The threads behind `parallel` of the ABI: the caller plus N-1 workers. A region's items are handed out in chunks by
// an atomic counter; items are independent, so no result depends on who ran what. Workers spin for a few dozen
// microseconds between regions, then sleep.
#pragma once

#include "runtime/ABI.h"
#include "runtime/Support/Memory.h"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace mblm::rt {

int availableThreads(); // CPUs this process may use

class ThreadPool {
public:
  explicit ThreadPool(int threads); // at least 1; the caller is one of them
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int threads() const { return int(workers.size()) + 1; }
  // Gives every thread at least this many floats of scratch. Call between regions.
  void reserveScratch(int64_t floats);
  // What the scratch of all threads is charged for.
  int64_t scratchBytes() const;
  void run(MblmKernel kernel, void *args, int64_t items);
  // `run` in the ABI's form: `pool` is a ThreadPool.
  static void parallel(void *pool, MblmKernel kernel, void *args, int64_t items) {
    static_cast<ThreadPool *>(pool)->run(kernel, args, items);
  }

private:
  // `gate` is epoch << 16 | open << 15 | joined workers. A worker may join only while the region is open; the caller
  // closes it when all items are handed out and nobody is inside, so a sleeping worker never delays a small region.
  static constexpr uint64_t openBit = 1 << 15;

  void work(int index);
  void takeChunks(float *own);
  uint64_t awaitRegion(uint64_t lastEpoch);
  void wakeSleepers();

  std::vector<std::thread> workers;
  std::vector<Buffer> scratch; // one per thread, the caller's first
  bool spin = true;

  // The region; written by the caller before the gate opens.
  MblmKernel kernel = nullptr;
  void *args = nullptr;
  int64_t items = 0;
  alignas(64) std::atomic<int64_t> next{0};
  alignas(64) std::atomic<uint64_t> gate{0};
  alignas(64) std::atomic<uint32_t> bell{0}; // futex word, rung for every region
  std::atomic<int> sleepers{0};
  std::atomic<bool> stopping{false};
};

} // namespace mblm::rt
