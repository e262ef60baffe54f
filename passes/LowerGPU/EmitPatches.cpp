// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer code, a thread a row; and rows that stand for ranges of rows: a group of threads has one.
#include "passes/Emit/IntegerCode.h"
#include "passes/Emit/Pools.h"
#include "passes/LowerGPU/Kernels.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

void cuda::emitIntegers(KernelWriter &writer, kernel::IntegersOp op) {
  SymbolicDim rows = rowsOf(op.getSpace());
  writer.step(op.getLoc(), op->getNumOperands() + 1, {rows, blockThreads}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value item = e.add(e.mul(e.blockX, blockThreads), e.thread);
    e.when(e.less(item, e.form(rows)), [&] { emitIntegerCode(e, op, s.pointers, item, {writer.module, /*addressSpace=*/1}); });
  });
}

// `body(range, item, c)` for each range and some neighbouring columns.
static void emitRanges(KernelWriter &writer, Operation *op, unsigned tensors, unsigned spans, kernel::SpaceAttr space,
                       kernel::SpaceAttr rows, const std::function<void(KernelWriter::Step &, const RowRange &, Value, Value)> &body) {
  int64_t width = cast<RankedTensorType>(op->getResult(0).getType()).getDimSize(2);
  RowShape form = rowShape(width, 1, width);
  int64_t rangesPerBlock = blockThreads / form.group;
  writer.step(op->getLoc(), tensors, {rowsOf(space), rangesPerBlock}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    WithLanes lanes(e, form.lanes);
    forRowsOfBlock(e, space, e.mul(e.blockX, rangesPerBlock), rangesPerBlock, form.group, [&](Value item, Value, Value) {
      RowRange range(e, s.pointers[spans], space, rows, item);
      Value first = e.mul(e.rem(e.thread, e.index(form.group)), form.lanes);
      e.loop(first, e.index(width), form.lanes * form.group, [&](Value c) { body(s, range, item, c); });
    });
  });
}

namespace {
// Some neighbouring columns of a tensor's rows.
struct Columns {
  Columns(ThreadEmitter &e, Value pointer, Value tensor, Value first)
      : e(e), memory(memoryOf(pointer, tensor)), width(cast<RankedTensorType>(tensor.getType()).getDimSize(2)), first(first) {}

  Value load(Value row) { return e.loadNumbers(memory, place(row), /*wide=*/true); }
  void store(Value row, Value numbers) { e.storeNumbers(numbers, memory, place(row)); }
  Value place(Value row) { return e.add(e.mul(row, width), first); }

  ThreadEmitter &e;
  Memory memory;
  int64_t width;
  Value first;
};
} // namespace

void cuda::emitPool(KernelWriter &writer, kernel::PoolOp op) {
  emitRanges(writer, op, 3, 1, op.getSpace(), op.getInputSpace(), [&](KernelWriter::Step &s, const RowRange &range, Value item, Value c) {
    Columns input(s.e, s.pointers[0], op.getInput(), c), result(s.e, s.pointers[2], op.getResult(), c);
    result.store(item, emitPooled(s.e, range, op.getKind(), [&](Value row) { return input.load(row); }));
  });
}

void cuda::emitPoolGrad(KernelWriter &writer, kernel::PoolGradOp op) {
  emitRanges(writer, op, 5, 3, op.getSpace(), op.getInputSpace(), [&](KernelWriter::Step &s, const RowRange &range, Value item, Value c) {
    Columns grad(s.e, s.pointers[0], op.getGrad(), c), input(s.e, s.pointers[1], op.getInput(), c);
    Columns pooled(s.e, s.pointers[2], op.getPooled(), c), result(s.e, s.pointers[4], op.getResult(), c);
    emitPoolGrads(
        s.e, range, grad.load(item), pooled.load(item), [&](Value row) { return input.load(row); },
        [&](Value row, Value numbers) { result.store(row, numbers); });
  });
}
