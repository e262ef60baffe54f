// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The backward recurrence's temporary: states and their gradients at the borders of chunks, so that chunks can be computed in any
// order, and each chunk's sums over its positions.
#pragma once

#include "passes/LowerGPU/SsdBlock.h"

namespace mblm::cuda {

struct SsdBorders {
  SsdBorders(ThreadEmitter &e, const SsdPlan &plan, mlir::Value temporary);
  static SymbolicDim floats(const SsdPlan &plan);
  // Of a unit: for each head the sums for a_log and dt_bias, then those for skip.
  static int64_t sumFloats(const SsdShape &shape) {
    return shape.heads * (2 + (shape.skipPerFeature ? shape.width : 1));
  }

  // A head's [N][P] at a unit: the state that the unit begins with; the gradient of the state that it leaves.
  mlir::Value state(mlir::Value unit, mlir::Value head) { return e.at(states, offset(unit, head)); }
  mlir::Value grad(mlir::Value unit, mlir::Value head) { return e.at(grads, offset(unit, head)); }
  // The product of the latter and the state that it belongs to: a slice's place, and all of it.
  mlir::Value dotOf(mlir::Value unit, mlir::Value head, mlir::Value slice);
  mlir::Value dot(mlir::Value unit, mlir::Value head);
  mlir::Value sums(mlir::Value unit) { return e.at(sumRows, e.mul(unit, sumFloats(plan.shape))); }

private:
  mlir::Value offset(mlir::Value unit, mlir::Value head) {
    return e.mul(e.add(e.mul(unit, plan.shape.heads), head), plan.shape.states * plan.shape.width);
  }

  ThreadEmitter &e;
  const SsdPlan plan;
  mlir::Value states, grads, dots, sumRows;
};

// The kernels that fill in the borders. The temporary is the last of `tensors` pointers.
void emitSsdBorders(KernelWriter &writer, kernel::SsdGradOp op, const SsdPlan &plan, unsigned tensors);

} // namespace mblm::cuda
