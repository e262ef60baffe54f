// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What state-space models make of their numbers, for single ones and for vectors.
#pragma once

#include "passes/Emit/Emitter.h"

namespace mblm::emit {

// A number for each lane that `like` has.
mlir::Value numbers(Emitter &e, double x, mlir::Value like);
// 2^x for x <= 0, within 2e-7; below 2^-125 that. Where the machine has an instruction for it, as exact as that is.
mlir::Value powerOfTwo(Emitter &e, mlir::Value x);
// softplus(x) and, where asked for, sigmoid(x).
mlir::Value softplus(Emitter &e, mlir::Value x, mlir::Value *sigmoid = nullptr);
mlir::Value sigmoid(Emitter &e, mlir::Value x);

// The bounds of Mamba-2's steps.
struct StepLimits {
  double least, most;
  mlir::Value clamp(Emitter &e, mlir::Value step) const;
  // A number of a step before clamp(), 0 where it is out of bounds.
  mlir::Value inside(Emitter &e, mlir::Value step, mlir::Value number) const;
};

} // namespace mblm::emit
