// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of rows and weights, with what was fused around them: loops around one shared register tile
// (KernelWriter::product). Weights' gradients are in EmitWeightGrad.cpp.
#include "passes/LowerCPU/Kernels.h"
#include "passes/LowerCPU/Lanes.h"
#include "passes/LowerCPU/PackedProduct.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;
using kernel::blockRows;
using kernel::ceilDiv;
using kernel::panelWidth;

namespace {
// Rows of the tensors that have one for each position of the space: `columns` numbers each, from `base` on.
struct RowsOfTensor {
  Value base;
  int64_t columns;
};
} // namespace

static SmallVector<RowsOfTensor> rowsOfTensors(OperandRange tensors, ArrayRef<Value> pointers, kernel::SpaceAttr space) {
  SmallVector<RowsOfTensor> result;
  for (auto [tensor, pointer] : llvm::zip_equal(tensors, pointers)) {
    SymbolicShape shape = kernel::shapeOf(tensor);
    bool floats = cast<RankedTensorType>(tensor.getType()).getElementType().isF32();
    if (floats && shape.size() == 3 && shape[0] == space.getSequences() && shape[1] == space.getPositions() && shape[2].isConstant()) {
      result.push_back({pointer, shape[2].one});
    }
  }
  return result;
}

// Asks for the rows [from, to) while `tiles` tiles are multiplied, of which this is number `tile`.
static void prefetchRows(Emitter &e, ArrayRef<RowsOfTensor> tensors, Value from, Value to, Value tile, Value tiles) {
  constexpr int64_t lineFloats = 16;
  Value share = e.div(e.sub(e.add(e.max(e.sub(to, from), e.index(0)), tiles), e.index(1)), tiles), begin = e.add(from, e.mul(tile, share));
  e.loop(begin, e.min(e.add(begin, share), to), 1, [&](Value row) {
    for (const RowsOfTensor &tensor : tensors) {
      Value base = e.at(tensor.base, e.mul(row, tensor.columns));
      e.loop(e.index(0), e.index(tensor.columns), lineFloats, [&](Value c) { e.prefetch(e.at(base, c)); });
    }
  });
}

void cpu::emitGemm(KernelWriter &writer, kernel::GemmOp op) {
  if (op.isStreamed()) {
    return emitStreamedGemm(writer, op);
  }
  SymbolicDim rows = rowsOf(op.getSpace());
  kernel::CpuScheduleAttr schedule = kernel::cpuScheduleOf(op);
  int64_t depth = op.getDepth(), columns = op.getColumns(), padded = ceilDiv(columns, panelWidth) * panelWidth;
  int64_t rowsPerItem = schedule.getRows(), columnsPerItem = schedule.getColumns() ? std::min(schedule.getColumns(), padded) : padded;
  int64_t pieces = ceilDiv(columns, columnsPerItem), room = ceilDiv(rowsPerItem, blockRows) * blockRows; // for whole tiles of rows
  unsigned inputs = op.getInputs().size(), extra = op.getEpilogueInputs().size(), results = inputs + 1 + extra;
  Block &prologue = op.getPrologue().front(), &epilogue = op.getEpilogue().front();
  SymbolicShape source = kernel::shapeOf(op.getInputs()[0]);
  bool narrow = isNarrow(op.getPacked());
  // Rows a multiple of 4 KiB apart share cache sets: those are copied rather than read in place.
  bool direct = !narrow && depth % 1024 != 0 && RowEmitter::isIdentity(prologue, depth) && source[0] == op.getSpace().getSequences() &&
                source[1] == op.getSpace().getPositions();
  bool straight = RowEmitter::isIdentity(epilogue, columns);
  writer.step(op.getLoc(), results + op.getNumResults(), {rows, rowsPerItem, pieces}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    ArrayRef<Value> pointers = s.pointers;
    std::optional<FactorRows> made;
    if (!direct) {
      made.emplace(s, room, depth, narrow);
    }
    int64_t ldc = straight ? columns : narrow ? columnsPerItem + 32 : columnsPerItem; // apart from a power of two in bf16
    Value c = straight ? Value() : s.allocate(room * ldc);
    Value tile = straight ? s.allocate(writer.floatsOfTile(narrow)) : Value();
    PackedWeight weight{pointers[inputs], depth, narrow};
    SmallVector<Memory> before = memoriesOf(pointers.take_front(inputs), op.getInputs());
    SmallVector<Memory> after{{c, {}, e.f32(), true}};
    llvm::append_range(after, memoriesOf(pointers.slice(inputs + 1, extra), op.getEpilogueInputs()));
    // While a block is multiplied, what its epilogue reads comes, and what the next block's prologue does.
    SmallVector<RowsOfTensor> nextRows = rowsOfTensors(op.getInputs(), pointers.take_front(inputs), op.getSpace());
    SmallVector<RowsOfTensor> sideRows = rowsOfTensors(op.getEpilogueInputs(), pointers.slice(inputs + 1, extra), op.getSpace());
    RowEmitter first(e, prologue, depth, op.getPrologueSegments(), op.getPrologueWidth(), before);
    ResultWriter writeResults(e, op.getResults(), pointers.drop_front(results), op.getBlockSums());
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value from = e.mul(e.div(item, pieces), rowsPerItem), to = e.min(e.add(from, rowsPerItem), e.form(rows));
      Value piece = pieces > 1 ? e.rem(item, e.index(pieces)) : e.index(0), firstColumn = e.mul(piece, columnsPerItem);
      Value columnsHere = e.min(e.index(columnsPerItem), e.sub(e.index(columns), firstColumn));
      if (made && pieces == 1) {
        made->fill(e, first, op.getSpace(), from, to);
      } else if (made) { // the item before this one has left the rows that they share
        Value begins = arith::OrIOp::create(e.b, e.equal(item, s.begin), e.equal(piece, e.index(0)));
        e.when(begins, [&] { made->fill(e, first, op.getSpace(), from, to); });
      }
      BlockProduct product;
      product.a = direct ? e.at(pointers[0], e.mul(from, depth)) : made->pointer;
      product.lda = e.index(direct ? depth : made->stride);
      product.rows = e.sub(to, from);
      product.columns = columnsHere;
      product.c = straight ? e.at(pointers[results], e.add(e.mul(from, columns), firstColumn)) : c;
      product.ldc = e.index(ldc);
      product.padded = !straight;
      product.tile = tile;
      if (pieces == 1) {
        Value tiles = e.mul(e.ceilDiv(product.rows, writer.rowsOfTile(narrow)), ceilDiv(columns, writer.columnsOfTile(narrow)));
        Value nextEnd = e.select(e.less(e.add(item, 1), s.end), e.min(e.add(to, rowsPerItem), e.form(rows)), to);
        product.alongside = [=, &nextRows, &sideRows](Emitter &e, Value number) {
          prefetchRows(e, nextRows, to, nextEnd, number, tiles);
          prefetchRows(e, sideRows, from, to, number, tiles);
        };
      }
      multiplyByPacked(writer, e, pieces > 1 ? weight.from(e, firstColumn) : weight, schedule.getDepth(), product);
      if (straight) {
        return;
      }
      auto writeRows = [&](Value begin, Value end) {
        forRows(e, op.getSpace(), begin, end, [&](Value row, Value k, Value t) {
          // So that column `firstColumn` is the piece's first.
          after[0].base = e.at(c, e.sub(e.mul(e.sub(row, from), ldc), firstColumn));
          RowEmitter last(e, epilogue, columns, op.getSegments(), op.getWidth(), after);
          if (pieces > 1) {
            last.setRange(firstColumn, e.add(firstColumn, columnsHere));
          }
          writeResults.emitRow(last, row, k, t);
        });
      };
      if (op.getBlockSums().empty()) {
        return writeRows(from, to);
      }
      e.loop(from, to, blockRows, [&](Value begin) {
        writeResults.beginBlock(e.div(begin, blockRows));
        writeRows(begin, e.min(e.add(begin, blockRows), to));
      });
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
  PanelLayout layout = writer.panelOf(depth); // in f32
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
            e.store(e.select(mask, value, e.splat(0.0)), e.at(target, e.add(e.mul(c, layout.pitch()), layout.begin(v))));
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
          Value source = e.at(s.pointers[0], e.mul(e.select(inside, row, e.index(0)), depth)), column = layout.begin(e, v);
          e.loop(begin, to, 1, [&](Value c) {
            Value value = e.select(inside, e.load(e.at(source, c)), e.number(0));
            e.store(value, e.at(target, e.add(e.mul(c, layout.pitch()), column)));
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
                  e.store(square[i], e.at(target, e.add(e.mul(e.add(c, i), layout.pitch()), layout.begin(v))));
                }
              }
            });
            oneByOne(squares);
          },
          [&] { oneByOne(from); });
    });
  });
}
