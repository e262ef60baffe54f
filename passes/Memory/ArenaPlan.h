// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Offsets in one arena for buffers that are alive at different times. Sizes and offsets are linear forms of B, M and G, so one
// plan serves every shape: two buffers are kept apart by comparing their forms coefficient by coefficient.
#pragma once

#include "dialects/MBLM/IR/SymbolicShape.h"

namespace mblm {

// The smallest form that is at least both for every B, M and G, coefficient by coefficient.
SymbolicDim bound(const SymbolicDim &a, const SymbolicDim &b);

struct ArenaBuffer {
  SymbolicDim floats;           // in
  int64_t first = 0, last = 0;  // in: the first and last step at which it is alive
  SymbolicDim offset;           // out, in floats
};

// Fills the offsets and returns the arena's size. Buffers are placed one after another, each at the lowest offset that is
// free for its whole life, in the best of a few orders: long lives first or not, then by size at a nominal B and M.
SymbolicDim planArena(llvm::MutableArrayRef<ArenaBuffer> buffers);

} // namespace mblm
