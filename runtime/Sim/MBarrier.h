// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mbarriers. Their objects in shared memory stay as they are; the state is kept here, by offset.
#pragma once

#include "runtime/Sim/Clocks.h"

namespace mblm::sim {

struct MBarrier {
  uint32_t count = 0;   // arrivals of a phase
  uint32_t missing = 0; // of the present one
  int64_t bytes = 0;    // expected, and not there
  uint32_t parity = 0;  // of the present phase
  uint32_t agent = 0;   // the clock of copies that complete here
  std::shared_ptr<Knowledge> brought;
  KnowledgeRef completed;
  std::vector<uint32_t> waiting; // threads
};

} // namespace mblm::sim
