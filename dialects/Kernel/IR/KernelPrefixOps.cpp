// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of scans, by the constraints' numbers in KernelPrefixOps.td.
#include "dialects/Kernel/IR/KernelVerify.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

static LogicalResult verifyElements(Operation *op, SpaceAttr space, unsigned count) {
  if (count == 0) {
    return op->emitOpError("expects at least one input, but got none");
  }
  if (op->getNumResults() != count) {
    return op->emitOpError("expects as many results as inputs (") << count << "), but got " << op->getNumResults();
  }
  auto expect = [&](ValueRange values, StringRef kind) {
    for (auto [number, value] : llvm::enumerate(values)) {
      std::string name = (kind + " " + Twine(number)).str();
      ExpectedSize width{tensorOf(op->getOperand(0)).getShape().back(), "the width of operand 0"};
      if (failed(expectOver(op, value, name, space, width))) {
        return failure();
      }
    }
    return success();
  };
  return success(succeeded(expect(op->getOperands(), "operand")) && succeeded(expect(op->getResults(), "result")));
}

LogicalResult PrefixOp::verify() {
  unsigned n = getInputs().size();
  if (failed(verifyElements(*this, getSpace(), n))) {
    return failure(); // prefix_c1
  }
  return verifyScalarCode(*this, "combine", getCombine(), 2 * n, n); // prefix_c2, prefix_c3
}

LogicalResult PrefixGradOp::verify() {
  unsigned n = getInputs().size();
  if (failed(verifyElements(*this, getSpace(), n))) {
    return failure(); // prefix_grad_c1
  }
  return verifyScalarCode(*this, "vjp", getVjp(), 3 * n, 2 * n); // prefix_grad_c2, prefix_grad_c3
}
