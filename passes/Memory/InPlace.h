// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Results that may be written where an operand was, so that what reads a tensor for the last time needs no second one.
#pragma once

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

namespace mblm {

// The operands of which a kernel has read all that lies in a place before it writes `result` there: point-wise work reads only
// its own row and column, attention's gradient copies a head first. Whether one of them is used again is not asked.
llvm::SmallVector<mlir::Value> overwritableOperands(mlir::OpResult result);

} // namespace mblm
