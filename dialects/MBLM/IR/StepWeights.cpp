// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/MBLM/IR/StepWeights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mblm;

static bool isWeight(OpOperand &use) {
  auto linear = dyn_cast<LinearOp>(use.getOwner());
  return linear && !linear.getTransposed() && &linear.getWeightMutable() == &use;
}

StepWeights::StepWeights(ModuleOp module) {
  SmallVector<LoadOp> loads;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function->hasAttr(stepWeightsAttrName)) {
      llvm::append_range(loads, function.getOps<LoadOp>());
    }
  }
  llvm::DenseSet<Attribute> readOtherwise; // parameters
  for (LoadOp load : loads) {
    if (!llvm::all_of(load->getUses(), isWeight)) {
      readOtherwise.insert(load.getParameters().begin(), load.getParameters().end());
    }
  }
  for (LoadOp load : loads) {
    if (llvm::none_of(load.getParameters(), [&](Attribute parameter) { return readOtherwise.contains(parameter); })) {
      linears.insert(load->user_begin(), load->user_end());
    }
  }
}
