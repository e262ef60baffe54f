// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `kernel.integers` runs for a row, and the constant lists that it looks numbers up in.
#pragma once

#include "passes/Emit/Emitter.h"

namespace mblm::emit {

// Where constants of the module `table` lie.
struct Lists {
  mlir::Operation *table;
  unsigned addressSpace = 0;
};

// The op's body for row number `item` of its space; `pointers` are those of its inputs and its result.
void emitIntegerCode(Emitter &e, kernel::IntegersOp op, llvm::ArrayRef<mlir::Value> pointers, mlir::Value item, const Lists &lists);

} // namespace mblm::emit
