// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Results that may be written where an operand was: point-wise work that reads a tensor for the last time needs no second one.
#pragma once

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

namespace mblm {

// The operands that a kernel reads only at the row and column at which it writes `result`, and before it does. Whether one of
// them is used again is not asked.
llvm::SmallVector<mlir::Value> overwritableOperands(mlir::OpResult result);

} // namespace mblm
