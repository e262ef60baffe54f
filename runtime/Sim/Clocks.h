// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who knows of whose accesses. A thread's accesses carry its clock; an access (thread, clock) comes before what thread
// u does if u is that thread, or has learned of the clock by synchronisation.
//
// Barriers of the whole block make everything before them known to everybody: one number, `base`, says it. Only what
// threads learn otherwise since then (from warps, partial barriers, mbarriers) needs vectors. Agents (units that copy
// or multiply asynchronously) count like threads, behind the block's own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace mblm::sim {

// Immutable once shared.
struct Knowledge {
  std::vector<uint32_t> known;  // clock of each thread and agent
  std::vector<uint32_t> fenced; // the same, of what a proxy fence covers
};
using KnowledgeRef = std::shared_ptr<const Knowledge>;

struct ThreadClock {
  uint32_t now = 0;
  KnowledgeRef knowledge; // null: nothing beyond the block's base
};

class Clocks {
public:
  static constexpr uint32_t pending = ~0u; // the clock of what has not happened yet

  void startLaunch() { launchStart = ++time; }
  void startBlock(uint32_t threads);
  // True where the clock may run out within another launch: forget all shadows and call `restart`.
  bool old() const { return time > 1u << 31; }
  void restart() { time = 0; }

  uint32_t tick() { return ++time; }

  bool known(uint32_t thread, uint32_t clock, uint32_t reader, const ThreadClock &by) const {
    if (clock < base || (thread == reader && clock != pending)) {
      return true;
    }
    return by.knowledge && thread < by.knowledge->known.size() && clock <= by.knowledge->known[thread];
  }
  bool fenced(uint32_t thread, uint32_t clock, const ThreadClock &by) const;

  // `into` learns what `thread` knows and did; the thread's later accesses are not covered.
  void release(Knowledge &into, uint32_t thread, ThreadClock &clock);
  // Something that `agent` did at `clock`.
  void note(Knowledge &into, uint32_t agent, uint32_t clock) const;
  void acquire(ThreadClock &clock, const KnowledgeRef &from);
  // A barrier of all.
  void barrier(std::vector<ThreadClock *> &all);
  void fence(uint32_t thread, ThreadClock &clock);
  static void join(Knowledge &into, const Knowledge &from);

  uint32_t launchStart = 0, blockStart = 0;

private:
  uint32_t time = 0;
  uint32_t base = 0;
  uint32_t threads = 0;
  std::vector<uint32_t> baseFenced; // empty: no fence so far
  bool anyFence = false;
  // Threads that learn the same share it.
  KnowledgeRef lastOwn, lastFrom, lastJoined;
};

} // namespace mblm::sim
