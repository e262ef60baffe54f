// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows in shared memory that a row program makes there, as the left factor of products.
#pragma once

#include "passes/LowerGPU/RowGroups.h"
#include "passes/LowerGPU/TileProduct.h"

namespace mblm::cuda {

struct RowTile {
  // As many rows as the product has. Rows that nothing fills, and what is behind a row's `depth` numbers, count as zeros.
  RowTile(TileProduct &product, int64_t depth);
  // Its first rows are those from `from` on, `count` at most.
  void fill(const RowProgram &program, kernel::SpaceAttr space, mlir::Value from, int64_t count, llvm::ArrayRef<Memory> tensors);

  Memory memory() const { return {tile.base, {}, element, true}; }
  static int64_t padded(int64_t depth) { return kernel::ceilDiv(depth, productDepth) * productDepth; }

  ThreadEmitter &e;
  mlir::Type element;
  SharedTile tile;
};

} // namespace mblm::cuda
