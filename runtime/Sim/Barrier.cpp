// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Barriers of a block: all of its threads, or a number that the barrier names.
#include "runtime/Sim/Block.h"
#include "runtime/Sim/Operations.h"

using namespace mblm::sim;

static Thread &threadOf(Pointer thread) { return *static_cast<Thread *>(thread); }

static std::string countText(const BlockBarrier &barrier) {
  return barrier.whole ? "all threads" : std::to_string(barrier.expected) + " threads";
}

// Counts the thread in; true where it is the last one.
static bool arrive(Thread &thread, uint32_t number, uint32_t count, const Site *site) {
  Block &block = *thread.block;
  if (number >= block.barriers.size() || count % 32 || count > block.request->threads) {
    block.fail(thread, "mismatched barrier: " + block.textOf(site) + " is for " + std::to_string(count) +
                           " threads at barrier " + std::to_string(number) +
                           "; expected a multiple of 32 threads of the block's " +
                           std::to_string(block.request->threads) + " and a barrier below 16");
  }
  BlockBarrier &barrier = block.barriers[number];
  if (!barrier.arrived) {
    barrier.expected = count;
    barrier.whole = count == 0;
    barrier.site = site;
    barrier.first = thread.number;
    barrier.perWarp.assign(block.warps.size(), 0);
    barrier.brought = std::make_shared<Knowledge>();
  } else if (barrier.expected != count || (barrier.whole && barrier.site != site)) {
    block.fail(thread, "mismatched barrier: " + block.textOf(site) + " meets thread " + std::to_string(barrier.first) +
                           " at " + block.textOf(barrier.site) + ", which waits for " + countText(barrier));
  }
  ++barrier.arrived;
  barrier.perWarp[thread.warp] |= 1u << thread.lane;
  if (!barrier.whole) {
    block.clocks.release(*barrier.brought, thread.number, thread.clock);
  }
  return barrier.arrived == (barrier.whole ? block.liveThreads : barrier.expected);
}

void Block::completeBarrier(BlockBarrier &barrier, Thread &last) {
  for (size_t i = 0; i < warps.size(); ++i) {
    if (barrier.perWarp[i] && barrier.perWarp[i] != warps[i].lanes) {
      fail(last,
           "divergent barrier: only some lanes of warp " + std::to_string(i) + " have come to " + textOf(barrier.site));
    }
    countTraces(warps[i]);
  }
  if (barrier.whole) {
    std::vector<ThreadClock *> clocksOfAll;
    for (Thread &thread : threads) {
      if (!thread.done) {
        clocksOfAll.push_back(&thread.clock);
      }
    }
    clocks.barrier(clocksOfAll);
  }
  for (uint32_t number : barrier.waiting) {
    if (!barrier.whole) {
      clocks.acquire(threads[number].clock, barrier.brought);
    }
    wake(threads[number]);
  }
  barrier.arrived = 0;
  barrier.waiting.clear();
}

// An exited thread counts as one that has come.
void Block::finishBarriers(Thread &thread) {
  for (BlockBarrier &barrier : barriers) {
    if (barrier.arrived && barrier.whole && barrier.arrived == liveThreads) {
      completeBarrier(barrier, thread);
    }
  }
}

Nothing operations::barrier(Pointer thread, Word number, Word count, Pointer site) {
  Thread &self = threadOf(thread);
  const Site *where = static_cast<const Site *>(site);
  bool last = arrive(self, number, count, where);
  BlockBarrier &barrier = self.block->barriers[number];
  barrier.waiting.push_back(self.number);
  if (last) {
    self.block->completeBarrier(barrier, self);
  } else {
    self.block->waitFor(self, where, "a barrier");
  }
}

Nothing operations::barrierArrive(Pointer thread, Word number, Word count, Pointer site) {
  Thread &self = threadOf(thread);
  if (arrive(self, number, count, static_cast<const Site *>(site))) {
    self.block->completeBarrier(self.block->barriers[number], self);
  }
}
