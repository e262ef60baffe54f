// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pools of ranges of rows, and their gradients, for some columns of one range.
#pragma once

#include "passes/Emit/Emitter.h"

namespace mblm::emit {

// One range of `rows`, and what belongs to none around it.
struct RowRange {
  // Number `item` of the ranges `spans` over `space`.
  RowRange(Emitter &e, mlir::Value spans, kernel::SpaceAttr space, kernel::SpaceAttr rows, mlir::Value item);

  mlir::Value row;        // its sequence's row 0 in memory
  mlir::Value first, end; // behind that
  mlir::Value gap, rest;  // [gap, first) and [end, rest) are no range's
};

using LoadRow = std::function<mlir::Value(mlir::Value row)>; // some columns of a row in memory
using StoreRow = std::function<void(mlir::Value row, mlir::Value numbers)>;

mlir::Value emitPooled(Emitter &e, const RowRange &range, PoolKind kind, const LoadRow &load);
// Of the largest or least; `grad` is shared by all rows that have the number `pooled`. Stores rows of no range, too.
void emitPoolGrads(Emitter &e, const RowRange &range, mlir::Value grad, mlir::Value pooled, const LoadRow &load, const StoreRow &store);

} // namespace mblm::emit
