// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row program inside some kernel op, seen the same way whatever the op: body, tensor operands, columns. Fusion moves code
// between such sites.
#pragma once

#include "dialects/Kernel/IR/KernelOps.h"

#include "mlir/IR/IRMapping.h"

#include <optional>

namespace mblm::fusion {

struct RowSite {
  mlir::Operation *op;
  mlir::Block *body;
  unsigned firstOperand; // of the op, behind argument `firstArgument` of the body
  unsigned firstArgument;
  unsigned operands;
  int64_t columns, segments, width;
  enum Part { Body, Prologue, Epilogue } part;

  kernel::SpaceAttr space() const { return op->getAttrOfType<kernel::SpaceAttr>("space"); }
  mlir::MutableOperandRange inputs() const;
  // The body's argument for `tensor`, which becomes an operand if it is none yet.
  mlir::BlockArgument argumentFor(mlir::Value tensor);
  // Drops operand and argument `index` (of this site); the argument has no uses left.
  void dropOperand(unsigned index);
  void setSegments(int64_t segments, int64_t width);
};

// The sites of an op: its body, or prologue and epilogue.
llvm::SmallVector<RowSite> rowSites(mlir::Operation *op);

// Whether `value` differs from column to column, and from segment to segment, of one row.
bool dependsOnColumn(mlir::Value value);
bool hasReductions(mlir::Block &body);

} // namespace mblm::fusion
