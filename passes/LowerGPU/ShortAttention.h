// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention over short sequences. A block has several whole ones (pairs of a sequence and a head) in shared memory; a
// thread has one position, and its scores to all others in registers.
#pragma once

#include "passes/LowerGPU/AttentionPlan.h"

namespace mblm::cuda {

// How many pairs a block has room for, with `copies` rows of each position.
struct ShortSizes {
  ShortSizes(const AttentionShape &shape, int64_t copies, int64_t floatsOfPair);
  int64_t length, width, lanes;
  int64_t stride; // of rows in shared memory
  int64_t pairs, threads;
};

class ShortAttention {
public:
  ShortAttention(KernelWriter::Step &s, const AttentionPlan &plan, const ShortSizes &sizes);
  static Grid grid(const AttentionPlan &plan, const ShortSizes &sizes) { return {plan.shape.pairs(), sizes.pairs}; }

  KernelWriter::Step &s;
  ThreadEmitter &e;
  const AttentionPlan &plan;
  const ShortSizes &sizes;
  mlir::Value pair, position; // of this thread: in the block, in the sequence
  mlir::Value active;         // whether there is such a position
  mlir::Value item() { return e.add(firstItem, pair); }
  // The number of (sequence, position, head) in `lse`.
  mlir::Value line();

  mlir::Value allocate() { return e.shared(sizes.pairs * sizes.length * sizes.stride * 4); }
  // Between a tensor and rows in shared memory, rotated where there is a table.
  void read(const HeadTensor &tensor, mlir::Value rows, mlir::Value table);
  void write(mlir::Value rows, const HeadTensor &tensor, mlir::Value table);

  // Where row `t` of this thread's pair begins.
  mlir::Value row(mlir::Value t) { return e.mul(e.add(e.mul(pair, sizes.length), t), sizes.stride); }
  mlir::Value load(mlir::Value rows, mlir::Value t, mlir::Value c) {
    return e.loadNumbers({rows, {}, e.f32(), true}, e.add(row(t), c), /*wide=*/true);
  }
  void store(mlir::Value numbers, mlir::Value rows, mlir::Value t, mlir::Value c) {
    e.storeNumbers(numbers, {rows, {}, e.f32(), true}, e.add(row(t), c));
  }

  using Sums = llvm::SmallVector<mlir::Value>;
  // For every row t of `rows`: its product with row `position` of `own`.
  Sums score(mlir::Value own, mlir::Value rows);
  // target[position] = factor * sum over t of weights[t] * rows[t].
  void mix(mlir::ArrayRef<mlir::Value> weights, mlir::Value rows, mlir::Value target, mlir::Value factor);
  // Which rows this thread's position sees as a query.
  Sums visible();
  // What dropout multiplies the probabilities of this thread's position by; empty without.
  Sums factors();

private:
  LineCopy copyOf(const HeadTensor &tensor, mlir::Value rows, mlir::Value table, bool reads);

  mlir::Value firstItem, items;
};

void emitShortAttention(KernelWriter &writer, kernel::AttentionOp op, const AttentionPlan &plan);
void emitShortAttentionGrad(KernelWriter &writer, kernel::AttentionGradOp op, const AttentionPlan &plan);

} // namespace mblm::cuda
