// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A run: kernels of one space that go together from block of rows to block of rows, as one launch. A work item takes its rows through
// all of them, one after another, so that what only they read stays in the thread's scratch. Their kernels are those that each has
// alone, and so are the numbers.
#pragma once

#include "dialects/Kernel/IR/KernelRun.h"
#include "passes/LowerCPU/Kernels.h"

namespace mblm::cpu {

struct Run {
  llvm::SmallVector<mlir::Operation *> ops; // in their order

  kernel::SpaceAttr space() const { return ops.front()->getAttrOfType<kernel::SpaceAttr>("space"); }
  // Whether one of them makes the tensor that a value is, or shows.
  bool makes(mlir::Value value) const;
  // Whether one of them makes the value and nothing else reads it.
  bool keeps(mlir::Value value) const;
  // What they read that none of them makes, as often as they do, and what they make that others read.
  llvm::SmallVector<mlir::Value> reads() const;
  llvm::SmallVector<mlir::OpResult> leaves() const;
  // Rows of a work item: those of the products' schedules, a multiple of `rowsTogether`.
  int64_t rows() const;
  int64_t rowsTogether() const;
};

// Why an op cannot be one of a run behind these ops, which may be none yet; empty where it can.
std::string whyNotBehind(const Run &run, mlir::Operation *op);

// Where what a run keeps lies in scratch, in floats, for items of `rows` rows.
struct RunScratch {
  llvm::DenseMap<mlir::Value, int64_t> offsets;
  int64_t floats = 0;
};
RunScratch placeInScratch(const Run &run, int64_t rows);
// Whether a tensor has a row for each of a space's, and the floats of one.
bool isOver(mlir::Value value, kernel::SpaceAttr space);
int64_t floatsOfRow(mlir::Value value);

// The runs of a function's kernels, in their order, as `kernel.run` says. Fails with an error at an op that cannot be in its run.
llvm::FailureOr<llvm::SmallVector<Run>> runsOf(llvm::ArrayRef<mlir::Operation *> ops);

// Pointers are those of what the run reads, then of what it leaves; `kernels` are those of its ops.
void emitRun(KernelWriter &writer, const Run &run, llvm::ArrayRef<const CompiledKernel *> kernels);

} // namespace mblm::cpu
