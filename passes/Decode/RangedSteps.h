// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps of models whose attention goes by ranges, where maybe the data decides the patches. See Passes.td, mblm-decode.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mblm::decode {

// Positions of a short prefill beside one of `rows`; 0: none.
inline int64_t shortOf(int64_t rows) { return rows / 8; }

// What ops of a function are called after that of @forward which they stand for: /step, or as the function, without its stage.
inline std::string placeOf(llvm::StringRef function, int64_t rows) {
  return rows == 1 ? "/step" : ("/" + function.rsplit('_').first).str();
}

// `prefillRows`: positions of a prefill; 0: none.
llvm::LogicalResult buildRangedSteps(mlir::func::FuncOp forward, int64_t prefillRows);

} // namespace mblm::decode
