// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rows of a space, and where the results of their row programs go.
#pragma once

#include "passes/Emit/RowEmitter.h"

namespace mblm::emit {

// K * T of a space.
SymbolicDim rowsOf(kernel::SpaceAttr space);
Memory memoryOf(mlir::Value pointer, mlir::Value tensor);
llvm::SmallVector<Memory> memoriesOf(llvm::ArrayRef<mlir::Value> pointers, mlir::ValueRange tensors);

// Calls `body(row, sequence, position)` for rows [from, to) of a space.
void forRows(Emitter &e, kernel::SpaceAttr space, mlir::Value from, mlir::Value to,
             const std::function<void(mlir::Value, mlir::Value, mlir::Value)> &body);

// The target of row (k, t), as index and as i1 whether it counts.
std::pair<mlir::Value, mlir::Value> targetOf(Emitter &e, mlir::Value ids, const SymbolicDim &positions, mlir::Value k,
                                             mlir::Value t, int64_t offset, std::optional<uint64_t> ignore);

// Where the results of a rows op or an epilogue go: per element, per row, or into block sums.
class ResultWriter {
public:
  ResultWriter(Emitter &e, mlir::ResultRange results, llvm::ArrayRef<mlir::Value> pointers, llvm::ArrayRef<int64_t> blockSums);
  // Before the rows of `block`.
  void beginBlock(mlir::Value block);
  // Where the rows to come add up result `number`.
  void setSums(unsigned number, mlir::Value pointer) { sums[number] = pointer; }
  void emitRow(RowEmitter &rows, mlir::Value row, mlir::Value sequence, mlir::Value position);

private:
  struct Result {
    Memory memory;
    int64_t columns;
    bool sums;
  };
  Emitter &e;
  llvm::SmallVector<Result> results;
  llvm::SmallVector<unsigned> perRow;
  llvm::SmallVector<mlir::Value> sums; // of the block at hand, by result
};

} // namespace mblm::emit
