// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs on their own, sums over rows, table gradients, rotation tables.
#include "passes/LowerCPU/Kernels.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;
using kernel::blockRows;

//===----------------------------------------------------------------------===//
// Row programs
//===----------------------------------------------------------------------===//

void cpu::emitRows(KernelWriter &writer, kernel::RowsOp op) {
  SymbolicDim rows = rowsOf(op.getSpace());
  unsigned inputs = op.getInputs().size();
  writer.step(op.getLoc(), inputs + op.getNumResults(), {rows, blockRows}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    RowEmitter program(e, op.getBody().front(), op.getColumns(), op.getSegments(), op.getWidth(),
                       memoriesOf(ArrayRef(s.pointers).take_front(inputs), op.getInputs()));
    ResultWriter results(e, op.getResults(), ArrayRef(s.pointers).drop_front(inputs), op.getBlockSums());
    e.loop(s.begin, s.end, 1, [&](Value block) {
      results.beginBlock(block);
      Value from = e.mul(block, blockRows);
      forRows(e, op.getSpace(), from, e.min(e.add(from, blockRows), e.form(rows)),
              [&](Value row, Value k, Value t) { results.emitRow(program, row, k, t); });
    });
  });
}

void cpu::emitRemember(KernelWriter &writer, kernel::RememberOp op) {
  SymbolicShape state = kernel::shapeOf(op.getState());
  int64_t positions = op.getSpace().getPositions().one, columns = op.getColumns();
  unsigned inputs = op.getInputs().size();
  SymbolicDim rows = rowsOf(op.getSpace());
  writer.step(op.getLoc(), inputs + 1, {rows, blockRows}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    RowEmitter program(e, op.getBody().front(), columns, op.getSegments(), op.getWidth(),
                       memoriesOf(ArrayRef(s.pointers).take_front(inputs), op.getInputs()));
    Value ring = e.form(state[1]);
    e.loop(s.begin, s.end, 1, [&](Value block) {
      Value from = e.mul(block, blockRows);
      forRows(e, op.getSpace(), from, e.min(e.add(from, blockRows), e.form(rows)), [&](Value row, Value k, Value t) {
        Value position = op.getOrigin() ? e.add(e.add(t, e.position), *op.getOrigin()) : t;
        Value target = e.at(s.pointers[inputs], e.mul(e.add(e.mul(k, ring), e.rem(position, ring)), columns));
        auto put = [&] {
          program.emit(k, t, [&](unsigned, Value value, Value column, Value mask) {
            e.store(value, e.at(target, column), mask);
          });
        };
        if (positions == 1) {
          put();
        } else { // earlier rows would go where later ones do
          e.when(e.less(e.index(positions - 1), e.add(t, ring)), put);
        }
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

void cpu::emitReduce(KernelWriter &writer, kernel::ReduceOp op) {
  // A work item is one slot and 64 columns; its sum runs over all sequences in order.
  constexpr int64_t columnsPerItem = 64;
  int64_t columns = cast<RankedTensorType>(op.getInput().getType()).getShape().back();
  int64_t groups = kernel::ceilDiv(columns, columnsPerItem);
  SymbolicDim first = op.getSums().getSequences(), slots = op.getSums().getPositions();
  SymbolicDim items = slots.scaled(groups);
  SymbolicDim rows = rowsOf(op.getSpace());
  writer.step(op.getLoc(), 2, {items}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    int64_t apart = op.getStride();
    Value count, stride, line = apart > 1 ? s.allocate(columnsPerItem) : Value();
    if (op.getBlocks()) {
      count = e.ceilDiv(e.form(rows), blockRows);
      stride = e.index(columns);
    } else {
      count = e.form(op.getSpace().getSequences());
      stride = e.mul(e.form(op.getSpace().getPositions()), columns);
    }
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value slot = e.div(item, groups), column = e.mul(e.rem(item, e.index(groups)), columnsPerItem);
      Value source = e.at(s.pointers[0], e.add(e.mul(e.add(slot, e.form(first)), columns), column));
      Value target = e.at(s.pointers[1], e.mul(e.add(e.mul(slot, columns), column), apart));
      constexpr int64_t vectors = 4; // at most 64 / 16
      int64_t perItem = columnsPerItem / e.machine.lanes;
      for (int64_t base = 0; base < perItem; base += vectors) {
        SmallVector<Value> init(vectors, e.splat(0.0));
        auto sums = e.loop(e.index(0), count, 1, init, [&](Value k, ValueRange partial) {
          SmallVector<Value> next;
          Value row = e.at(source, e.mul(k, stride));
          for (int64_t v = 0; v < vectors; ++v) {
            next.push_back(e.addf(partial[v], e.loadVector(e.at(row, e.index((base + v) * e.machine.lanes)))));
          }
          return next;
        });
        for (int64_t v = 0; v < vectors; ++v) {
          int64_t at = (base + v) * e.machine.lanes;
          if (line) {
            e.store(sums[v], e.at(line, e.index(at)));
            continue;
          }
          Value left = e.max(e.sub(e.sub(e.index(columns), column), e.index(at)), e.index(0));
          Value mask = e.mask(e.min(left, e.index(e.machine.lanes)));
          Value pointer = e.at(target, e.index(at));
          e.store(e.addf(e.loadVector(pointer), sums[v]), pointer, mask);
        }
      }
      if (line) {
        e.loop(e.min(e.index(columnsPerItem), e.sub(e.index(columns), column)), [&](Value c) {
          Value pointer = e.at(target, e.mul(c, apart));
          e.store(e.addf(e.load(pointer), e.load(e.at(line, c))), pointer);
        });
      }
    });
  });
}

void cpu::emitEmbedGrad(KernelWriter &writer, kernel::EmbedGradOp op) {
  // A work item is 32 columns of the table: it goes through all ids in order.
  constexpr int64_t columnsPerItem = 32;
  int64_t depth = op.getDepth(), groups = kernel::ceilDiv(depth, columnsPerItem);
  SymbolicDim bytes = rowsOf(op.getSpace());
  writer.step(op.getLoc(), 3, {SymbolicDim::constant(groups)}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    e.loop(s.begin, s.end, 1, [&](Value group) {
      Value column = e.mul(group, columnsPerItem);
      e.loop(e.form(bytes), [&](Value byte) {
        Value id = e.load(e.at(s.pointers[0], byte, e.b.getI32Type()), e.b.getI32Type());
        Value row = arith::IndexCastOp::create(e.b, e.b.getIndexType(), id);
        auto addRow = [&] {
          for (int64_t at = 0; at < columnsPerItem; at += e.machine.lanes) {
            Value left = e.max(e.sub(e.sub(e.index(depth), column), e.index(at)), e.index(0));
            Value mask = e.mask(e.min(left, e.index(e.machine.lanes)));
            Value source = e.at(s.pointers[1], e.add(e.mul(e.div(byte, op.getBag()), depth), e.add(column, at)));
            Value target = e.at(s.pointers[2], e.add(e.mul(row, depth), e.add(column, at)));
            e.store(e.addf(e.loadVector(target), e.loadVector(source)), target, mask);
          }
        };
        if (op.getSkip()) {
          e.when(arith::CmpIOp::create(e.b, arith::CmpIPredicate::ne, row, e.index(*op.getSkip())), addRow);
        } else {
          addRow();
        }
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// Dropout keys
//===----------------------------------------------------------------------===//

void cpu::emitDropoutKey(KernelWriter &writer, kernel::DropoutKeyOp op) {
  writer.step(op.getLoc(), 2, {SymbolicDim::constant(1)},
              [&](KernelWriter::Step &s) { writeDropoutKey(s.e, op, s.pointers[0], s.pointers[1]); });
}

//===----------------------------------------------------------------------===//
// Rotation tables
//===----------------------------------------------------------------------===//

void cpu::emitRopeTable(KernelWriter &writer, kernel::RopeTableOp op) {
  int64_t width = op.getWidth(), half = width / 2;
  bool split = op.getPairing() == Pairing::HalfSplit;
  double base = op.getBase().convertToDouble();
  // The frequencies are constants of the code, rounded to f32 as in the references.
  SmallVector<float> frequencies;
  for (int64_t i = 0; i < half; ++i) {
    frequencies.push_back(1.0f / static_cast<float>(std::pow(base, 2.0 * i / width)));
  }
  constexpr int64_t rowsPerItem = 16;
  writer.step(op.getLoc(), 1, {op.getSpace().getPositions(), rowsPerItem}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    Type f64 = e.b.getF64Type();
    auto function = [&](StringRef name) {
      if (!writer.module.lookupSymbol(name)) {
        OpBuilder::InsertionGuard guard(e.b);
        e.b.setInsertionPointToEnd(writer.module.getBody());
        func::FuncOp::create(e.b, name, e.b.getFunctionType({f64}, {f64})).setPrivate();
      }
      return FlatSymbolRefAttr::get(e.b.getContext(), name);
    };
    FlatSymbolRefAttr cosine = function("cos"), sine = function("sin");
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value from = e.mul(item, rowsPerItem);
      e.loop(from, e.min(e.add(from, rowsPerItem), e.form(op.getSpace().getPositions())), 1, [&](Value t) {
        Value row = e.at(s.pointers[0], e.mul(t, split ? width : 2 * width));
        Value number = op.getOrigin() ? e.add(e.add(t, e.position), *op.getOrigin()) : t;
        Value position = arith::SIToFPOp::create(e.b, e.f32(), e.i64(number));
        for (int64_t i = 0; i < half; ++i) {
          Value angle = arith::ExtFOp::create(e.b, f64, e.mulf(position, e.number(frequencies[i])));
          auto value = [&](FlatSymbolRefAttr callee) {
            Value wide = func::CallOp::create(e.b, callee, f64, angle).getResult(0);
            return arith::TruncFOp::create(e.b, e.f32(), wide).getResult();
          };
          Value c = value(cosine), n = value(sine);
          auto put = [&](Value x, int64_t column) { e.store(x, e.at(row, e.index(column))); };
          if (split) {
            put(c, i);
            put(n, half + i);
          } else {
            put(c, 2 * i);
            put(c, 2 * i + 1);
            put(arith::NegFOp::create(e.b, n), width + 2 * i);
            put(n, width + 2 * i + 1);
          }
        }
      });
    });
  });
}
