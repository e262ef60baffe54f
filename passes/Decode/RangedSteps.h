// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps of models whose attention goes by ranges, where maybe the data decides the patches. See Passes.td, mblm-decode.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mblm::decode {

// `prefillRows`: positions of a prefill; 0: none.
llvm::LogicalResult buildRangedSteps(mlir::func::FuncOp forward, int64_t prefillRows);

} // namespace mblm::decode
