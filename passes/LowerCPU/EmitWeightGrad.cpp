// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights' gradients: rows packed by a row program, and their products with a gradient. Where a pack serves one product, the
// two take turns over parts of the rows, so that a part of the packed rows exists at a time.
#include "passes/LowerCPU/Kernels.h"
#include "passes/LowerCPU/PackedProduct.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;
using kernel::ceilDiv;
using kernel::packRows;
using kernel::panelWidth;

constexpr int64_t lineFloats = 16; // of a cache line

// An outermost stage has few rows; those inside have as many more as a slot has of theirs.
static int64_t partsOf(const SymbolicDim &rows) { return std::clamp<int64_t>(std::max(rows.bm, rows.bp), 1, weightGradParts); }

// Blocks of rows in each part.
static Value blocksPerPart(Emitter &e, const SymbolicDim &rows, int64_t parts) {
  return e.ceilDiv(e.form(rows), packRows * parts);
}

// The kernel's tensors are `tensors`: the op's inputs from `firstInput` on, and its result at `packed`.
static void packStep(KernelWriter &writer, kernel::PackRowsOp op, unsigned tensors, unsigned firstInput, unsigned packed,
                     int64_t parts) {
  SymbolicDim rows = rowsOf(op.getSpace());
  int64_t columns = op.getColumns(), panels = ceilDiv(columns, panelWidth);
  writer.step(op.getLoc(), tensors, {rows, packRows * parts}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    RowEmitter program(e, op.getBody().front(), columns, op.getSegments(), op.getWidth(),
                       memoriesOf(ArrayRef(s.pointers).slice(firstInput, op.getInputs().size()), op.getInputs()));
    // Segments need not begin at multiples of a vector, so a group of columns may straddle two panels: rows are computed in
    // a line first, then dealt out.
    bool narrow = isNarrow(op.getResult()); // rows come in pairs then
    PanelLayout layout = writer.panelOf(packRows);
    int64_t rowFloats = panels * panelWidth + lineFloats, lines = narrow ? 2 : 1;
    Value line = s.allocate(lines * rowFloats);
    e.zero(line, e.index(lines * rowFloats));
    Value firstBlock = e.mul(s.part, blocksPerPart(e, rows, parts));
    e.loop(s.begin, s.end, 1, [&](Value block) {
      Value target = e.at(s.pointers[packed], e.mul(block, panels * packRows * panelWidth), factorType(e, narrow));
      Value from = e.mul(e.add(firstBlock, block), packRows), to = e.min(e.add(from, packRows), e.form(rows));
      if (narrow) {
        Value odd = e.at(line, e.index(rowFloats));
        auto deal = [&](Value r) { // the pair of rows that r is one of
          e.loop(e.index(panels), [&](Value panel) {
            Value place = e.add(e.mul(panel, packRows * panelWidth), e.mul(e.div(r, 2), 2 * panelWidth));
            Value columns = e.mul(panel, panelWidth);
            for (int64_t c = 0; c < panelWidth; c += e.machine.lanes) {
              auto half = [&](Value of) { return e.loadVector(e.at(of, e.add(columns, c))); };
              storePairs(e, half(line), half(odd), target, e.add(place, 2 * c));
            }
          });
        };
        forRows(e, op.getSpace(), from, to, [&](Value row, Value k, Value t) {
          Value r = e.sub(row, from), second = e.rem(r, e.index(2)), base = e.mul(second, rowFloats);
          program.emit(k, t, [&](unsigned, Value value, Value column, Value mask) {
            e.store(value, e.at(line, e.add(base, column)), mask);
          });
          e.when(e.equal(second, e.index(1)), [&] { deal(r); });
        });
        Value count = e.max(e.sub(to, from), e.index(0)), end = wholeGroups(e, count);
        Value pairs = e.mul(e.div(count, 2), 2);
        e.zero(odd, e.index(panels * panelWidth));
        e.when(e.less(pairs, count), [&] { deal(pairs); });
        e.zero(line, e.index(panels * panelWidth));
        e.loop(e.mul(e.ceilDiv(count, 2), 2), end, 2, deal);
        return;
      }
      forRows(e, op.getSpace(), from, to, [&](Value row, Value k, Value t) {
        program.emit(k, t, [&](unsigned, Value value, Value column, Value mask) { e.store(value, e.at(line, column), mask); });
        Value inBlock = e.mul(e.sub(row, from), layout.pitch());
        e.loop(e.index(panels), [&](Value panel) {
          Value place = e.at(target, e.add(e.mul(panel, packRows * panelWidth), inBlock));
          Value source = e.at(line, e.mul(panel, panelWidth));
          for (int64_t c = 0; c < panelWidth; c += e.machine.lanes) {
            e.store(e.loadVector(e.at(source, e.index(c))), e.at(place, e.index(layout.begin(c))));
          }
        });
      });
    });
  });
}

// The kernel's first tensors are the op's: gradients[n, c] += sum_r grad[r, n] * packed[r, c]. A work item is a rectangle of
// the result; rows come in the blocks of `kernel.pack_rows`, so the sum's order does not depend on how the rectangles are
// dealt out.
static void productStep(KernelWriter &writer, kernel::WeightGemmOp op, unsigned tensors, int64_t parts) {
  bool narrow = isNarrow(op.getPacked());
  // Columns go in the groups that lie together in a panel: what a group has of a block stays in the nearest cache.
  int64_t tileRows = writer.rowsOfTile(narrow), group = narrow ? panelWidth : writer.panelOf(packRows).columns;
  kernel::CpuScheduleAttr schedule = kernel::cpuScheduleOf(op);
  int64_t n = op.getColumns(), depth = op.getDepth(), panels = ceilDiv(depth, panelWidth);
  int64_t rowsPerItem = std::min(schedule.getRows(), ceilDiv(n, tileRows) * tileRows);
  int64_t columnsPerItem = std::min(schedule.getColumns(), panels * panelWidth);
  int64_t down = ceilDiv(n, rowsPerItem), across = ceilDiv(depth, columnsPerItem);
  SymbolicDim rows = rowsOf(op.getSpace());
  writer.step(op.getLoc(), tensors, {SymbolicDim::constant(down * across)}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    int64_t lanes = e.machine.lanes;
    // A vector reaches past a stripe's row into its next one, which is written later, or into the room behind the stripe.
    // In bf16 a stripe's rows are columns of grad, a few lines apart from a power of two.
    constexpr int64_t narrowRow = packRows + 32;
    int64_t stripe = narrow ? tileRows * narrowRow : packRows * tileRows + lanes, tile = tileRows * group;
    int64_t stripeNumbers = rowsPerItem / tileRows * stripe;
    Value a = narrow ? s.allocateNarrow(stripeNumbers + 16 * narrowRow) : s.allocate(stripeNumbers), sums = s.allocate(rowsPerItem * columnsPerItem);
    Value perPart = blocksPerPart(e, rows, parts), firstBlock = e.mul(s.part, perPart), zero = e.index(0);
    Value rowsLeft = e.max(e.sub(e.form(rows), e.mul(firstBlock, packRows)), zero);
    Value blocks = e.min(perPart, e.ceilDiv(rowsLeft, packRows)), end = e.select(e.less(zero, blocks), s.end, s.begin);
    e.loop(s.begin, end, 1, [&](Value item) {
      Value firstRow = e.mul(e.div(item, across), rowsPerItem);
      Value firstColumn = e.mul(e.rem(item, e.index(across)), columnsPerItem), firstGroup = e.div(firstColumn, group);
      Value rowsHere = e.min(e.index(rowsPerItem), e.sub(e.index(n), firstRow)), stripes = e.ceilDiv(rowsHere, tileRows);
      Value columnsHere = e.min(e.index(columnsPerItem), e.sub(e.index(depth), firstColumn));
      Value groupsHere = e.ceilDiv(columnsHere, group), tiles = e.mul(stripes, groupsHere);
      auto rowsOfBlock = [&](Value block) {
        return e.min(e.index(packRows), e.max(e.sub(rowsLeft, e.mul(block, packRows)), zero));
      };
      auto rowOfGrad = [&](Value block, Value r) {
        return e.at(s.pointers[0], e.add(e.mul(e.add(e.mul(e.add(firstBlock, block), packRows), r), n), firstRow));
      };
      e.loop(blocks, [&](Value block) {
        Value count = rowsOfBlock(block), after = e.add(block, 1), next = rowsOfBlock(after);
        Value rowsPerTile = e.div(e.sub(e.add(next, tiles), e.index(1)), tiles);
        Type factor = factorType(e, narrow);
        Value blockPanels = e.at(s.pointers[1], e.mul(e.mul(block, panels), packRows * panelWidth), factor);
        e.loop(groupsHere, [&](Value p) {
          Value b = e.at(blockPanels, e.mul(e.add(firstGroup, p), packRows * group), factor);
          e.loop(stripes, [&](Value i) {
            Value stripeAt = e.at(a, e.mul(i, stripe), factor), number = e.add(e.mul(p, stripes), i);
            // The first group's tiles copy what all read: tileRows columns of grad side by side.
            e.when(e.equal(p, zero), [&] {
              if (narrow) {
                int64_t width = ceilDiv(tileRows, lanes) * lanes;
                NarrowSource columns{e.at(rowOfGrad(block, zero), e.mul(i, tileRows)), e.index(n)};
                turnRows(e, columns, count, width, stripeAt, e.index(narrowRow));
                return;
              }
              e.loop(count, [&](Value r) {
                Value row = e.at(rowOfGrad(block, r), e.mul(i, tileRows)), target = e.at(stripeAt, e.mul(r, tileRows));
                for (int64_t v = 0; v < tileRows; v += lanes) {
                  e.store(e.loadVector(e.at(row, e.index(v))), e.at(target, e.index(v)));
                }
              });
            });
            // Each asks for a share of the next block's rows, which come while it multiplies.
            Value begin = e.min(e.mul(number, rowsPerTile), next);
            e.loop(begin, e.min(e.add(begin, rowsPerTile), next), 1, [&](Value r) {
              Value row = rowOfGrad(after, r);
              e.loop(zero, rowsHere, lineFloats, [&](Value v) { e.prefetch(e.at(row, v)); });
            });
            BlockProduct product;
            product.narrow = narrow;
            product.a = stripeAt;
            product.lda = e.index(narrow ? narrowRow : tileRows);
            product.columnMajor = !narrow;
            product.rows = narrow ? e.min(e.index(tileRows), e.sub(rowsHere, e.mul(i, tileRows))) : e.index(tileRows);
            product.b = b;
            product.panelStride = zero;
            product.ldb = e.index(narrow ? panelPitch(true) : group);
            product.c = e.at(sums, e.mul(number, tile));
            product.ldc = product.columns = e.index(group);
            product.depth = narrow ? wholeGroups(e, count) : count;
            product.accumulate = e.less(zero, block);
            writer.product(e, product);
          });
        });
      });
      e.loop(rowsHere, [&](Value r) {
        Value target = e.at(s.pointers[2], e.add(e.mul(e.add(firstRow, r), depth), firstColumn));
        Value source = e.at(sums, e.add(e.mul(e.div(r, tileRows), tile), e.mul(e.rem(r, e.index(tileRows)), group)));
        e.loop(zero, columnsHere, lanes, [&](Value c) {
          Value before = e.div(c, group), inGroup = e.rem(c, e.index(group));
          Value sum = e.loadVector(e.at(source, e.add(e.mul(e.mul(before, stripes), tile), inGroup)));
          Value place = e.at(target, c), mask = e.mask(e.min(e.sub(columnsHere, c), e.index(lanes)));
          e.store(e.addf(e.loadVector(place), sum), place, mask);
        });
      });
    });
  });
}

void cpu::emitPackRows(KernelWriter &writer, kernel::PackRowsOp op) {
  unsigned inputs = op.getInputs().size();
  packStep(writer, op, inputs + 1, 0, inputs, 1);
}

void cpu::emitWeightGemm(KernelWriter &writer, kernel::WeightGemmOp op) { productStep(writer, op, 3, 1); }

void cpu::emitWeightGrad(KernelWriter &writer, kernel::PackRowsOp pack, StringRef packName, kernel::WeightGemmOp gemm) {
  unsigned tensors = 3 + pack.getInputs().size();
  std::string name = std::exchange(writer.name, packName.str());
  int64_t parts = partsOf(rowsOf(pack.getSpace()));
  packStep(writer, pack, tensors, 3, 1, parts);
  writer.name = name;
  productStep(writer, gemm, tensors, parts);
  for (int64_t part = 1; part < parts; ++part) {
    for (unsigned step = 0; step < 2; ++step) {
      Launch launch = writer.kernel.launches[step];
      launch.part = part;
      writer.kernel.launches.push_back(launch);
    }
  }
}

SymbolicDim cpu::partOfPackedRows(kernel::PackRowsOp pack) {
  SymbolicDim rows = rowsOf(pack.getSpace());
  int64_t width = ceilDiv(pack.getColumns(), panelWidth) * panelWidth, parts = partsOf(rows);
  SymbolicDim share = rows.mapped([&](int64_t n) { return ceilDiv(n, parts); });
  return (share + SymbolicDim::constant(packRows)).scaled(width);
}
