// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns a row program into loops over one row. Every reduction over columns ends a phase: phase n computes what the n-th
// generation of reductions needs, in one loop over the columns, and the last phase computes what is yielded. Values that are
// the same in all columns are computed once a row, or once a segment.
#pragma once

#include "passes/Emit/DropoutEmitter.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace mblm::emit {

class RowEmitter {
public:
  // `tensors` stand for the body's tensor arguments.
  RowEmitter(Emitter &emitter, mlir::Block &body, int64_t columns, int64_t segments, int64_t width,
             llvm::ArrayRef<Memory> tensors);

  // Only the columns [begin, end) from here on; for programs of one segment that do not look across columns.
  void setRange(mlir::Value begin, mlir::Value end) {
    rangeBegin = begin;
    rangeEnd = end;
  }

  // The threads that share a row's columns: this one has `number` of `count`, a power of two. Rows hold whole vectors then.
  void setThreads(mlir::Value number, int64_t count) {
    thread = number;
    threads = count;
  }
  // What one of these threads does for all.
  void byOneThread(const std::function<void()> &body) {
    threads > 1 ? e.when(e.equal(thread, e.index(0)), body) : body();
  }

  // Receives yielded value `number` at column `c`: a vector, under `mask` if that is not null.
  using Sink = std::function<void(unsigned number, mlir::Value value, mlir::Value column, mlir::Value mask)>;
  // Receives yielded values that are wanted once a row, as scalars.
  using RowSink = std::function<void(unsigned number, mlir::Value value)>;

  // Emits the loops for the row at (sequence, position). `perRow` lists the yields that go to `rowSink`.
  void emit(mlir::Value sequence, mlir::Value position, const Sink &sink, llvm::ArrayRef<unsigned> perRow = {},
            const RowSink &rowSink = {});

  // Whether the body only hands its first tensor argument, of just these columns, through element by element.
  static bool isIdentity(mlir::Block &body, int64_t columns);

private:
  enum Scope { Row, Segment, Column };
  struct Facts {
    Scope scope = Row;
    int64_t phase = 0; // generations of reductions that must be complete before
  };
  using Values = llvm::SmallVector<mlir::Value>;
  // Work at one group of columns: gets the accumulators, returns their new values.
  using ColumnBody = std::function<Values(mlir::Value column, mlir::Value mask, mlir::ValueRange)>;

  void analyse();
  Values overColumns(llvm::ArrayRef<mlir::Value> targets, mlir::ValueRange init, const ColumnBody &work);
  Values overShare(llvm::ArrayRef<mlir::Operation *> ops, mlir::ValueRange init, const ColumnBody &work);
  Values overSegment(mlir::Value segment, llvm::ArrayRef<mlir::Operation *> ops, mlir::ValueRange init,
                     const ColumnBody &work);
  void reduce(int64_t phase);
  llvm::SmallVector<mlir::Operation *> needed(llvm::ArrayRef<mlir::Value> targets);
  void emitScope(Scope scope, llvm::ArrayRef<mlir::Operation *> ops);
  void emitOp(mlir::Operation *op);
  mlir::Value emitLoad(kernel::LoadOp load);
  mlir::Value emitKeep(kernel::KeepOp keep);
  bool beginsBlock(mlir::Value column);
  mlir::Value lanesOf(mlir::Value index);
  mlir::Value get(mlir::Value value) { return map.lookupOrDefault(value); }
  mlir::Value vectorOf(mlir::Value emitted);

  Emitter &e;
  mlir::Block &body;
  int64_t numColumns, segments, width;
  mlir::Value rangeBegin, rangeEnd; // null: all columns
  mlir::Value thread;               // null: one thread takes all
  int64_t threads = 1;
  llvm::SmallVector<Memory> tensors;
  llvm::DenseMap<mlir::Value, Facts> facts;
  llvm::SmallVector<llvm::SmallVector<mlir::Operation *>> reductions; // by the phase that computes them
  llvm::DenseMap<mlir::Value, DropoutEmitter> dropouts; // of the row at hand, by their keys
  mlir::IRMapping map;
};

} // namespace mblm::emit
