// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The function of a step, still empty.
#pragma once

#include "dialects/MBLM/IR/StepWeights.h"
#include "passes/Locations.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mblm::decode {

inline mlir::func::FuncOp createStep(mlir::OpBuilder &builder, mlir::func::FuncOp forward, const std::string &name,
                                     mlir::FunctionType type) {
  auto function = mlir::func::FuncOp::create(builder, derivedLoc(forward.getLoc(), "/" + name), name, type);
  if (mlir::Attribute weights = forward->getParentOp()->getAttr(stepWeightsAttrName)) {
    function->setAttr(stepWeightsAttrName, weights);
  }
  return function;
}

} // namespace mblm::decode
