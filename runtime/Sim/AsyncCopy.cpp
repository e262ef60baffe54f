// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cp.async: data land when a wait says so, and not before. Until then nobody may touch the target.
#include "runtime/Sim/Block.h"
#include "runtime/Sim/Operations.h"

#include <cstring>

using namespace mblm::sim;

static Thread &threadOf(Pointer thread) { return *static_cast<Thread *>(thread); }

Nothing operations::copyAsync(Pointer thread, Pointer to, Pointer from, Word bytes, Word sourceBytes, Pointer site) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  const Site *where = static_cast<const Site *>(site);
  if (sourceBytes > bytes) {
    block.fail(self, "out of bounds: " + block.textOf(where) + " copies " + std::to_string(sourceBytes) +
                         " bytes into " + std::to_string(bytes));
  }
  if (sourceBytes) {
    block.readGlobal(self, uint64_t(from), sourceBytes, bytes, where);
  }
  uint64_t offset = block.sharedOffset(self, to, bytes, bytes, where);
  const Accessor by{block.clocks, self.clock, self.number, block.clocks.blockStart, false};
  Touch touch = Touch(Clocks::pending, self.number, false, where->number).withBytes(15);
  for (uint64_t word = offset / 4; word < (offset + bytes) / 4; ++word) {
    Conflict conflict = sim::write(block.shared.cell(word), touch, by);
    if (conflict != Conflict::None) {
      block.failShared(self, conflict, word, true, where);
    }
  }
  self.copies.items.push_back({static_cast<char *>(to), static_cast<const char *>(from), bytes, sourceBytes, where});
}

Nothing operations::copyAsyncCommit(Pointer thread) { threadOf(thread).copies.commit(); }

Nothing operations::copyAsyncWait(Pointer thread, Word pending, Pointer) {
  Thread &self = threadOf(thread);
  self.block->landCopies(self, self.copies.dueFor(pending));
}

void Block::landCopies(Thread &thread, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const PendingCopy &copy = thread.copies.items[i];
    std::memcpy(copy.to, copy.from, copy.sourceBytes);
    std::memset(copy.to + copy.sourceBytes, 0, copy.bytes - copy.sourceBytes);
    Touch touch = Touch(thread.clock.now, thread.number, false, copy.site->number).withBytes(15);
    uint64_t offset = uint64_t(copy.to) - shared.base();
    for (uint64_t word = offset / 4; word < (offset + copy.bytes) / 4; ++word) {
      shared.cell(word).write = touch;
      shared.written(word) = 15;
    }
  }
  thread.copies.drop(count);
}
