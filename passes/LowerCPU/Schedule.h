// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which ops take a schedule of a CPU, which one the cost model chooses for them, and which others may be worth a try.
#pragma once

#include "passes/Emit/Emitter.h"

namespace mblm::cpu {

// What a level (compiler/Target/Machine.h) offers to emitters, and how large the cost model takes a core's caches to be.
struct Level {
  emit::Machine machine;
  int64_t nearBytes = 32 << 10, middleBytes = 1 << 20; // the first and the second one
};
// An error at `loc` for a level that is not known.
mlir::FailureOr<Level> findLevel(mlir::Location loc, llvm::StringRef name);

bool takesSchedule(mlir::Operation *op);

// For an op that takes one.
kernel::CpuScheduleAttr chooseSchedule(mlir::Operation *op, const Level &level);

// Schedules that differ enough to be timed, the cost model's first. Few, for each costs a compilation.
llvm::SmallVector<kernel::CpuScheduleAttr> scheduleCandidates(mlir::Operation *op, const Level &level);

} // namespace mblm::cpu
