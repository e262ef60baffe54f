// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a dropout multiplies an element by: a function of seed, draw, site and the element's place alone. Generated code computes
// the same (passes/LowerCPU/DropoutEmitter.cpp).
#pragma once

#include "runtime/Support/Random.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace mblm::rt {

// The random numbers of one micro-batch. Those of another number have nothing in common with them.
struct Draw {
  uint64_t seed = 0;
  uint32_t number = 0;
};

// As compiled code takes it: seed (low and high word), number, 1; all zero where nothing is to be dropped.
using DropoutKey = std::array<int32_t, 4>;

inline DropoutKey dropoutKey(const std::optional<Draw> &draw) {
  if (!draw) {
    return {};
  }
  return {int32_t(draw->seed), int32_t(draw->seed >> 32), int32_t(draw->number), 1};
}

// Words below it are dropped.
inline uint32_t dropoutThreshold(double rate) {
  return uint32_t(std::min(std::round(rate * 0x1p32), 0x1p32 - 1));
}

// What column `column` of row `row` is multiplied by, of `columns` columns. Four neighbours share a block.
inline double dropoutFactor(const DropoutKey &key, double rate, uint32_t site, uint64_t row, uint64_t column,
                            uint64_t columns) {
  if (key[3] == 0) {
    return 1;
  }
  uint64_t seed = uint64_t(uint32_t(key[1])) << 32 | uint32_t(key[0]);
  uint64_t block = row * ((columns + 3) / 4) + column / 4;
  uint32_t word = randomBlock(seed, Stream::Dropout, block, uint32_t(key[2]), site)[column % 4];
  return word >= dropoutThreshold(rate) ? 1 / (1 - rate) : 0;
}

} // namespace mblm::rt
