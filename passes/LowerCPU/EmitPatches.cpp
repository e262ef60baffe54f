// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer code, and rows that stand for ranges of rows.
#include "passes/Emit/IntegerCode.h"
#include "passes/Emit/Pools.h"
#include "passes/LowerCPU/Kernels.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

void cpu::emitIntegers(KernelWriter &writer, kernel::IntegersOp op) {
  writer.step(op.getLoc(), op->getNumOperands() + 1, {rowsOf(op.getSpace())}, [&](KernelWriter::Step &s) {
    Lists lists{writer.module};
    s.e.loop(s.begin, s.end, 1, [&](Value item) { emitIntegerCode(s.e, op, s.pointers, item, lists); });
  });
}

void cpu::emitPool(KernelWriter &writer, kernel::PoolOp op) {
  int64_t width = cast<RankedTensorType>(op.getType()).getDimSize(2);
  writer.step(op.getLoc(), 3, {rowsOf(op.getSpace())}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    e.loop(s.begin, s.end, 1, [&](Value item) {
      RowRange range(e, s.pointers[1], op.getSpace(), op.getInputSpace(), item);
      e.columns(width, [&](Value c, Value mask) {
        Value pooled = emitPooled(e, range, op.getKind(), [&](Value row) {
          return e.loadVector(e.at(s.pointers[0], e.add(e.mul(row, width), c)));
        });
        e.store(pooled, e.at(s.pointers[2], e.add(e.mul(item, width), c)), mask);
      });
    });
  });
}

void cpu::emitPoolGrad(KernelWriter &writer, kernel::PoolGradOp op) {
  int64_t width = cast<RankedTensorType>(op.getType()).getDimSize(2);
  writer.step(op.getLoc(), 5, {rowsOf(op.getSpace())}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    e.loop(s.begin, s.end, 1, [&](Value item) {
      RowRange range(e, s.pointers[3], op.getSpace(), op.getInputSpace(), item);
      e.columns(width, [&](Value c, Value mask) {
        auto at = [&](unsigned tensor, Value row) { return e.at(s.pointers[tensor], e.add(e.mul(row, width), c)); };
        emitPoolGrads(
            e, range, e.loadVector(at(0, item)), e.loadVector(at(2, item)), [&](Value row) { return e.loadVector(at(1, row)); },
            [&](Value row, Value numbers) { e.store(numbers, at(4, row), mask); });
      });
    });
  });
}
