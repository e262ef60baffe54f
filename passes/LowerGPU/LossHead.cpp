// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/LossHead.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

void LossHead::makeRows(KernelWriter &writer) const {
  if (!plainRows) {
    emitRowsInto(writer, op, space, prologue, inputs, tensors(), 0, made, writer.storage());
  }
}

Memory LossHead::madeRows(const KernelWriter &writer, const KernelWriter::Step &s) const {
  return plainRows ? memoryOf(s.pointers[0], inputs[0]) : Memory{s.pointers[made], {}, writer.storage(), true};
}

TileProduct::Sums LossHead::logits(const KernelWriter &writer, KernelWriter::Step &s, TileProduct &product, Value from, Value end,
                                   Value n0) const {
  ThreadEmitter &e = s.e;
  Memory lines = madeRows(writer, s);
  Factor a = rowsFactor(lines.base, lines.element, depth, from, end);
  Factor b = rowsFactor(s.pointers[weight], packed.element, depth, n0, e.index(columns));
  return streamProduct(product, a, b, e.index(0), e.index(depth), depth, product.zeros());
}
