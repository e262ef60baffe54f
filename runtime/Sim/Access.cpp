// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plain accesses: bounds, alignment, order, and what the counters want to know.
#include "runtime/Sim/Block.h"
#include "runtime/Sim/Operations.h"

using namespace mblm::sim;

static Thread &threadOf(Pointer thread) { return *static_cast<Thread *>(thread); }

static std::string bytesText(uint32_t bytes) { return std::to_string(bytes) + " byte" + (bytes == 1 ? "" : "s"); }

// Bytes of the word at `begin` that [begin, end) covers, both counted from the access's first word.
static uint32_t maskOf(uint64_t word, uint64_t begin, uint64_t end) {
  uint64_t low = std::max(word * 4, begin), high = std::min(word * 4 + 4, end);
  return ((1u << (high - low)) - 1) << (low - word * 4);
}

static void trace(Thread &thread, uint64_t address, uint32_t bytes, bool shared, uint32_t site) {
  if (thread.trace.size() < maxTrace) {
    thread.trace.push_back({address, site, uint16_t(bytes), shared});
  }
}

Allocation *Block::allocationFor(Thread &thread, uint64_t address, uint32_t bytes, const char *what,
                                 const Site *site) {
  Allocation *&last = lastAllocation[siteIndex(site)];
  if (last && last->contains(address, bytes)) {
    return last;
  }
  Allocation *found = memory.find(address);
  if (!found || !found->contains(address, bytes)) {
    std::string where = "no allocation begins below it";
    if (found) {
      where = "byte " + std::to_string(address - found->base) + " from the start of '" + found->what + "' of " +
              bytesText(uint32_t(found->bytes));
    }
    fail(thread, "out of bounds: " + textOf(site) + " " + what + " " + bytesText(bytes) +
                     " of global memory at " + where);
  }
  return last = found;
}

void Block::touchGlobal(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, bool isWrite,
                        const Site *site) {
  Allocation &allocation = *allocationFor(thread, address, bytes, isWrite ? "writes" : "reads", site);
  if (address & (alignment - 1)) {
    fail(thread, "misaligned: " + textOf(site) + " needs " + std::to_string(alignment) +
                     "-byte alignment, got global memory at byte " + std::to_string(address - allocation.base) +
                     " of '" + allocation.what + "'");
  }
  uint64_t begin = address - allocation.base, end = begin + bytes;
  const Accessor by{clocks, thread.clock, thread.number, clocks.launchStart, false};
  Touch touch(thread.clock.now, thread.number, false, siteIndex(site));
  for (uint64_t word = begin / 4; word <= (end - 1) / 4; ++word) {
    Cell &cell = allocation.cells[word];
    Touch part = touch.withBytes(maskOf(word, begin, end));
    Conflict conflict = isWrite ? sim::write(cell, part, by) : sim::read(cell, part, by);
    if (conflict != Conflict::None) {
      failConflict(thread, conflict, cell, "global", "byte " + std::to_string(word * 4) + " of '" + allocation.what + "'",
                   isWrite, site);
    }
  }
  for (uint64_t sector = begin / 32; sector <= (end - 1) / 32; ++sector) {
    Allocation::Sector &mark = allocation.sectors[sector];
    uint32_t &last = isWrite ? mark.written : mark.read;
    if (last < clocks.launchStart) {
      last = clocks.launchStart;
      (isWrite ? counters.distinctWritten : counters.distinctRead) += 32;
    }
  }
  (isWrite ? counters.bytesWritten : counters.bytesRead) += bytes;
  trace(thread, address, bytes, false, siteIndex(site));
}

uint64_t Block::sharedOffset(Thread &thread, const void *pointer, uint32_t bytes, uint32_t alignment,
                             const Site *site) {
  uint64_t address = uint64_t(pointer);
  if (!shared.contains(address, bytes)) {
    std::string where = shared.inWindow(address) ? "offset " + std::to_string(address - shared.base())
                                                 : "an address that is not in shared memory";
    fail(thread, "out of bounds: " + textOf(site) + " touches " + bytesText(bytes) + " at " + where +
                     "; the launch has " + bytesText(shared.bytes()) + " of shared memory");
  }
  uint64_t offset = address - shared.base();
  if (offset & (alignment - 1)) {
    fail(thread, "misaligned: " + textOf(site) + " needs " + std::to_string(alignment) +
                     "-byte alignment, got shared memory at offset " + std::to_string(offset));
  }
  return offset;
}

void Block::touchShared(Thread &thread, uint64_t address, uint32_t bytes, uint32_t alignment, bool isWrite,
                        const Site *site) {
  uint64_t begin = sharedOffset(thread, reinterpret_cast<void *>(address), bytes, alignment, site), end = begin + bytes;
  const Accessor by{clocks, thread.clock, thread.number, clocks.blockStart, false};
  Touch touch(thread.clock.now, thread.number, false, siteIndex(site));
  for (uint64_t word = begin / 4; word <= (end - 1) / 4; ++word) {
    Cell &cell = shared.cell(word);
    uint32_t mask = maskOf(word, begin, end);
    uint8_t &written = shared.written(word);
    Conflict conflict = isWrite ? sim::write(cell, touch.withBytes(mask), by) : sim::read(cell, touch.withBytes(mask), by);
    if (conflict != Conflict::None) {
      failConflict(thread, conflict, cell, "shared", "offset " + std::to_string(word * 4), isWrite, site);
    }
    if (isWrite) {
      written |= mask;
    } else if ((written & mask) != mask) {
      fail(thread, "unwritten: " + textOf(site) + " reads shared memory at offset " +
                       std::to_string(word * 4) + ", which nobody has written");
    }
  }
}

static void touchTraced(Pointer thread, Pointer address, Pointer site, bool isWrite) {
  Thread &self = threadOf(thread);
  const Site *where = static_cast<const Site *>(site);
  self.block->touchShared(self, uint64_t(address), where->bytes, where->alignment, isWrite, where);
  trace(self, uint64_t(address), where->bytes, true, self.block->siteIndex(where));
}

static void touch(Pointer thread, Pointer address, Pointer site, bool isWrite) {
  Thread &self = threadOf(thread);
  const Site *where = static_cast<const Site *>(site);
  self.block->touchGlobal(self, uint64_t(address), where->bytes, where->alignment, isWrite, where);
}

static void touchGeneric(Pointer thread, Pointer address, Pointer site, bool isWrite) {
  Block &block = *threadOf(thread).block;
  if (block.shared.inWindow(uint64_t(address))) {
    touchTraced(thread, address, site, isWrite);
  } else if (!block.onStack(threadOf(thread), address)) {
    touch(thread, address, site, isWrite);
  }
}

Nothing operations::loadGlobal(Pointer thread, Pointer address, Pointer site) { touch(thread, address, site, false); }
Nothing operations::storeGlobal(Pointer thread, Pointer address, Pointer site) { touch(thread, address, site, true); }
Nothing operations::loadShared(Pointer thread, Pointer address, Pointer site) {
  touchTraced(thread, address, site, false);
}
Nothing operations::storeShared(Pointer thread, Pointer address, Pointer site) {
  touchTraced(thread, address, site, true);
}
Nothing operations::loadGeneric(Pointer thread, Pointer address, Pointer site) {
  touchGeneric(thread, address, site, false);
}
Nothing operations::storeGeneric(Pointer thread, Pointer address, Pointer site) {
  touchGeneric(thread, address, site, true);
}
