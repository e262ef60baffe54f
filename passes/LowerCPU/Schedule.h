// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which ops take a schedule of a CPU, which one the cost model chooses for them, and which others may be worth a try.
#pragma once

#include "passes/Choices.h"
#include "passes/Emit/Emitter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mblm::cpu {

bool takesSchedule(mlir::Operation *op);

// That a core does in a cycle, on registers; of bf16 factors, or of f32.
double multiplyAdds(const emit::Machine &machine, bool narrow);

// Of kernels that may go together, writes numbers of runs and the rows of their products' schedules; `fixed` are to stay as they are.
void scheduleRuns(mlir::func::FuncOp function, LocalLayers which, const emit::Machine &machine,
                  const llvm::DenseSet<mlir::Operation *> &fixed);

// For an op that takes one.
kernel::CpuScheduleAttr chooseSchedule(mlir::Operation *op, const emit::Machine &machine);

// Schedules that differ enough to be timed, the cost model's first. Few, for each costs a compilation.
llvm::SmallVector<kernel::CpuScheduleAttr> scheduleCandidates(mlir::Operation *op, const emit::Machine &machine);

} // namespace mblm::cpu
