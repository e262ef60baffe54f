// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Memory/ArenaPlan.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <limits>

using namespace mblm;

// The shape at which alternatives are compared; any plan is valid for all shapes.
constexpr int64_t nominalBatch = 4, nominalSlots = 256, nominalPiece = 64, nominalPatches = 64;

static int64_t nominal(const SymbolicDim &dim, int64_t slots) {
  return dim.evaluate(nominalBatch, slots, nominalPiece, nominalPatches);
}

// So many that no buffer is of fewer than no elements, as those of the positions behind a long prefix would be.
static int64_t nominalSlotsFor(llvm::ArrayRef<ArenaBuffer> buffers) {
  int64_t slots = nominalSlots;
  auto isNegative = [&](const ArenaBuffer &buffer) { return nominal(buffer.floats, slots) < 0; };
  while (slots < (int64_t(1) << 32) && llvm::any_of(buffers, isNegative)) {
    slots *= 2;
  }
  return slots;
}

SymbolicDim mblm::bound(const SymbolicDim &a, const SymbolicDim &b) {
  return a.combined(b, [](int64_t x, int64_t y) { return std::max(x, y); });
}

// Whole cache lines.
static SymbolicDim rounded(const SymbolicDim &dim) {
  return dim.mapped([](int64_t n) { return (n + 15) / 16 * 16; });
}

// Gives each buffer, in this order, the lowest offset that is free for its whole life. Returns the end of the highest one at
// the nominal shape.
static int64_t placeInOrder(llvm::ArrayRef<ArenaBuffer *> order, int64_t slots) {
  int64_t end = 0;
  llvm::SmallVector<ArenaBuffer *> placed;
  for (ArenaBuffer *buffer : order) {
    llvm::SmallVector<ArenaBuffer *> conflicts;
    for (ArenaBuffer *other : placed) {
      if (other->first <= buffer->last && buffer->first <= other->last) {
        conflicts.push_back(other);
      }
    }
    // Candidates: the bottom, above each conflict, above all of them; the last is always free.
    SymbolicDim top;
    llvm::SmallVector<SymbolicDim> candidates{SymbolicDim()};
    for (ArenaBuffer *other : conflicts) {
      candidates.push_back(other->offset + other->floats);
      top = bound(top, candidates.back());
    }
    candidates.push_back(top);
    llvm::stable_sort(candidates, [&](const SymbolicDim &a, const SymbolicDim &b) { return nominal(a, slots) < nominal(b, slots); });
    for (const SymbolicDim &candidate : candidates) {
      bool free = llvm::all_of(conflicts, [&](ArenaBuffer *other) {
        return (candidate + buffer->floats).within(other->offset) || (other->offset + other->floats).within(candidate);
      });
      if (free) {
        buffer->offset = candidate;
        break;
      }
    }
    placed.push_back(buffer);
    end = std::max(end, nominal(buffer->offset + buffer->floats, slots));
  }
  return end;
}

SymbolicDim mblm::planArena(llvm::MutableArrayRef<ArenaBuffer> buffers) {
  llvm::SmallVector<ArenaBuffer *> bySize, best;
  for (ArenaBuffer &buffer : buffers) {
    buffer.floats = rounded(buffer.floats);
    bySize.push_back(&buffer);
  }
  int64_t slots = nominalSlotsFor(buffers);
  llvm::stable_sort(bySize, [&](ArenaBuffer *a, ArenaBuffer *b) { return nominal(a->floats, slots) > nominal(b->floats, slots); });

  // What a forward pass leaves for the backward one lies at the bottom, and what comes and goes shares the room above it.
  // How long a life is long depends on the model.
  int64_t lowest = std::numeric_limits<int64_t>::max();
  for (int64_t life : {std::numeric_limits<int64_t>::max(), int64_t(96), int64_t(48), int64_t(24), int64_t(12), int64_t(6)}) {
    llvm::SmallVector<ArenaBuffer *> order(bySize);
    llvm::stable_sort(order, [&](ArenaBuffer *a, ArenaBuffer *b) {
      return (a->last - a->first > life) > (b->last - b->first > life);
    });
    if (int64_t end = placeInOrder(order, slots); end < lowest) {
      lowest = end;
      best = order;
    }
  }
  placeInOrder(best, slots);
  SymbolicDim size;
  for (const ArenaBuffer &buffer : buffers) {
    size = bound(size, buffer.offset + buffer.floats);
  }
  return size;
}
