// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plain accesses: bounds, alignment, order, and what the counters want to know.
#include "runtime/Sim/Block.h"
#include "runtime/Sim/Operations.h"

using namespace mblm::sim;

static Thread &threadOf(Pointer thread) { return *static_cast<Thread *>(thread); }

static std::string bytesText(uint64_t bytes) { return std::to_string(bytes) + " byte" + (bytes == 1 ? "" : "s"); }

// Bytes of a word that lie in [begin, end).
static uint32_t maskOf(uint64_t word, uint64_t begin, uint64_t end) {
  if (word * 4 >= begin && word * 4 + 4 <= end) {
    return 15;
  }
  uint64_t low = std::max(word * 4, begin), high = std::min(word * 4 + 4, end);
  return ((1u << (high - low)) - 1) << (low - word * 4);
}

static void trace(Thread &thread, uint64_t address, uint32_t bytes, bool shared, uint32_t site) {
  if (thread.trace.size() < maxTrace) {
    thread.trace.push_back({address, site, uint16_t(bytes), shared});
  }
}

void Block::failBounds(const Thread &thread, uint64_t address, uint32_t bytes, const Site *site) {
  std::string where = "below all allocations";
  if (Allocation *found = memory.find(address)) {
    where = "at byte " + std::to_string(address - found->base) + " from the start of '" + found->what + "' of " +
            bytesText(found->bytes);
  }
  fail(thread, "out of bounds: " + textOf(site) + " touches " + bytesText(bytes) + " of global memory " + where);
}

void Block::failAlignment(const Thread &thread, const std::string &where, uint32_t alignment, const Site *site) {
  fail(thread, "misaligned: " + textOf(site) + " needs " + std::to_string(alignment) + "-byte alignment, got " + where);
}

static std::string byteOf(const Allocation &allocation, uint64_t byte) {
  return "byte " + std::to_string(byte) + " of '" + allocation.what + "'";
}

void Block::failGlobalAlignment(const Thread &thread, const Allocation &allocation, uint64_t byte, uint32_t alignment,
                                const Site *site) {
  failAlignment(thread, byteOf(allocation, byte) + " in global memory", alignment, site);
}

void Block::failGlobal(const Thread &thread, Conflict conflict, const Allocation &allocation, uint64_t word,
                       bool isWrite, const Site *site) {
  failConflict(thread, conflict, allocation.cells[word], "global", byteOf(allocation, word * 4), isWrite, site);
}

void Block::failUnwritten(const Thread &thread, uint64_t word, const Site *site) {
  fail(thread, "unwritten: " + textOf(site) + " reads shared memory at offset " + std::to_string(word * 4) +
                   ", which nobody has written");
}

Allocation &Block::allocationFor(Thread &thread, uint64_t address, uint32_t bytes, const Site *site) {
  Allocation *&last = lastAllocation[site->number];
  if (!last || !last->contains(address, bytes)) {
    last = memory.find(address);
    if (!last || !last->contains(address, bytes)) {
      failBounds(thread, address, bytes, site);
    }
  }
  return *last;
}

template <bool isWrite>
__attribute__((noinline)) static Conflict touchAgain(const Thread &thread, Cell &cell, Touch touch, uint32_t since) {
  const Accessor by{thread.block->clocks, thread.clock, thread.number, since, false};
  return isWrite ? mblm::sim::write(cell, touch, by) : mblm::sim::read(cell, touch, by);
}

template <bool isWrite>
void Block::touchGlobal(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, const Site *site) {
  Allocation &allocation = allocationFor(thread, address, bytes, site);
  uint64_t begin = address - allocation.base, end = begin + bytes;
  if (address & (alignment - 1)) {
    failGlobalAlignment(thread, allocation, begin, alignment, site);
  }
  Touch touch(thread.clock.now, thread.number, false, site->number);
  bool wholeWords = ((begin | end) & 3) == 0;
  for (uint64_t word = begin / 4; word * 4 < end; ++word) {
    Cell &cell = allocation.cells[word];
    Touch part = touch.withBytes(wholeWords ? 15 : maskOf(word, begin, end));
    if (touchFirst<isWrite>(cell, part, clocks.launchStart)) {
      continue;
    }
    Conflict conflict = touchAgain<isWrite>(thread, cell, part, clocks.launchStart);
    if (conflict != Conflict::None) {
      failGlobal(thread, conflict, allocation, word, isWrite, site);
    }
  }
  for (uint64_t sector = begin / 32; sector * 32 < end; ++sector) {
    uint32_t &last = isWrite ? allocation.sectors[sector].written : allocation.sectors[sector].read;
    if (last < clocks.launchStart) {
      last = clocks.launchStart;
      (isWrite ? counters.distinctWritten : counters.distinctRead) += 32;
    }
  }
  (isWrite ? counters.bytesWritten : counters.bytesRead) += bytes;
  trace(thread, address, bytes, false, site->number);
}

void Block::readGlobal(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, const Site *site) {
  touchGlobal<false>(thread, address, bytes, alignment, site);
}

void Block::writeGlobal(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, const Site *site) {
  touchGlobal<true>(thread, address, bytes, alignment, site);
}

void Block::failOffset(const Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, const Site *site) {
  uint64_t offset = address - shared.base();
  if (shared.contains(address, bytes)) {
    failAlignment(thread, "shared memory at offset " + std::to_string(offset), alignment, site);
  }
  std::string where =
      shared.inWindow(address) ? "offset " + std::to_string(offset) : "an address that is not in shared memory";
  fail(thread, "out of bounds: " + textOf(site) + " touches " + bytesText(bytes) + " at " + where +
                   "; the launch has " + bytesText(shared.bytes()) + " of shared memory");
}

template <bool isWrite>
void Block::touchShared(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, const Site *site) {
  uint64_t begin = sharedOffset(thread, reinterpret_cast<void *>(address), bytes, alignment, site), end = begin + bytes;
  Touch touch(thread.clock.now, thread.number, false, site->number);
  bool wholeWords = ((begin | end) & 3) == 0;
  for (uint64_t word = begin / 4; word * 4 < end; ++word) {
    Cell &cell = shared.cell(word);
    uint32_t mask = wholeWords ? 15 : maskOf(word, begin, end);
    Conflict conflict = touchAgain<isWrite>(thread, cell, touch.withBytes(mask), clocks.blockStart);
    if (conflict != Conflict::None) {
      failShared(thread, conflict, word, isWrite, site);
    }
    if (isWrite) {
      shared.written(word) |= mask;
    } else if ((shared.written(word) & mask) != mask) {
      failUnwritten(thread, word, site);
    }
  }
}

void Block::readShared(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, const Site *site) {
  touchShared<false>(thread, address, bytes, alignment, site);
}

void Block::writeShared(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, const Site *site) {
  touchShared<true>(thread, address, bytes, alignment, site);
}

template <bool isWrite>
static void touchTraced(Pointer thread, Pointer address, Pointer site) {
  Thread &self = threadOf(thread);
  const Site *where = static_cast<const Site *>(site);
  auto touch = isWrite ? &Block::writeShared : &Block::readShared;
  (self.block->*touch)(self, uint64_t(address), where->bytes, where->alignment, where);
  trace(self, uint64_t(address), where->bytes, true, where->number);
}

template <bool isWrite>
static void touch(Pointer thread, Pointer address, Pointer site) {
  Thread &self = threadOf(thread);
  const Site *where = static_cast<const Site *>(site);
  auto touch = isWrite ? &Block::writeGlobal : &Block::readGlobal;
  (self.block->*touch)(self, uint64_t(address), where->bytes, where->alignment, where);
}

template <bool isWrite>
static void touchGeneric(Pointer thread, Pointer address, Pointer site) {
  Block &block = *threadOf(thread).block;
  if (block.shared.inWindow(uint64_t(address))) {
    touchTraced<isWrite>(thread, address, site);
  } else if (!block.onStack(threadOf(thread), address)) {
    touch<isWrite>(thread, address, site);
  }
}

Nothing operations::loadGlobal(Pointer thread, Pointer address, Pointer site) { touch<false>(thread, address, site); }
Nothing operations::storeGlobal(Pointer thread, Pointer address, Pointer site) { touch<true>(thread, address, site); }
Nothing operations::loadShared(Pointer thread, Pointer address, Pointer site) {
  touchTraced<false>(thread, address, site);
}
Nothing operations::storeShared(Pointer thread, Pointer address, Pointer site) {
  touchTraced<true>(thread, address, site);
}
Nothing operations::loadGeneric(Pointer thread, Pointer address, Pointer site) {
  touchGeneric<false>(thread, address, site);
}
Nothing operations::storeGeneric(Pointer thread, Pointer address, Pointer site) {
  touchGeneric<true>(thread, address, site);
}
