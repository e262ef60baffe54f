// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The copy engine (TMA). Loads land when every thread waits, stores when their wait says so; rows outside the tensor
// are zeros, or are not stored. With the 128-byte swizzle, bits 4 to 6 of an address are turned by its bits 7 to 9.
#include "runtime/Sim/Tensor.h"

#include "runtime/Sim/Block.h"
#include "runtime/Sim/Operations.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <cstring>

using namespace mblm;
using namespace mblm::sim;

static Thread &threadOf(Pointer thread) { return *static_cast<Thread *>(thread); }

rt::gpu::TensorMap sim::encodeTile(const rt::gpu::TensorTile &tile) {
  uint32_t elementBytes = tile.element == rt::gpu::Element::F32 ? 4 : 2;
  auto require = [](bool holds, const std::string &what) {
    if (!holds) {
      throw Error(Exit::Internal, "simulator: cannot encode a tensor map: " + what);
    }
  };
  uint64_t inner = uint64_t(tile.box[0]) * elementBytes;
  require(uint64_t(tile.base) % 16 == 0, "its base is not a multiple of 16");
  require(tile.rowBytes % 16 == 0, "rows of " + std::to_string(tile.rowBytes) + " bytes; expected a multiple of 16");
  require(tile.size[0] * elementBytes <= tile.rowBytes, "rows overlap");
  require(tile.size[0] > 0 && tile.size[1] > 0 && tile.size[0] >> 32 == 0 && tile.size[1] >> 32 == 0 && tile.matrices >> 32 == 0,
          "each size must be 1 to 2^32");
  require(tile.box[0] >= 1 && tile.box[0] <= 256 && tile.box[1] >= 1 && tile.box[1] <= 256,
          "a box of " + std::to_string(tile.box[0]) + " x " + std::to_string(tile.box[1]) + "; expected 1 to 256 each");
  require(inner % 16 == 0, "rows of a box of " + std::to_string(inner) + " bytes; expected a multiple of 16");
  require(!tile.swizzled || inner <= 128, "swizzled rows of " + std::to_string(inner) + " bytes; expected at most 128");
  EncodedTile encoded{EncodedTile::magic, tile, elementBytes};
  rt::gpu::TensorMap map;
  std::memcpy(map.bytes, &encoded, sizeof encoded);
  return map;
}

static EncodedTile decode(Thread &thread, Pointer map, const Site *site) {
  EncodedTile encoded;
  std::memcpy(&encoded, map, sizeof encoded);
  if (encoded.mark != EncodedTile::magic) {
    thread.block->fail(thread, "tensor map: " + thread.block->textOf(site) + " was given none");
  }
  return encoded;
}

// Calls `each(shared address, global address, bytes)` for all pieces of at most 16 bytes; global null: outside.
template <class Each>
static void forPieces(const TileCopy &copy, Each each) {
  const rt::gpu::TensorTile &tile = copy.map.tile;
  char *base = static_cast<char *>(tile.base) + copy.matrix * int64_t(tile.rowBytes * tile.size[1]);
  for (uint32_t y = 0; y < tile.box[1]; ++y) {
    int64_t row = int64_t(copy.row) + y;
    bool inRow = copy.isInside() && row >= 0 && row < int64_t(tile.size[1]);
    for (uint32_t byte = 0; byte < copy.map.rowBytes(); byte += copy.map.elementBytes) {
      uint64_t shared = copy.shared + uint64_t(y) * copy.map.rowBytes() + byte;
      if (tile.swizzled) {
        shared ^= (shared >> 7 & 7) << 4;
      }
      int64_t column = int64_t(copy.column) + byte / copy.map.elementBytes;
      bool inside = inRow && column >= 0 && column < int64_t(tile.size[0]);
      char *global =
          inside ? base + row * int64_t(tile.rowBytes) + column * copy.map.elementBytes : nullptr;
      each(shared, global);
    }
  }
}

// Marks the tile's part of global memory as touched, row by row.
static void touchTensor(Thread &thread, const TileCopy &copy, bool isWrite) {
  const rt::gpu::TensorTile &tile = copy.map.tile;
  int64_t first = std::max<int64_t>(copy.column, 0);
  int64_t last = std::min<int64_t>(int64_t(copy.column) + tile.box[0], int64_t(tile.size[0]));
  int64_t begin = std::max<int64_t>(copy.row, 0);
  int64_t end = std::min<int64_t>(int64_t(copy.row) + tile.box[1], int64_t(tile.size[1]));
  for (int64_t row = begin; row < end && first < last && copy.isInside(); ++row) {
    uint64_t address = uint64_t(tile.base) + (copy.matrix * tile.size[1] + row) * tile.rowBytes + first * copy.map.elementBytes;
    auto touch = isWrite ? &Block::writeGlobal : &Block::readGlobal;
    (thread.block->*touch)(thread, address, uint32_t(last - first) * copy.map.elementBytes, copy.map.elementBytes,
                           copy.site);
  }
}

static TileCopy begin(Thread &thread, Pointer shared, Pointer map, Word column, Word row, Word matrix, const Site *site) {
  bool among = matrix != noMatrix;
  TileCopy copy{decode(thread, map, site), uint64_t(shared), int32_t(column), int32_t(row), among ? int32_t(matrix) : 0, 0, site};
  if (among != (copy.map.tile.matrices > 0)) {
    thread.block->fail(thread, "tensor map: " + thread.block->textOf(site) + " names a place by " + (among ? "three" : "two") +
                                   " coordinates, the map has " + (among ? "two" : "three") + " dimensions");
  }
  thread.block->sharedOffset(thread, shared, copy.map.bytes(), 128, site);
  return copy;
}

void Block::touchSharedAsync(const Thread &thread, uint64_t begin, uint32_t bytes, Touch touch, bool isWrite,
                             const Site *site) {
  const Accessor by{clocks, thread.clock, thread.number, clocks.blockStart, true};
  for (uint64_t word = (begin - shared.base()) / 4; word < (begin - shared.base() + bytes) / 4; ++word) {
    Cell &cell = shared.cell(word);
    Conflict conflict = isWrite ? sim::write(cell, touch, by) : sim::read(cell, touch, by);
    if (conflict != Conflict::None) {
      failShared(thread, conflict, word, isWrite, site);
    }
    if (!isWrite && shared.written(word) != 15) {
      failUnwritten(thread, word, site);
    }
  }
}

Nothing operations::tensorLoad(Pointer thread, Pointer to, Pointer map, Pointer mbarrier, Word column, Word row, Word matrix,
                               Pointer site) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  const Site *where = static_cast<const Site *>(site);
  TileCopy copy = begin(self, to, map, column, row, matrix, where);
  block.mbarrierAt(self, mbarrier, where);
  copy.mbarrier = uint32_t(uint64_t(mbarrier) - block.shared.base());
  Touch touch = Touch(Clocks::pending, self.number, true, where->number).withBytes(15);
  block.touchSharedAsync(self, copy.shared, copy.map.bytes(), touch, true, where);
  touchTensor(self, copy, false);
  block.tileLoads.push_back(copy);
}

// One load lands; where none is under way, false.
bool Block::landTile() {
  if (tileLoads.empty()) {
    return false;
  }
  auto next = tileLoads.begin() + (request->seed ? int64_t(random % tileLoads.size()) : 0);
  TileCopy copy = *next;
  tileLoads.erase(next);
  forPieces(copy, [&](uint64_t to, const char *from) {
    if (from) {
      std::memcpy(reinterpret_cast<void *>(to), from, copy.map.elementBytes);
    } else {
      std::memset(reinterpret_cast<void *>(to), 0, copy.map.elementBytes);
    }
  });
  MBarrier &barrier = mbarriers[copy.mbarrier];
  Touch touch = Touch(clocks.tick(), barrier.agent, true, copy.site->number).withBytes(15);
  for (uint64_t word = (copy.shared - shared.base()) / 4, end = word + copy.map.bytes() / 4; word < end; ++word) {
    shared.cell(word).write = touch;
    shared.written(word) = 15;
  }
  clocks.note(*barrier.brought, barrier.agent, touch.clock());
  barrier.bytes -= copy.map.bytes();
  completePhase(barrier);
  return true;
}

Nothing operations::tensorStore(Pointer thread, Pointer from, Pointer map, Word column, Word row, Pointer site) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  const Site *where = static_cast<const Site *>(site);
  TileCopy copy = begin(self, from, map, column, row, noMatrix, where);
  Touch touch = Touch(Clocks::pending, self.number, true, where->number).withBytes(15);
  block.touchSharedAsync(self, copy.shared, copy.map.bytes(), touch, false, where);
  touchTensor(self, copy, true);
  self.tileStores.items.push_back(copy);
}

Nothing operations::bulkCommit(Pointer thread) { threadOf(thread).tileStores.commit(); }

// Waiting for the reads alone is taken for the whole: nobody may read what was stored before the kernel's end.
Nothing operations::bulkWait(Pointer thread, Word pending, Pointer) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  size_t due = self.tileStores.dueFor(pending);
  for (size_t i = 0; i < due; ++i) {
    const TileCopy &copy = self.tileStores.items[i];
    forPieces(copy, [&](uint64_t from, char *to) {
      if (to) {
        std::memcpy(to, reinterpret_cast<const void *>(from), copy.map.elementBytes);
      }
    });
    Touch waited = Touch(Clocks::pending, self.number, true, copy.site->number).withBytes(15);
    Touch now = Touch(self.clock.now, self.number, true, copy.site->number).withBytes(15);
    for (uint64_t word = (copy.shared - block.shared.base()) / 4, end = word + copy.map.bytes() / 4; word < end;
         ++word) {
      settle(block.shared.cell(word).firstRead, waited, now);
      settle(block.shared.cell(word).lastRead, waited, now);
    }
  }
  self.tileStores.drop(due);
}
