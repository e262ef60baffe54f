// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What both attention kernels decide before they write anything.
#pragma once

#include "passes/LowerGPU/AttentionBlock.h"
#include "passes/LowerGPU/Kernels.h"

namespace mblm::cuda {

struct AttentionPlan {
  // Operands in the order of kernel.attention's, from `firstInput` on.
  template <typename OpT>
  AttentionPlan(OpT op, unsigned firstInput) : shape(attentionShape(op)), results(op->getNumOperands()) {
    for (unsigned n = 0; n < 3; ++n) {
      auto type = mlir::cast<mlir::RankedTensorType>(op->getOperand(firstInput + n).getType());
      inputs[n].pointer = firstInput + n;
      inputs[n].element = type.getElementType();
      inputs[n].stride = type.getShape().back();
      inputs[n].offset = op.getOffsets()[n];
    }
    if (op.getDropoutKey()) {
      dropoutKey = results - 1;
    }
    if (op.getTable()) {
      table = results - (dropoutKey ? 2 : 1);
    }
    temporary = results + op->getNumResults();
  }

  AttentionShape shape;
  HeadTensor inputs[3]; // query, key, value
  std::optional<unsigned> table, dropoutKey; // pointers, as these:
  unsigned results, temporary;

  bool isRotated(unsigned input) const { return table && input < 2; }
  mlir::Value pointer(KernelWriter::Step &s, std::optional<unsigned> number) const {
    return number ? s.pointers[*number] : mlir::Value();
  }
  // A tensor with the features of all heads and nothing else.
  HeadTensor wholeTensor(unsigned pointer, mlir::Value tensor) const {
    return {pointer, mlir::cast<mlir::RankedTensorType>(tensor.getType()).getElementType(), shape.heads * shape.width, 0, false, {}};
  }
  // A packed tensor, in elements.
  SymbolicDim elements() const { return scaled(rowsOf(shape.space), shape.heads * shape.width); }
};

} // namespace mblm::cuda
