// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all builders of steps share: how many positions they take, what they are called, and the function, still empty.
#pragma once

#include "dialects/MBLM/IR/StepWeights.h"
#include "passes/Locations.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mblm::decode {

// Positions of a short prefill beside one of `rows`; 0: none.
inline int64_t shortOf(int64_t rows) { return rows / 8; }

// What ops of a function are called after that of @forward which they stand for: /step, or as the function, without its stage.
inline std::string placeOf(llvm::StringRef function, int64_t rows) {
  return rows == 1 ? "/step" : ("/" + function.rsplit('_').first).str();
}

inline mlir::func::FuncOp createStep(mlir::OpBuilder &builder, mlir::func::FuncOp forward, const std::string &name,
                                     mlir::FunctionType type) {
  auto function = mlir::func::FuncOp::create(builder, derivedLoc(forward.getLoc(), "/" + name), name, type);
  if (mlir::Attribute weights = forward->getParentOp()->getAttr(stepWeightsAttrName)) {
    function->setAttr(stepWeightsAttrName, weights);
  }
  return function;
}

} // namespace mblm::decode
