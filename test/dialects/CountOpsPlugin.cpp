// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A pass built outside mblm-opt, as users build theirs: it counts a function's ops of the dialect, and their flops.
#include "dialects/MBLM/IR/MBLMOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;

namespace {

struct CountOpsPass : public PassWrapper<CountOpsPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CountOpsPass)
  StringRef getArgument() const override { return "count-mblm-ops"; }
  StringRef getDescription() const override { return "Counts ops of the mblm dialect, and their flops."; }

  void runOnOperation() override {
    int64_t count = 0;
    double flops = 0;
    auto shapesOf = [](ValueRange values) {
      SmallVector<SmallVector<int64_t>> shapes;
      for (Type type : values.getTypes()) {
        shapes.emplace_back(cast<RankedTensorType>(type).getShape());
      }
      return shapes;
    };
    getOperation().walk([&](mblm::CostOpInterface op) {
      ++count;
      flops += op.getFlops(shapesOf(op->getOperands()), shapesOf(op->getResults()));
    });
    getOperation().emitRemark() << count << " ops, " << static_cast<int64_t>(flops) << " flops";
  }
};

} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "CountOps", "1", [] { PassRegistration<CountOpsPass>(); }};
}
