// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of few rows: work items are pieces of the columns, so that the weight is read once, by all threads together.
#include "passes/LowerCPU/Kernels.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

void cpu::emitStreamedGemm(KernelWriter &writer, kernel::GemmOp op) {
  SymbolicDim rows = rowsOf(op.getSpace());
  int64_t depth = op.getDepth(), columns = op.getColumns(), piece = kernel::cpuScheduleOf(op).getColumns();
  Type element = cast<RankedTensorType>(op.getPacked().getType()).getElementType();
  unsigned inputs = op.getInputs().size(), extra = op.getEpilogueInputs().size(), results = inputs + 1 + extra;
  Block &prologue = op.getPrologue().front(), &epilogue = op.getEpilogue().front();
  SymbolicShape source = kernel::shapeOf(op.getInputs()[0]);
  bool direct = RowEmitter::isIdentity(prologue, depth) && source[0] == op.getSpace().getSequences() &&
                source[1] == op.getSpace().getPositions();
  bool straight = RowEmitter::isIdentity(epilogue, columns);
  SymbolicDim items = SymbolicDim::constant(kernel::ceilDiv(columns, piece));
  writer.step(op.getLoc(), results + op.getNumResults(), {items}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    ArrayRef<Value> pointers = s.pointers;
    Value count = e.form(rows), a = pointers[0];
    if (!direct) { // once for all items that this thread takes together
      a = s.allocate(rows.scaled(depth));
      RowEmitter first(e, prologue, depth, op.getPrologueSegments(), op.getPrologueWidth(),
                       memoriesOf(pointers.take_front(inputs), op.getInputs()));
      forRows(e, op.getSpace(), e.index(0), count, [&](Value row, Value k, Value t) {
        Value target = e.at(a, e.mul(row, depth));
        first.emit(k, t, [&](unsigned, Value value, Value column, Value mask) { e.store(value, e.at(target, column), mask); });
      });
    }
    Value c = straight ? Value() : s.allocate(rows.scaled(piece) + SymbolicDim::constant(e.machine.lanes));
    SmallVector<Memory> after{{c, {}, e.f32(), true}};
    llvm::append_range(after, memoriesOf(pointers.slice(inputs + 1, extra), op.getEpilogueInputs()));
    ResultWriter writeResults(e, op.getResults(), pointers.drop_front(results), op.getBlockSums());
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value from = e.mul(item, piece), to = e.min(e.add(from, piece), e.index(columns));
      DotBlock block;
      block.a = a;
      block.lda = e.index(depth);
      block.rows = count;
      block.b = e.at(pointers[inputs], e.mul(from, depth), element);
      block.element = element;
      block.ldb = e.index(depth);
      block.columns = e.sub(to, from);
      block.c = straight ? e.at(pointers[results], from) : c;
      block.ldc = e.index(straight ? columns : piece);
      block.depth = depth;
      writer.dots(e, block);
      if (!straight) {
        forRows(e, op.getSpace(), e.index(0), count, [&](Value row, Value k, Value t) {
          // So that column `from` is the piece's first.
          after[0].base = e.at(c, e.sub(e.mul(row, piece), from));
          RowEmitter last(e, epilogue, columns, 1, columns, after);
          last.setRange(from, to);
          writeResults.emitRow(last, row, k, t);
        });
      }
    });
  });
}
