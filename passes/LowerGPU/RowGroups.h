// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs as the threads of a block run them: groups of threads take the rows in turn, and a group's threads share a row's
// columns.
#pragma once

#include "passes/Emit/Results.h"
#include "passes/LowerGPU/KernelWriter.h"

namespace mblm::cuda {

// Columns that a thread takes at a time, and threads for one row.
struct RowShape {
  int64_t lanes, group;
};
RowShape rowShape(int64_t columns, int64_t segments, int64_t width);

// A row program that gives a value to some op: as a kernel's body, prologue or epilogue.
struct RowProgram {
  mlir::Block &body;
  int64_t columns, segments, width;

  RowShape shape() const { return rowShape(columns, segments, width); }
  bool looksAcrossColumns() const;
};

// Those of the rows [from, from + most) of a space that are there: by the groups of all threads, in order for each group.
void forRowsOfBlock(ThreadEmitter &e, kernel::SpaceAttr space, mlir::Value from, int64_t most, int64_t group,
                    const std::function<void(mlir::Value row, mlir::Value k, mlir::Value t)> &body);

using RowTensorsInBlock = std::function<llvm::SmallVector<Memory>(mlir::Value rowInBlock)>;

// Runs a program on such rows. `tensors` may depend on the row's number in the block. `range`: only these columns.
struct ColumnRange {
  mlir::Value begin, end;
};
void emitRowsOfBlock(ThreadEmitter &e, const RowProgram &program, kernel::SpaceAttr space, mlir::Value from, int64_t most,
                     const RowTensorsInBlock &tensors, ResultWriter &results,
                     std::optional<ColumnRange> range = {});

// The same for programs with one value, which goes to `result` from `offset(row, k, t)` on; only where `wanted(t)` holds, if
// that is not null.
void emitRowsOfBlock(ThreadEmitter &e, const RowProgram &program, kernel::SpaceAttr space, mlir::Value from, int64_t most,
                     const RowTensorsInBlock &tensors,
                     const std::function<mlir::Value(mlir::Value row, mlir::Value k, mlir::Value t)> &offset,
                     const Memory &result, const std::function<mlir::Value(mlir::Value t)> &wanted = {},
                     std::optional<ColumnRange> range = {});

// Sums over the rows of a block, one for each result that has them: each group adds up its rows in shared memory.
class BlockSums {
public:
  // `begin`: the first column; `columns` of them are summed. `pointers` are those of the results.
  BlockSums(ThreadEmitter &e, mlir::ResultRange results, llvm::ArrayRef<int64_t> sums, llvm::ArrayRef<mlir::Value> pointers,
            int64_t columns, int64_t group);
  static int64_t bytes(size_t sums, int64_t columns, int64_t groups) { return sums * columns * groups * 4; }
  // Before and behind the rows of block `block`; columns begin at `begin` (null: 0), and those from `end` on are none.
  void begin(ResultWriter &writer, mlir::Value begin);
  void finish(mlir::Value block, mlir::Value begin, mlir::Value end);

private:
  ThreadEmitter &e;
  int64_t columns, group;
  struct Sum {
    unsigned number;
    mlir::Value shared, result;
    int64_t width; // of the result's rows
  };
  llvm::SmallVector<Sum> sums;
};

} // namespace mblm::cuda
