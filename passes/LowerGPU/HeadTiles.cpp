// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/HeadTiles.h"

#include "passes/LowerGPU/BulkRing.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

HeadTiles::HeadTiles(AttentionBlock &block, const HeadTensor &tensor, int64_t lines, int64_t slots)
    : block(block), e(block.e), tensor(tensor), lines(lines),
      blocks(kernel::ceilDiv(block.shape.width, WarpGroup::lineElements)) {
  const AttentionShape &shape = block.shape;
  TensorMap tiles{tensor.pointer, {}, shape.space.getPositions(), tensor.stride, lines, WarpGroup::lineElements, {}};
  tiles.matrices = shape.space.getSequences();
  if (tensor.packed) {
    tiles.offset = *tensor.begin.dividedBy(SymbolicDim::constant(2)); // of bf16, in floats
    tiles.columns = shape.width;
    tiles.matrices = shape.pairs();
  }
  map = block.s.tensorMap(tiles);
  base = e.shared(slots * bytes(), WarpGroup::swizzledBytes);
}

void HeadTiles::fetch(Value slot, Value row, Value full) {
  int64_t width = block.shape.width;
  Value column = e.add(e.mul(block.head, width), tensor.offset), matrix = block.sequence;
  if (tensor.packed) {
    column = e.index(0);
    matrix = e.add(e.mul(block.sequence, block.shape.heads), block.head);
  }
  Value to = e.mul(slot, bytes());
  for (int64_t n = 0; n < blocks; ++n) {
    Value place = e.at(base, e.add(to, n * blockBytes()), e.b.getI8Type());
    fetchTile(e, place, map, e.add(column, n * WarpGroup::lineElements), row, full, matrix);
  }
}
