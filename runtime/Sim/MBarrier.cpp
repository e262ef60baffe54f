// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mbarriers: phases that end when all have arrived and all bytes are there.
#include "runtime/Sim/MBarrier.h"

#include "runtime/Sim/Block.h"
#include "runtime/Sim/Operations.h"

using namespace mblm::sim;

static Thread &threadOf(Pointer thread) { return *static_cast<Thread *>(thread); }

static constexpr uint32_t objectBytes = 8;

MBarrier &Block::mbarrierAt(Thread &thread, const void *address, const Site *site) {
  uint64_t offset = sharedOffset(thread, address, objectBytes, objectBytes, site);
  auto found = mbarriers.find(uint32_t(offset));
  if (found == mbarriers.end()) {
    fail(thread, "mbarrier: " + textOf(site) + " uses shared memory at offset " + std::to_string(offset) +
                     ", where no mbarrier was initialised");
  }
  readShared(thread, uint64_t(address), objectBytes, objectBytes, site); // ordered behind its initialisation
  return found->second;
}

void Block::completePhase(MBarrier &barrier) {
  if (barrier.missing || barrier.bytes) {
    return;
  }
  barrier.parity ^= 1;
  barrier.missing = barrier.count;
  barrier.completed = barrier.brought;
  barrier.brought = std::make_shared<Knowledge>(*barrier.brought);
  for (uint32_t number : barrier.waiting) {
    wake(threads[number]);
  }
  barrier.waiting.clear();
}

Nothing operations::mbarrierInit(Pointer thread, Pointer address, Word count, Pointer site) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  const Site *where = static_cast<const Site *>(site);
  uint64_t offset = block.sharedOffset(self, address, objectBytes, objectBytes, where);
  block.writeShared(self, uint64_t(address), objectBytes, objectBytes, where);
  if (count == 0 || count >= 1u << 20) {
    block.fail(self, "mbarrier: " + block.textOf(where) + " expects " + std::to_string(count) +
                         " arrivals; expected 1 to 1048575");
  }
  MBarrier &barrier = block.mbarriers[uint32_t(offset)];
  uint32_t agent = barrier.agent ? barrier.agent : block.newAgent(self);
  barrier = MBarrier();
  barrier.count = barrier.missing = count;
  barrier.agent = agent;
  barrier.brought = std::make_shared<Knowledge>();
}

Nothing operations::mbarrierInvalidate(Pointer thread, Pointer address, Pointer site) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  const Site *where = static_cast<const Site *>(site);
  block.mbarrierAt(self, address, where);
  block.writeShared(self, uint64_t(address), objectBytes, objectBytes, where);
  block.mbarriers.erase(uint32_t(uint64_t(address) - block.shared.base()));
}

Nothing operations::mbarrierArrive(Pointer thread, Pointer address, Word count, Pointer site) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  const Site *where = static_cast<const Site *>(site);
  MBarrier &barrier = block.mbarrierAt(self, address, where);
  if (barrier.missing < count) {
    block.fail(self, "mbarrier: " + block.textOf(where) + " arrives where only " + std::to_string(barrier.missing) +
                         " of " + std::to_string(barrier.count) + " arrivals are missing");
  }
  barrier.missing -= count;
  block.clocks.release(*barrier.brought, self.number, self.clock);
  block.completePhase(barrier);
}

Nothing operations::mbarrierExpect(Pointer thread, Pointer address, Word bytes, Pointer site) {
  Thread &self = threadOf(thread);
  self.block->mbarrierAt(self, address, static_cast<const Site *>(site)).bytes += bytes;
}

Nothing operations::mbarrierWait(Pointer thread, Pointer address, Word parity, Pointer site) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  const Site *where = static_cast<const Site *>(site);
  MBarrier &barrier = block.mbarrierAt(self, address, where);
  if (barrier.parity == (parity & 1)) {
    barrier.waiting.push_back(self.number);
    self.waitsAt = uint32_t(uint64_t(address) - block.shared.base());
    block.waitFor(self, where, "an mbarrier");
  }
  block.clocks.acquire(self.clock, barrier.completed);
}

// What a thread that waits for an mbarrier lacks.
std::string Block::mbarrierText(const Thread &thread) const {
  auto found = mbarriers.find(thread.waitsAt);
  if (std::string(thread.waitsFor) != "an mbarrier" || found == mbarriers.end()) {
    return "";
  }
  const MBarrier &barrier = found->second;
  return " (offset " + std::to_string(thread.waitsAt) + ", parity " + std::to_string(barrier.parity) + ": " +
         std::to_string(barrier.missing) + " arrivals and " + std::to_string(barrier.bytes) + " bytes missing)";
}

Nothing operations::proxyFence(Pointer thread) {
  Thread &self = threadOf(thread);
  self.block->clocks.fence(self.number, self.clock);
}
