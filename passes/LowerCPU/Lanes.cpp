// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerCPU/Lanes.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

// Lanes of two vectors that exchange blocks of `size` off the diagonal: those of the first result and of the second.
static std::pair<SmallVector<int64_t>, SmallVector<int64_t>> exchangedLanes(int64_t lanes, int64_t size) {
  SmallVector<int64_t> low, high;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    low.push_back(lane & size ? lanes + (lane ^ size) : lane);
    high.push_back(lane & size ? lanes + lane : lane | size);
  }
  return {low, high};
}

void cpu::transpose(Emitter &e, SmallVectorImpl<Value> &square) {
  int64_t lanes = e.machine.lanes;
  // Exchanges blocks off the diagonal, of one element, then two, and so on.
  for (int64_t size = 1; size < lanes; size *= 2) {
    auto [low, high] = exchangedLanes(lanes, size);
    for (int64_t i = 0; i < lanes; ++i) {
      if (!(i & size)) {
        Value x = square[i], y = square[i | size];
        square[i] = vector::ShuffleOp::create(e.b, x, y, low);
        square[i | size] = vector::ShuffleOp::create(e.b, x, y, high);
      }
    }
  }
}

Value cpu::sumEachOf(Emitter &e, SmallVector<Value> vectors) {
  int64_t lanes = e.machine.lanes;
  // A transposition that adds the two halves of each exchange: half the vectors are left after each.
  for (int64_t size = 1; size < lanes; size *= 2) {
    auto [low, high] = exchangedLanes(lanes, size);
    for (int64_t i = 0; i < lanes; i += 2 * size) {
      Value x = vectors[i], y = vectors[i + size];
      vectors[i] = e.addf(vector::ShuffleOp::create(e.b, x, y, low), vector::ShuffleOp::create(e.b, x, y, high));
    }
  }
  return vectors[0];
}
