// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scans with any combination: a kernel each, with the user's scalar code inside.
#include "passes/ConvertToKernel/Converter.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

static void copyScalars(OpBuilder &builder, Region &from, Region &to) {
  OpBuilder::InsertionGuard guard(builder);
  IRMapping map;
  from.cloneInto(&to, map);
  Operation *yield = to.front().getTerminator();
  builder.setInsertionPoint(yield);
  kernel::YieldOp::create(builder, yield->getLoc(), yield->getOperands());
  yield->erase();
}

void Converter::convertScan(mblm::ScanOp op) {
  auto scan = PrefixOp::create(builder, op->getLoc(), op->getResultTypes(), op.getInputs(), spaceOf(resultShape(op)));
  copyScalars(builder, op.getCombine(), scan.getCombine());
  replace(op, scan.getResults());
}

void Converter::convertScanGrad(mblm::ScanGradOp op) {
  auto grad = PrefixGradOp::create(builder, op->getLoc(), op->getResultTypes(), op.getGrads(), op.getStates(), op.getInputs(),
                                   spaceOf(resultShape(op)));
  copyScalars(builder, op.getVjp(), grad.getVjp());
  replace(op, grad.getInputGrads());
}
