// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shows symbolic sizes, for people and for tests of shape inference.
#include "dialects/MBLM/IR/ShapeInference.h"
#include "passes/Passes.h"

using namespace mlir;

namespace mblm {
#define GEN_PASS_DEF_PRINTSHAPESPASS
#include "passes/Passes.h.inc"
} // namespace mblm

using namespace mblm;

namespace {

struct PrintShapesPass : public mblm::impl::PrintShapesPassBase<PrintShapesPass> {
  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      auto shapes = inferShapes(func);
      if (failed(shapes)) {
        return signalPassFailure();
      }
      func.walk([&](Operation *op) {
        if (op->getNumResults() == 0) {
          return;
        }
        InFlightDiagnostic remark = op->emitRemark();
        llvm::interleaveComma(op->getResults(), remark, [&](Value v) { remark << describe(shapes->lookup(v)); });
      });
    }
    markAllAnalysesPreserved();
  }
};

} // namespace
