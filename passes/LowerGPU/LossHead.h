// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the losses' kernels, forward and backward, have in common: how the logits of some rows are worked out.
#pragma once

#include "passes/LowerGPU/Kernels.h"
#include "passes/LowerGPU/TileProduct.h"

namespace mblm::cuda {

struct LossHead {
  template <typename OpT> // kernel::CrossEntropyOp | kernel::CrossEntropyGradOp
  explicit LossHead(OpT op)
      : op(op), inputs(op.getInputs()), prologue(prologueOf(op)), schedule(kernel::scheduleOf(op)), packed(op.getPacked()),
        space(op.getSpace()), rows(rowsOf(space)), columns(op.getColumns()), depth(op.getDepth()), offset(op.getOffset()),
        ignore(op.getIgnore()), plainRows(readsPlainRows(prologue, inputs, space)), weight(inputs.size()) {
    constexpr bool backward = std::is_same_v<OpT, kernel::CrossEntropyGradOp>; // has the transposed weight, too
    unsigned next = weight + (backward ? 2 : 1);
    biasAt = op.getBias() ? std::optional<unsigned>(next++) : std::nullopt;
    ids = next;
    results = op->getNumOperands();
    made = results + op->getNumResults();
  }

  // Kernels have so many pointers. The last one, where the rows are no tensor of their own, is where they are put.
  unsigned tensors() const { return made + !plainRows; }
  SymbolicDim temporary() const { return plainRows ? SymbolicDim() : scaled(rows, depth); }
  void makeRows(KernelWriter &writer) const;
  Memory madeRows(const KernelWriter &writer, const KernelWriter::Step &s) const;

  // logits[r, c], without bias, of the rows [from, from + product.rows) and the columns from `n0` on; zero for rows from `end` on.
  TileProduct::Sums logits(const KernelWriter &writer, KernelWriter::Step &s, TileProduct &product, mlir::Value from,
                           mlir::Value end, mlir::Value n0) const;
  mlir::Value bias(const KernelWriter::Step &s) const { return biasAt ? s.pointers[*biasAt] : mlir::Value(); } // null: none
  std::pair<mlir::Value, mlir::Value> target(KernelWriter::Step &s, mlir::Value k, mlir::Value t) const {
    return targetOf(s.e, s.pointers[ids], space.getPositions(), k, t, offset, ignore);
  }

  mlir::Operation *op;
  mlir::OperandRange inputs;
  RowProgram prologue;
  kernel::ScheduleAttr schedule;
  Weight packed;
  kernel::SpaceAttr space;
  SymbolicDim rows;
  int64_t columns, depth, offset;
  std::optional<uint64_t> ignore;
  bool plainRows;
  unsigned weight, ids, results, made; // pointers
  std::optional<unsigned> biasAt;
};

} // namespace mblm::cuda
