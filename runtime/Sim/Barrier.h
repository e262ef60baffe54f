// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sixteen barriers of a block.
#pragma once

#include "runtime/Sim/ABI.h"
#include "runtime/Sim/Clocks.h"

namespace mblm::sim {

struct BlockBarrier {
  uint32_t expected = 0; // threads; 0: nobody has come
  uint32_t arrived = 0;
  bool whole = false;            // of all threads
  std::vector<uint32_t> waiting; // threads
  std::vector<uint32_t> perWarp; // lanes that have come
  const Site *site = nullptr;    // of the first to come
  uint32_t first = 0;            // its thread
  std::shared_ptr<Knowledge> brought;
};

} // namespace mblm::sim
