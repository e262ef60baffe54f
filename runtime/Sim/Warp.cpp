// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations of a warp: the last lane to come computes for all.
#include "runtime/Sim/Block.h"
#include "runtime/Sim/Operations.h"

#include <algorithm>

using namespace mblm::sim;

static Thread &threadOf(Pointer thread) { return *static_cast<Thread *>(thread); }

void Block::failMask(const Thread &thread, uint32_t mask, const Site *site) {
  bool self = mask >> thread.lane & 1;
  fail(thread, "divergent warp: " + textOf(site) +
                   (self ? " waits for lanes that have ended or never were" : " with a mask that lacks its own lane"));
}

void Block::failMeeting(const Thread &thread, const Thread &other, const Site *site) {
  fail(thread, "divergent warp: " + textOf(site) + " meets thread " + std::to_string(other.number) + " at " +
                   textOf(other.site));
}

template <class Each>
static void forLanes(uint32_t mask, Each each) {
  for (; mask; mask &= mask - 1) {
    each(uint32_t(__builtin_ctz(mask)));
  }
}

Nothing operations::syncWarp(Pointer thread, Word mask, Pointer site) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  block.meet(self, mask, static_cast<const Site *>(site), nullptr, [&](Thread *lanes, uint32_t all) {
    auto together = std::make_shared<Knowledge>();
    const Knowledge *last = nullptr;
    forLanes(all, [&](uint32_t lane) {
      ThreadClock &clock = lanes[lane].clock;
      KnowledgeRef own = clock.knowledge;
      if (own.get() == last) {
        clock.knowledge = nullptr; // merged already
      }
      block.clocks.release(*together, lanes[lane].number, clock);
      last = own.get();
    });
    KnowledgeRef shared = std::move(together);
    forLanes(all, [&](uint32_t lane) { lanes[lane].clock.knowledge = shared; });
  });
}

namespace {
struct Shuffle {
  ShuffleKind kind;
  uint32_t value, offset, clamp;
  uint64_t result; // bit 32: whether the source was in range
};
} // namespace

// The lane that `lane` reads from, or itself where that is out of range.
static uint32_t sourceLane(const Shuffle &shuffle, uint32_t lane, bool &inRange) {
  int32_t by = int32_t(shuffle.offset & 31), segment = int32_t(shuffle.clamp >> 8 & 31), self = int32_t(lane);
  int32_t low = self & segment, high = low | (int32_t(shuffle.clamp & 31) & ~segment), source = 0;
  switch (shuffle.kind) {
  case Butterfly:
    source = self ^ by;
    break;
  case Up:
    source = self - by;
    break;
  case Down:
    source = self + by;
    break;
  case Index:
    source = low | (by & ~segment);
    break;
  }
  inRange = shuffle.kind == Up ? source >= high : source <= high;
  return inRange ? uint32_t(source) : lane;
}

Long operations::shuffle(Pointer thread, Word mask, Word kind, Word value, Word offset, Word clamp, Pointer site) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  const Site *where = static_cast<const Site *>(site);
  Shuffle own{ShuffleKind(kind), value, offset, clamp, 0};
  block.meet(self, mask, where, &own, [&](Thread *lanes, uint32_t all) {
    forLanes(all, [&](uint32_t lane) {
      Shuffle &shuffle = *static_cast<Shuffle *>(lanes[lane].operands);
      bool inRange = false;
      uint32_t source = sourceLane(shuffle, lane, inRange);
      if (!(all >> source & 1)) {
        block.fail(lanes[lane], "divergent warp: " + block.textOf(where) + " reads lane " + std::to_string(source) +
                                    ", which is not in its mask");
      }
      shuffle.result = static_cast<Shuffle *>(lanes[source].operands)->value | uint64_t(inRange) << 32;
    });
  });
  return own.result;
}

namespace {
struct Operand {
  uint32_t value, result;
};
} // namespace

static Operand &operandOf(Thread &thread) { return *static_cast<Operand *>(thread.operands); }

Word operations::vote(Pointer thread, Word mask, Word kind, Word predicate, Pointer site) {
  Thread &self = threadOf(thread);
  Operand own{predicate, 0};
  self.block->meet(self, mask, static_cast<const Site *>(site), &own, [&](Thread *lanes, uint32_t all) {
    uint32_t ballot = 0;
    forLanes(all, [&](uint32_t lane) { ballot |= (operandOf(lanes[lane]).value & 1) << lane; });
    uint32_t result = kind == Ballot ? ballot
                      : kind == Any  ? ballot != 0
                      : kind == All  ? ballot == all
                                     : ballot == all || ballot == 0;
    forLanes(all, [&](uint32_t lane) { operandOf(lanes[lane]).result = result; });
  });
  return own.result;
}

static uint32_t combine(ReduceKind kind, uint32_t a, uint32_t b) {
  switch (kind) {
  case Add:
    return a + b;
  case And:
    return a & b;
  case Max:
    return uint32_t(std::max(int32_t(a), int32_t(b)));
  case Min:
    return uint32_t(std::min(int32_t(a), int32_t(b)));
  case Or:
    return a | b;
  case UnsignedMax:
    return std::max(a, b);
  case UnsignedMin:
    return std::min(a, b);
  case Xor:
    return a ^ b;
  }
  return 0;
}

Word operations::reduce(Pointer thread, Word mask, Word kind, Word value, Pointer site) {
  Thread &self = threadOf(thread);
  Operand own{value, 0};
  self.block->meet(self, mask, static_cast<const Site *>(site), &own, [&](Thread *lanes, uint32_t all) {
    uint32_t result = operandOf(lanes[__builtin_ctz(all)]).value;
    forLanes(all & (all - 1),
             [&](uint32_t lane) { result = combine(ReduceKind(kind), result, operandOf(lanes[lane]).value); });
    forLanes(all, [&](uint32_t lane) { operandOf(lanes[lane]).result = result; });
  });
  return own.result;
}

Word operations::elect(Pointer thread, Word mask, Pointer site) {
  Thread &self = threadOf(thread);
  self.block->meet(self, mask, static_cast<const Site *>(site), nullptr, [](Thread *, uint32_t) {});
  return self.lane == uint32_t(__builtin_ctz(mask));
}
