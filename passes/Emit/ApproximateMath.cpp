// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's polynomials for the functions whose vector forms would otherwise fall apart into calls, one a lane.
#include "passes/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/StringSet.h"

namespace mblm {
#define GEN_PASS_DEF_APPROXIMATEMATHPASS
#include "passes/Passes.h.inc"
} // namespace mblm

using namespace mlir;

namespace {

struct ApproximateMathPass : mblm::impl::ApproximateMathPassBase<ApproximateMathPass> {
  void runOnOperation() override {
    // Without sines and cosines: their polynomials have no relative accuracy near zero.
    static const llvm::StringSet<> names = {math::ExpOp::getOperationName(), math::LogOp::getOperationName(),
                                            math::Log1pOp::getOperationName(), math::TanhOp::getOperationName(),
                                            math::ErfOp::getOperationName()};
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) { return names.contains(name); });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) {
      signalPassFailure();
    }
  }
};

} // namespace
