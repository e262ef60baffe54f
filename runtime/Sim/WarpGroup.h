// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the four warps of a warpgroup share: products under way, and their sums.
#pragma once

#include "runtime/Sim/ABI.h"
#include "runtime/Sim/Clocks.h"

#include <deque>
#include <map>

namespace mblm::sim {

// Sums that products add to, 64 rows.
struct Accumulator {
  std::vector<float> sums;
  uint32_t group = 0; // of the last product that adds to it
  const Site *site = nullptr;
};

struct Product {
  uint32_t columns = 0, flags = 0, group = 0;
  uint64_t a = 0, b = 0;        // descriptors
  std::vector<float> registers; // 64 x 16: A, where it comes from registers
  std::shared_ptr<Accumulator> into;
  std::vector<uint32_t> words; // of shared memory that it reads
  const Site *site = nullptr;
};

// The end of a group of products, for those who wait for it: a wait that leaves it under way tells nothing of it.
struct Completed {
  uint32_t group;
  KnowledgeRef known;
};

struct WarpGroup {
  uint32_t agent = 0;                                            // the clock of its products
  std::vector<uint32_t> waiting;                                 // threads that have come to the next product
  std::vector<Product> underway;                                 // oldest first
  std::map<uint32_t, std::shared_ptr<Accumulator>> accumulators; // by number
  uint32_t made = 0;                                             // accumulators
  std::deque<Completed> completed;                               // oldest first; the latest ones alone
};

} // namespace mblm::sim
