// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of loss and update.
#include "dialects/MBLM/IR/MBLMVerify.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace mblm;

// Constraints C1 to C3 of mblm.cross_entropy, for it and its gradient; `perRow` is the loss or its gradient.
template <typename OpTy>
static LogicalResult verifyCrossEntropy(OpTy op, Value perRow, StringRef perRowName) {
  // cross_entropy_c1, cross_entropy_grad_c1
  auto offset = static_cast<int64_t>(op.getOffset());
  Value logits = op.getLogits();
  if (failed(expectAtLeast(op, "offset", offset, 0)) ||
      failed(expectShape(op, op.getIds(), "ids",
                         {{sizeOf(logits, 0), "dim(logits, 0)"},
                          {scaled(sizeOf(logits, 1), 1, offset), "dim(logits, 1) + offset"}}))) {
    return failure();
  }
  // cross_entropy_c2, cross_entropy_grad_c2
  if (failed(expectShape(op, perRow, perRowName,
                         {{sizeOf(logits, 0), "dim(logits, 0)"}, {sizeOf(logits, 1), "dim(logits, 1)"}}))) {
    return failure();
  }
  // cross_entropy_c3, cross_entropy_grad_c3
  return expectBelow(op, "ignore", op.getIgnore(), sizeOf(logits, 2));
}

LogicalResult CrossEntropyOp::verify() { return verifyCrossEntropy(*this, getLoss(), "loss"); }

LogicalResult CrossEntropyGradOp::verify() { return verifyCrossEntropy(*this, getGrad(), "grad"); }

LogicalResult MeanLossOp::verify() {
  // mean_loss_c1
  auto offset = static_cast<int64_t>(getOffset());
  Value losses = getTokenLoss();
  ExpectedSize shape[] = {{sizeOf(losses, 0), "dim(token_loss, 0)"},
                          {scaled(sizeOf(losses, 1), 1, offset), "dim(token_loss, 1) + offset"}};
  return success(succeeded(expectAtLeast(*this, "offset", offset, 0)) &&
                 succeeded(expectShape(*this, getMask(), "mask", shape)) &&
                 succeeded(expectShape(*this, getIds(), "ids", shape)));
}

LogicalResult MeanLossGradOp::verify() {
  // mean_loss_grad_c1
  auto offset = static_cast<int64_t>(getOffset());
  if (failed(expectAtLeast(*this, "offset", offset, 0))) {
    return failure();
  }
  return expectShape(*this, getMask(), "mask",
                     {{sizeOf(getResult(), 0), "dim(result, 0)"},
                      {scaled(sizeOf(getResult(), 1), 1, offset), "dim(result, 1) + offset"}});
}

LogicalResult UpdateOp::verify() {
  // update_c1
  if (failed(expectSize(*this, getHyper(), "hyper", 0, {8, "the number of hyperparameters"}))) {
    return failure();
  }
  // update_c2
  auto module = (*this)->getParentOfType<ModuleOp>();
  auto parameters = module ? llvm::range_size(module.getOps<ParameterOp>()) : 0;
  return expectSize(*this, getDecay(), "decay", 0,
                    {static_cast<int64_t>(parameters), "the number of parameters in the module"});
}
