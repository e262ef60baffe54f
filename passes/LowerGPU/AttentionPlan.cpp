// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/AttentionPlan.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

constexpr int64_t linesOfBlock = 64;

// The lines of a block, from `from` on: lines are heads of rows, those of a row side by side.
static LineCopy packedLines(KernelWriter::Step &s, const AttentionShape &shape, const HeadTensor &source,
                            const HeadTensor &packed, Value from) {
  ThreadEmitter &e = s.e;
  auto place = [&s, &e, &shape, from](const HeadTensor &tensor) {
    return LineCopy::End{{s.pointers[tensor.pointer], {}, tensor.element, true}, [=, &s, &e, &shape](Value line) {
                           Value number = e.add(from, line), row = e.div(number, shape.heads);
                           Value head = e.rem(number, e.index(shape.heads));
                           Value positions = e.form(shape.space.getPositions());
                           HeadRows rows = headRows(s, shape, tensor, e.div(row, positions), head);
                           return rows.offset(e, e.rem(row, positions));
                         }};
  };
  LineCopy copy;
  copy.lines = linesOfBlock;
  copy.width = shape.width;
  copy.from = place(source);
  copy.to = place(packed);
  copy.position = [&e, &shape, from](Value line) {
    return e.rem(e.div(e.add(from, line), shape.heads), e.form(shape.space.getPositions()));
  };
  return copy;
}

void AttentionPlan::pack(KernelWriter &writer, Location loc, unsigned tensors, ArrayRef<Pack> packs) const {
  SymbolicDim lines = scaled(rowsOf(shape.space), shape.heads);
  SmallVector<HeadTensor> packed;
  for (size_t n = 0; n < packs.size(); ++n) {
    HeadTensor tensor;
    tensor.pointer = temporary;
    tensor.element = tileElement(loc.getContext());
    tensor.packed = true;
    tensor.begin = scaled(packedBefore + packedFloats(n), precision == Precision::BF16 ? 2 : 1);
    packed.push_back(tensor);
  }
  Grid grid{lines, linesOfBlock, static_cast<int64_t>(packs.size())};
  writer.step(loc, tensors, grid, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value from = e.mul(e.blockX, linesOfBlock), count = e.form(lines);
    for (auto [n, pack] : llvm::enumerate(packs)) {
      e.when(e.equal(e.blockY, e.index(n)), [&, n = n, &pack = pack] {
        LineCopy copy = packedLines(s, shape, *pack.tensor, packed[n], from);
        copy.active = [&](Value line) { return e.less(e.add(from, line), count); };
        copy.table = pack.rotated ? s.pointers[*table] : Value();
        copyLines(e, copy);
      });
    }
  });
  for (auto [pack, tensor] : llvm::zip(packs, packed)) {
    *pack.tensor = tensor;
  }
}
