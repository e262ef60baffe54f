// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which ops take a schedule, and which one the cost model chooses for them.
#pragma once

#include "passes/LowerGPU/KernelWriter.h"

namespace mblm::cuda {

// Whether an op's kernels work on tiles that a schedule says. Short sequences of attention are not cut into tiles.
bool takesSchedule(mlir::Operation *op);

// For an op that takes one.
kernel::ScheduleAttr chooseSchedule(mlir::Operation *op, const Architecture &architecture, Precision precision);

} // namespace mblm::cuda
