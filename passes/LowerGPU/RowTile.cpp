// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/RowTile.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

RowTile::RowTile(TileProduct &product, int64_t depth) : e(product.e), element(product.element()) {
  int64_t size = element.getIntOrFloatBitWidth() / 8, lanes = 16 / size;
  tile.stride = product.stride(padded(depth), /*depthInside=*/true);
  tile.base = e.shared(product.rows * tile.stride * size, 128);
  WithLanes guard(e, lanes);
  e.share(product.rows * tile.stride / lanes, [&](Value i) { e.storeNumbers(e.splat(0.0), memory(), e.mul(i, lanes)); });
  e.barrier();
}

void RowTile::fill(const RowProgram &program, kernel::SpaceAttr space, Value from, int64_t count, ArrayRef<Memory> tensors) {
  SmallVector<Memory> all(tensors);
  emitRowsOfBlock(e, program, space, from, count, [&](Value) { return all; },
                  [&](Value row, Value, Value) { return e.mul(e.sub(row, from), tile.stride); }, memory());
  e.barrier();
}
