// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sequences cut into pieces of `length` positions, which blocks compute in any order: units, counted sequence by sequence.
#pragma once

#include "passes/LowerGPU/KernelWriter.h"

namespace mblm::cuda {

struct Units {
  kernel::SpaceAttr space;
  int64_t length;

  // A sequence is one unit, whatever the call's sizes.
  bool single() const;
  // Blocks of a kernel with `perUnit` blocks a unit; those from `perUnit * count()` on have nothing to do.
  Grid grid(int64_t perUnit) const;
  mlir::Value perSequence(ThreadEmitter &e) const;
  mlir::Value count(ThreadEmitter &e) const;
  // At least the numbers of all units, `perUnit` of them each.
  SymbolicDim floats(int64_t perUnit) const;
};

} // namespace mblm::cuda
