// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Memory/InPlace.h"

#include "passes/Fusion/RowSite.h"

using namespace mlir;
using namespace mblm;

// What a head of a sequence reads of these is copied before its gradients are written: on a CPU by its work item, on a GPU by its
// block, or for long sequences by kernels before.
static SmallVector<Value> overwritableOperands(kernel::AttentionGradOp op) {
  Value source = op.getQuery();
  int64_t group = op.getHeads() * op.getHeadDim();
  bool joint = op.getKey() == source && op.getValue() == source && op.getResult().getType() == source.getType();
  bool inOrder = SmallVector<int64_t>(op.getOffsets()) == SmallVector<int64_t>{0, group, 2 * group};
  bool once = llvm::count(op->getOperands(), source) == 3;
  return joint && inOrder && once ? SmallVector<Value>{source} : SmallVector<Value>();
}

SmallVector<Value> mblm::overwritableOperands(OpResult result) {
  Operation *op = result.getOwner();
  if (auto grad = dyn_cast<kernel::AttentionGradOp>(op)) {
    return ::overwritableOperands(grad);
  }
  if (!isa<kernel::RowsOp, kernel::GemmOp>(op)) {
    return {};
  }
  // A gemm's prologue reads a whole block of rows before its epilogue writes any; only what the epilogue reads is done with.
  fusion::RowSite site = fusion::rowSites(op).back();
  kernel::RowIndices at = kernel::rowIndices(*site.body);
  SymbolicShape shape = kernel::shapeOf(result);
  SmallVector<Value> operands;
  for (unsigned n = 0; n < site.operands; ++n) {
    Value operand = op->getOperand(site.firstOperand + n);
    bool once = llvm::count(op->getOperands(), operand) == 1;
    bool here = llvm::all_of(site.body->getArgument(site.firstArgument + n).getUsers(), [&](Operation *user) {
      auto load = dyn_cast<kernel::LoadOp>(user);
      return load && !load.getOrZero() &&
             SmallVector<Value>(load.getIndices()) == SmallVector<Value>{at.sequence, at.position, at.column};
    });
    if (once && here && operand.getType() == result.getType() && kernel::shapeOf(operand) == shape) {
      operands.push_back(operand);
    }
  }
  return operands;
}
