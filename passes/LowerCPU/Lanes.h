// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Work across the lanes of several vectors.
#pragma once

#include "passes/Emit/Emitter.h"

namespace mblm::cpu {
using namespace emit;

// Transposes `lanes` vectors of `lanes` elements in registers.
void transpose(Emitter &e, llvm::SmallVectorImpl<mlir::Value> &square);
// Lane i is the sum over the lanes of vector i of `lanes` vectors.
mlir::Value sumEachOf(Emitter &e, llvm::SmallVector<mlir::Value> vectors);

} // namespace mblm::cpu
