// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which weights the steps of a module read in int8.
#pragma once

#include "dialects/MBLM/IR/MBLMOps.h"

#include "llvm/ADT/DenseSet.h"

namespace mblm {

// Of a module, and of the steps that are derived in it: "int8" where they are to read weights of linear maps so.
constexpr llvm::StringLiteral stepWeightsAttrName = "mblm.step_weights";

class StepWeights {
public:
  // Looks at the steps as they are; what is converted afterwards is still known.
  explicit StepWeights(mlir::ModuleOp module);

  // Whether the op stands in a marked step, and its weight is made of parameters that steps read in linear maps alone: a table
  // that embeds bytes too stays f32, so that both read the same numbers.
  bool inInt8(LinearOp linear) const { return linears.contains(linear); }

private:
  llvm::DenseSet<mlir::Operation *> linears;
};

} // namespace mblm
