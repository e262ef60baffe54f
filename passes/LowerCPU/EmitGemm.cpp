// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of rows and weights, with what was fused around them: loops around one shared register tile
// (KernelWriter::product). Weights' gradients are in EmitWeightGrad.cpp.
#include "passes/LowerCPU/Kernels.h"
#include "passes/LowerCPU/Lanes.h"
#include "passes/LowerCPU/NarrowOperands.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;
using kernel::blockRows;
using kernel::ceilDiv;
using kernel::panelWidth;

// Depth of one pass over a weight: a panel of this depth (128 KiB) stays in the second-level cache.
constexpr int64_t depthPerPass = 1024;

void cpu::emitGemm(KernelWriter &writer, kernel::GemmOp op) {
  if (op.isStreamed()) {
    return emitStreamedGemm(writer, op);
  }
  SymbolicDim rows = rowsOf(op.getSpace());
  bool narrow = isNarrow(op.getPacked());
  int64_t depth = op.getDepth(), columns = op.getColumns(), padded = ceilDiv(columns, panelWidth) * panelWidth;
  int64_t packedDepth = narrow ? kernel::narrowDepth(depth) : depth;
  unsigned inputs = op.getInputs().size(), extra = op.getEpilogueInputs().size(), results = inputs + 1 + extra;
  Block &prologue = op.getPrologue().front(), &epilogue = op.getEpilogue().front();
  SymbolicShape source = kernel::shapeOf(op.getInputs()[0]);
  // Rows a multiple of 4 KiB apart share cache sets: those are copied rather than read in place.
  bool direct = !narrow && depth % 1024 != 0 && RowEmitter::isIdentity(prologue, depth) && source[0] == op.getSpace().getSequences() &&
                source[1] == op.getSpace().getPositions();
  bool straight = RowEmitter::isIdentity(epilogue, columns);
  writer.step(op.getLoc(), results + op.getNumResults(), {rows, blockRows}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    ArrayRef<Value> pointers = s.pointers;
    Value no = arith::ConstantOp::create(e.b, e.b.getBoolAttr(false));
    // Rows of A lie a few lines apart from a power of two, so that they do not share cache sets.
    constexpr int64_t apart = 32;
    int64_t lda = direct ? depth : narrow ? packedDepth + apart : ceilDiv(depth, 16) * 16 + 16;
    int64_t ldc = straight ? columns : narrow ? padded + apart : padded;
    Value a = direct ? Value() : narrow ? s.allocateNarrow(blockRows * lda) : s.allocate(blockRows * lda);
    Value c = straight ? Value() : s.allocate(blockRows * ldc);
    Value tile = straight ? s.allocate(writer.floatsOfTile(narrow)) : Value();
    if (packedDepth != depth) { // the padding stays zero
      zeroNarrow(e, a, e.index(0), e.index(blockRows * lda));
    }
    SmallVector<Memory> before = memoriesOf(pointers.take_front(inputs), op.getInputs());
    SmallVector<Memory> after{{c, {}, e.f32(), true}};
    llvm::append_range(after, memoriesOf(pointers.slice(inputs + 1, extra), op.getEpilogueInputs()));
    RowEmitter first(e, prologue, depth, op.getPrologueSegments(), op.getPrologueWidth(), before);
    ResultWriter writeResults(e, op.getResults(), pointers.drop_front(results), op.getBlockSums());
    e.loop(s.begin, s.end, 1, [&](Value block) {
      Value from = e.mul(block, blockRows), to = e.min(e.add(from, blockRows), e.form(rows));
      Value blockA = a;
      if (direct) {
        blockA = e.at(pointers[0], e.mul(from, depth));
      } else {
        forRows(e, op.getSpace(), from, to, [&](Value row, Value k, Value t) {
          Value line = e.mul(e.sub(row, from), lda);
          first.emit(k, t, [&](unsigned, Value value, Value column, Value mask) {
            Value index = e.add(line, column);
            narrow ? storeNarrow(e, value, a, index, mask) : e.store(value, e.at(a, index), mask);
          });
        });
      }
      Type factor = factorType(e, narrow);
      e.loop(e.index(0), e.index(packedDepth), depthPerPass, [&](Value pass) {
        BlockProduct product;
        product.narrow = narrow;
        product.a = e.at(blockA, pass, factor);
        product.lda = e.index(lda);
        product.rows = e.sub(to, from);
        product.b = e.at(pointers[inputs], e.mul(pass, panelWidth), factor);
        product.panelStride = e.index(packedDepth * panelWidth);
        product.ldb = e.index(narrow ? 2 * panelWidth : panelWidth);
        product.columns = columns;
        product.c = straight ? e.at(pointers[results], e.mul(from, columns)) : c;
        product.ldc = e.index(ldc);
        product.padded = !straight;
        product.depth = e.min(e.index(depthPerPass), e.sub(e.index(packedDepth), pass));
        product.accumulate = packedDepth <= depthPerPass ? no : e.less(e.index(0), pass);
        product.tile = tile;
        writer.product(e, product);
      });
      if (!straight) {
        writeResults.beginBlock(block);
        forRows(e, op.getSpace(), from, to, [&](Value row, Value k, Value t) {
          after[0].base = e.at(c, e.mul(e.sub(row, from), ldc));
          RowEmitter last(e, epilogue, columns, op.getSegments(), op.getWidth(), after);
          writeResults.emitRow(last, row, k, t);
        });
      }
    });
  });
}

void cpu::emitTranspose(KernelWriter &writer, kernel::TransposeOp op) {
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  int64_t rows = weight.getDimSize(0), columns = weight.getDimSize(1);
  constexpr int64_t rowsPerItem = 256;
  writer.step(op.getLoc(), 2, {SymbolicDim::constant(ceilDiv(rows, rowsPerItem))}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value from = e.mul(item, rowsPerItem);
      e.loop(e.index(columns), [&](Value i) {
        e.loop(from, e.min(e.add(from, rowsPerItem), e.index(rows)), 1, [&](Value c) {
          Value value = e.load(e.at(s.pointers[0], e.add(e.mul(c, columns), i)));
          e.store(value, e.at(s.pointers[1], e.add(e.mul(i, rows), c)));
        });
      });
    });
  });
}

// A panel of pairs, by squares as far as they are whole, else number by number.
static void packPairs(Emitter &e, Value weight, int64_t n, int64_t depth, bool transposed, Value first, Value from, Value to,
                      Value target) {
  int64_t lanes = e.machine.lanes, pairStride = 2 * panelWidth;
  Value whole = e.less(e.add(first, panelWidth - 1), e.index(n));
  Value stop = e.min(to, e.index(depth)); // the padding is behind it
  auto oneByOne = [&](Value begin) {
    e.loop(begin, to, 1, [&](Value c) {
      Value place = e.add(e.mul(e.div(c, 2), pairStride), e.rem(c, e.index(2)));
      e.loop(e.index(panelWidth), [&](Value v) {
        Value row = e.add(first, v);
        Value inside = arith::AndIOp::create(e.b, e.less(row, e.index(n)), e.less(c, e.index(depth)));
        Value i = e.select(inside, row, e.index(0)), k = e.select(inside, c, e.index(0));
        Value value = e.load(e.at(weight, transposed ? e.add(e.mul(k, n), i) : e.add(e.mul(i, depth), k)));
        storeNarrow(e, e.select(inside, value, e.number(0)), target, e.add(place, e.mul(v, 2)));
      });
    });
  };
  int64_t step = transposed ? 2 : 2 * lanes; // of depth
  auto squares = [&](Value c) {
    Value place = e.mul(e.div(c, 2), pairStride);
    for (int64_t v = 0; v < panelWidth; v += lanes) {
      if (transposed) {
        auto row = [&](int64_t k) { return e.loadVector(e.at(weight, e.add(e.mul(e.add(c, k), n), e.add(first, v)))); };
        storePairs(e, row(0), row(1), target, e.add(place, 2 * v));
      } else {
        NarrowSource square{e.at(weight, e.add(e.mul(e.add(first, v), depth), c)), e.index(depth)};
        pairColumns(e, square, e.at(target, e.add(place, 2 * v), factorType(e, true)), e.index(pairStride));
      }
    }
  };
  e.when(
      whole,
      [&] {
        Value end = e.add(from, e.mul(e.div(e.sub(stop, from), step), step));
        e.loop(from, end, step, squares);
        oneByOne(end);
      },
      [&] { oneByOne(from); });
}

void cpu::emitPack(KernelWriter &writer, kernel::PackOp op) {
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  bool transposed = op.getTransposed(); // the weight is [depth, n]: panels are pieces of its rows
  int64_t n = weight.getDimSize(transposed ? 1 : 0), depth = weight.getDimSize(transposed ? 0 : 1);
  bool narrow = isNarrow(op.getResult());
  int64_t panels = ceilDiv(n, panelWidth), packedDepth = narrow ? kernel::narrowDepth(depth) : depth;
  constexpr int64_t depthPerItem = 256;
  int64_t pieces = ceilDiv(packedDepth, depthPerItem);
  writer.step(op.getLoc(), 2, {SymbolicDim::constant(panels * pieces)}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    int64_t lanes = e.machine.lanes;
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value panel = e.div(item, pieces), from = e.mul(e.rem(item, e.index(pieces)), depthPerItem);
      Value to = e.min(e.add(from, depthPerItem), e.index(packedDepth)), first = e.mul(panel, panelWidth);
      Value target = e.at(s.pointers[1], e.mul(panel, packedDepth * panelWidth), factorType(e, narrow));
      if (narrow) {
        packPairs(e, s.pointers[0], n, depth, transposed, first, from, to, target);
        return;
      }
      if (transposed) {
        e.loop(from, to, 1, [&](Value c) {
          for (int64_t v = 0; v < panelWidth; v += lanes) {
            Value left = e.max(e.sub(e.sub(e.index(n), first), e.index(v)), e.index(0));
            Value mask = e.mask(e.min(left, e.index(lanes)));
            Value value = e.loadVector(e.at(s.pointers[0], e.add(e.mul(c, n), e.add(first, v))));
            e.store(e.select(mask, value, e.splat(0.0)), e.at(target, e.add(e.mul(c, panelWidth), v)));
          }
        });
        return;
      }
      // Squares of lanes x lanes, transposed in registers by halves; the rest one by one.
      Value whole = e.less(e.add(first, panelWidth - 1), e.index(n));
      Value squares = e.add(from, e.mul(e.div(e.sub(to, from), lanes), lanes));
      auto oneByOne = [&](Value begin) {
        e.loop(e.index(panelWidth), [&](Value v) {
          Value row = e.add(first, v), inside = e.less(row, e.index(n));
          Value source = e.at(s.pointers[0], e.mul(e.select(inside, row, e.index(0)), depth));
          e.loop(begin, to, 1, [&](Value c) {
            Value value = e.select(inside, e.load(e.at(source, c)), e.number(0));
            e.store(value, e.at(target, e.add(e.mul(c, panelWidth), v)));
          });
        });
      };
      e.when(
          whole,
          [&] {
            e.loop(from, squares, lanes, [&](Value c) {
              for (int64_t v = 0; v < panelWidth; v += lanes) {
                SmallVector<Value> square;
                for (int64_t i = 0; i < lanes; ++i) {
                  square.push_back(e.loadVector(e.at(s.pointers[0], e.add(e.mul(e.add(first, v + i), depth), c))));
                }
                transpose(e, square);
                for (int64_t i = 0; i < lanes; ++i) {
                  e.store(square[i], e.at(target, e.add(e.mul(e.add(c, i), panelWidth), v)));
                }
              }
            });
            oneByOne(squares);
          },
          [&] { oneByOne(from); });
    });
  });
}
