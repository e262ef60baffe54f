// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One block of threads at a time: a fiber a thread, and what they share. Each file beside this one implements the
// operations of one unit of the hardware.
//
// The model is adversarial: what is asynchronous happens as late as it may, and the order of lanes, warps and blocks
// follows a seed.
#pragma once

#include "runtime/Sim/ABI.h"
#include "runtime/Sim/Barrier.h"
#include "runtime/Sim/Counters.h"
#include "runtime/Sim/Fiber.h"
#include "runtime/Sim/GlobalMemory.h"
#include "runtime/Sim/MBarrier.h"
#include "runtime/Sim/SharedMemory.h"
#include "runtime/Sim/Tensor.h"
#include "runtime/Sim/WarpGroup.h"

#include <algorithm>
#include <array>
#include <memory>

namespace mblm::sim {

class Block;

struct PendingCopy {
  char *to;
  const char *from;
  uint32_t bytes, sourceBytes;
  const Site *site;
};

// What a thread has set going, oldest first, in groups of which the last is open.
template <class Item>
struct Groups {
  std::vector<Item> items;
  std::vector<size_t> ends; // of the closed groups

  void commit() { ends.push_back(items.size()); }
  // How many items must be done for at most `pending` closed groups to be left.
  size_t dueFor(size_t pending) const { return ends.size() > pending ? ends[ends.size() - pending - 1] : 0; }
  void drop(size_t count) {
    items.erase(items.begin(), items.begin() + count);
    ends.erase(ends.begin(), std::upper_bound(ends.begin(), ends.end(), count));
    for (size_t &end : ends) {
      end -= count;
    }
  }
  void clear() {
    items.clear();
    ends.clear();
  }
};

// What a switch touches lies close together.
struct alignas(64) Thread {
  Registers registers; // first: the code reads it
  Fiber fiber;
  Block *block = nullptr;
  uint32_t number = 0, lane = 0, warp = 0;
  bool done = false;
  // Where it waits, with what, and for whom.
  const Site *site = nullptr;
  const char *waitsFor = nullptr;
  void *operands = nullptr;
  uint32_t mask = 0;
  uint32_t waitsAt = 0; // offset of an mbarrier

  ThreadClock clock;
  Trace trace;
  Groups<PendingCopy> copies;  // cp.async
  Groups<TileCopy> tileStores; // of tensors
  // wgmma: groups of products.
  uint32_t wgmmaCommitted = 0, wgmmaDone = 0;
  bool wgmmaFenced = false;

  bool meets(const Site *where, uint32_t with) const { return site == where && mask == with; }
};

struct Warp {
  uint32_t lanes = 0; // that it has
  uint32_t live = 0, ready = 0;
  uint32_t meeting = 0; // lanes that wait for others of the warp
};

// What a launch runs; all of it outlives the launch.
struct LaunchRequest {
  std::string name, from; // of the kernel and its place in the model, for messages
  const KernelCode *code = nullptr;
  uint32_t grid[3] = {1, 1, 1};
  uint32_t threads = 1;
  uint32_t sharedBytes = 0; // dynamic
  void **arguments = nullptr;
  uint64_t seed = 0; // 0: the plain order
};

class Block {
public:
  explicit Block(GlobalMemory &memory) : memory(memory) {}

  // Runs all blocks; Error(Internal) with the first fault found.
  Counters launch(const LaunchRequest &request);

  // For operations, on a thread's fiber.
  static Thread *current();
  [[noreturn]] void fail(const Thread &thread, const std::string &what);
  void schedule(Thread &thread); // goes on with another thread, until this one is ready again
  void waitFor(Thread &thread, const Site *site, const char *what);
  void wake(Thread &thread) { warps[thread.warp].ready |= 1u << thread.lane; }
  void countTraces(Warp &warp);
  std::string textOf(const Site *site) const { return request->code->texts + site->text; }

  // Runs `execute(lanes, mask)` once when all of `mask` are here, on behalf of the last to come.
  template <class Execute>
  void meet(Thread &thread, uint32_t mask, const Site *site, void *operands, Execute execute);
  [[noreturn]] void failMask(const Thread &thread, uint32_t mask, const Site *site);
  [[noreturn]] void failMeeting(const Thread &thread, const Thread &other, const Site *site);

  void completeBarrier(BlockBarrier &barrier, Thread &last);
  void landCopies(Thread &thread, size_t count); // the oldest ones
  bool onStack(const Thread &thread, const void *address) const {
    return stacks.contains(request->code->synchronises ? thread.number : 0, address);
  }

  void readGlobal(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, const Site *site);
  void writeGlobal(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, const Site *site);
  void readShared(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, const Site *site);
  void writeShared(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, const Site *site);
  // Whole words, by an asynchronous unit on behalf of `thread`.
  void touchSharedAsync(const Thread &thread, uint64_t address, uint32_t bytes, Touch touch, bool isWrite,
                        const Site *site);
  MBarrier &mbarrierAt(Thread &thread, const void *address, const Site *site);
  void completePhase(MBarrier &barrier);
  uint32_t newAgent(const Thread &thread);
  uint64_t sharedOffset(const Thread &thread, const void *address, uint32_t bytes, uint32_t alignment,
                        const Site *site) {
    if (!shared.contains(uint64_t(address), bytes) || (uint64_t(address) & (alignment - 1))) {
      failOffset(thread, uint64_t(address), bytes, alignment, site);
    }
    return uint64_t(address) - shared.base();
  }
  [[noreturn]] void failAlignment(const Thread &thread, const std::string &where, uint32_t alignment, const Site *site);
  [[noreturn]] void failUnwritten(const Thread &thread, uint64_t word, const Site *site);
  [[noreturn]] void failShared(const Thread &thread, Conflict conflict, uint64_t word, bool isWrite, const Site *site);
  [[noreturn]] void failConflict(const Thread &thread, Conflict conflict, const Cell &cell, const char *space,
                                 const std::string &where, bool isWrite, const Site *site);

  GlobalMemory &memory;
  SharedMemory shared;
  Clocks clocks;
  Counters counters;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::array<BlockBarrier, 16> barriers;
  std::map<uint32_t, MBarrier> mbarriers; // by offset
  std::vector<TileCopy> tileLoads;        // under way
  std::vector<WarpGroup> warpGroups;
  uint32_t liveThreads = 0;
  const LaunchRequest *request = nullptr;

private:
  void prepare();
  void startBlock(uint64_t index);
  static void fiberMain();
  static void plainMain();
  void finish(Thread &thread);
  void finishBarriers(Thread &thread);
  Thread *nextReady(uint32_t warp);
  bool landTile();
  [[noreturn]] void failDeadlock();
  [[noreturn]] void failUnfinished(const Thread &thread, const Site *site);
  std::string mbarrierText(const Thread &thread) const;
  std::string place(const Thread &thread) const;
  std::string blockOf(uint32_t clock) const;

  Allocation &allocationFor(Thread &thread, uint64_t address, uint32_t bytes, const Site *site);
  template <bool isWrite>
  void touchGlobal(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, const Site *site);
  template <bool isWrite>
  void touchShared(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, const Site *site);
  [[noreturn]] void failOffset(const Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment,
                               const Site *site);
  [[noreturn]] void failGlobal(const Thread &thread, Conflict conflict, const Allocation &allocation, uint64_t word,
                               bool isWrite, const Site *site);
  [[noreturn]] void failGlobalAlignment(const Thread &thread, const Allocation &allocation, uint64_t byte,
                                        uint32_t alignment, const Site *site);
  [[noreturn]] void failBounds(const Thread &thread, uint64_t address, uint32_t bytes, const Site *site);

  Stacks stacks;
  Fiber main;
  Thread *running = nullptr;
  std::string failure;
  uint64_t random = 0;
  uint32_t agents = 0;                                // numbers given, from the threads' on
  std::vector<Allocation *> lastAllocation;           // of each site
  std::vector<std::pair<uint32_t, uint64_t>> started; // clock at each block's start, and its number
};

template <class Execute>
void Block::meet(Thread &thread, uint32_t mask, const Site *site, void *operands, Execute execute) {
  Warp &warp = warps[thread.warp];
  Thread *lanes = &threads[thread.warp * 32];
  uint32_t self = 1u << thread.lane;
  if (!(mask & self) || (mask & warp.live) != mask) {
    failMask(thread, mask, site);
  }
  uint32_t others = warp.meeting & mask;
  if (others && !lanes[__builtin_ctz(others)].meets(site, mask)) {
    failMeeting(thread, lanes[__builtin_ctz(others)], site);
  }
  thread.operands = operands;
  thread.mask = mask;
  if ((others | self) != mask) {
    warp.meeting |= self;
    waitFor(thread, site, "its warp");
    return;
  }
  for (uint32_t rest = others; rest; rest &= rest - 1) {
    if (!lanes[__builtin_ctz(rest)].meets(site, mask)) {
      failMeeting(thread, lanes[__builtin_ctz(rest)], site);
    }
  }
  warp.meeting &= ~mask;
  if (mask == warp.live) {
    countTraces(warp);
  }
  execute(lanes, mask);
  warp.ready |= mask;
}

} // namespace mblm::sim
