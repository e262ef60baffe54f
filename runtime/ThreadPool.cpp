// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See the header for the protocol. Sleeping uses the futex system call directly: a condition variable would take a lock
// per region.
#include "runtime/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <linux/futex.h>
#include <sched.h>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

namespace mblm::rt {

using Clock = std::chrono::steady_clock;
static constexpr auto spinTime = std::chrono::microseconds(40);

static void pauseBriefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

int availableThreads() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    return std::max(1, CPU_COUNT(&set));
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

ThreadPool::ThreadPool(int threads) : scratch(std::max(1, threads)) {
  // With more threads than CPUs a spinning thread only takes the place of a working one.
  spin = threads <= availableThreads();
  for (int i = 1; i < threads; ++i) {
    workers.emplace_back([this, i] { work(i); });
  }
}

ThreadPool::~ThreadPool() {
  stopping = true;
  wakeSleepers();
  for (std::thread &worker : workers) {
    worker.join();
  }
}

void ThreadPool::reserveScratch(int64_t floats) {
  for (Buffer &buffer : scratch) {
    growBuffer(buffer, floats, "scratch of " + std::to_string(scratch.size()) + " threads");
  }
}

int64_t ThreadPool::scratchBytes() const {
  int64_t sum = 0;
  for (const Buffer &buffer : scratch) {
    sum += buffer ? bufferBytes(buffer.size(), "scratch") : 0;
  }
  return sum;
}

void ThreadPool::wakeSleepers() {
  // The bell is rung before `sleepers` is read; a worker counts itself before it looks at the bell. One of both sees
  // the other.
  bell.fetch_add(1);
  if (sleepers.load() > 0) {
    syscall(SYS_futex, &bell, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
  }
}

// Half of an equal share of what is left, again and again: large pieces first, in which a kernel can reuse what it loaded, and at the
// end single items, so that a thread that another program slows down keeps the rest waiting for no more than one.
void ThreadPool::takeChunks(float *own) {
  int64_t begin = next.load(std::memory_order_relaxed);
  while (begin < items) {
    int64_t end = begin + std::max<int64_t>(1, (items - begin) / (2 * threads()));
    if (next.compare_exchange_weak(begin, end, std::memory_order_relaxed)) {
      kernel(args, begin, end, own);
      begin = next.load(std::memory_order_relaxed);
    }
  }
}

void ThreadPool::run(MblmKernel newKernel, void *newArgs, int64_t newItems) {
  if (newItems <= 0) {
    return;
  }
  if (workers.empty() || newItems == 1) {
    newKernel(newArgs, 0, newItems, scratch[0].data());
    return;
  }
  kernel = newKernel;
  args = newArgs;
  items = newItems;
  next.store(0, std::memory_order_relaxed);
  uint64_t epoch = (gate.load(std::memory_order_relaxed) >> 16) + 1;
  gate.store(epoch << 16 | openBit, std::memory_order_release);
  wakeSleepers();
  takeChunks(scratch[0].data());
  uint64_t closable = epoch << 16 | openBit;
  for (int tries = 0; !gate.compare_exchange_weak(closable, epoch << 16, std::memory_order_acq_rel); ++tries) {
    closable = epoch << 16 | openBit;
    if (tries < 2000) {
      pauseBriefly();
    } else {
      sched_yield(); // the worker may need this very CPU
    }
  }
}

// Waits for an open region newer than `lastEpoch`, joins it and returns its epoch; 0 when the pool stops.
uint64_t ThreadPool::awaitRegion(uint64_t lastEpoch) {
  auto joined = [&]() -> uint64_t {
    uint64_t seen = gate.load(std::memory_order_acquire);
    while ((seen & openBit) && (seen >> 16) != lastEpoch) {
      if (gate.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) {
        return seen >> 16;
      }
    }
    return 0;
  };
  for (;;) {
    auto start = Clock::now();
    do {
      for (int i = 0; i < 64; ++i) {
        if (uint64_t epoch = joined()) {
          return epoch;
        }
        if (stopping.load(std::memory_order_relaxed)) {
          return 0;
        }
        pauseBriefly();
      }
    } while (spin && Clock::now() - start < spinTime);
    sleepers.fetch_add(1);
    uint32_t heard = bell.load();
    if (uint64_t epoch = joined()) {
      sleepers.fetch_sub(1);
      return epoch;
    }
    if (!stopping.load()) {
      syscall(SYS_futex, &bell, FUTEX_WAIT_PRIVATE, heard, nullptr, nullptr, 0);
    }
    sleepers.fetch_sub(1);
  }
}

void ThreadPool::work(int index) {
  uint64_t epoch = 0;
  while ((epoch = awaitRegion(epoch)) != 0) {
    takeChunks(scratch[index].data());
    gate.fetch_sub(1, std::memory_order_release);
  }
}

} // namespace mblm::rt
