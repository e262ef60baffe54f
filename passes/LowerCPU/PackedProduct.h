// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What products with packed weights share: the rows that they multiply, where a weight's panels lie, and passes over its depth.
#pragma once

#include "passes/Emit/Results.h"
#include "passes/LowerCPU/KernelWriter.h"
#include "passes/LowerCPU/NarrowOperands.h"

namespace mblm::cpu {

// Rows of a product in scratch: f32, or rounded to bf16 with zeros behind them up to the weight's depth.
class FactorRows {
public:
  FactorRows(KernelWriter::Step &s, int64_t rows, int64_t depth, bool narrow);
  // The rows [from, to) of a space, as `program` makes them.
  void fill(Emitter &e, RowEmitter &program, kernel::SpaceAttr space, mlir::Value from, mlir::Value to) const;

  mlir::Value pointer;
  int64_t stride;
  bool narrow;
};

// A weight as `kernel.pack` lays it out, from the panel at `pointer` on.
struct PackedWeight {
  mlir::Value pointer;
  int64_t depth = 0;
  bool narrow = false;
  int64_t packedDepth() const { return narrow ? kernel::narrowDepth(depth) : depth; }
  // From this column on, a multiple of the panels' width.
  PackedWeight from(Emitter &e, mlir::Value column) const;
};

// Multiplies by columns of the weight, in passes of `depthPerPass`, 0 for one. `product` says all but what the weight decides: B,
// the depth, and whether a pass adds to the one before.
void multiplyByPacked(KernelWriter &writer, Emitter &e, const PackedWeight &weight, int64_t depthPerPass, BlockProduct product);

} // namespace mblm::cpu
