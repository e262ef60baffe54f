// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sizes of Mamba-2's recurrence.
#pragma once

#include "passes/Emit/Logistic.h"

namespace mblm::emit {

struct SsdShape {
  kernel::SpaceAttr space;
  int64_t heads, width, groups, states; // P and N
  int64_t chunk;                        // positions computed at once
  StepLimits limits;
  bool skipPerFeature;
  int64_t strides[4], offsets[4]; // of input, dt, b, c

  int64_t headsPerGroup() const { return heads / groups; }
  int64_t parts() const { return kernel::ssdParts(heads, groups); }
  int64_t headsPerItem() const { return kernel::ceilDiv(headsPerGroup(), parts()); }
};

// Chunks have at most `longest` positions before they are rounded to a multiple of `tile`; longer ones only add work within them.
// Short sequences are cut into equal ones.
template <typename OpT> SsdShape ssdShape(OpT op, int64_t longest, int64_t tile) {
  SsdShape shape{op.getSpace(),
                 static_cast<int64_t>(op.getHeads()),
                 static_cast<int64_t>(op.getHeadDim()),
                 static_cast<int64_t>(op.getGroups()),
                 static_cast<int64_t>(op.getStates()),
                 std::min<int64_t>(op.getChunk(), longest),
                 {op.getDtMin().convertToDouble(), op.getDtMax().convertToDouble()},
                 mlir::cast<mlir::RankedTensorType>(op.getSkip().getType()).getDimSize(0) != static_cast<int64_t>(op.getHeads()),
                 {},
                 {}};
  const mlir::Value sources[] = {op.getInput(), op.getDt(), op.getB(), op.getC()};
  for (auto [number, source] : llvm::enumerate(sources)) {
    shape.strides[number] = mlir::cast<mlir::RankedTensorType>(source.getType()).getShape().back();
    shape.offsets[number] = op.getOffsets()[number];
  }
  SymbolicDim positions = op.getSpace().getPositions();
  if (positions.isConstant() && positions.one > 0) {
    shape.chunk = kernel::ceilDiv(positions.one, kernel::ceilDiv(positions.one, shape.chunk));
  }
  shape.chunk = kernel::ceilDiv(shape.chunk, tile) * tile;
  return shape;
}

} // namespace mblm::emit
