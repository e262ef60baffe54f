// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights' gradients: rows packed by a row program, and their products with a gradient. Where a pack serves one product, the
// two take turns over parts of the rows, so that a part of the packed rows exists at a time.
#include "passes/LowerCPU/Kernels.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;
using kernel::ceilDiv;
using kernel::packRows;
using kernel::panelWidth;

constexpr int64_t lineFloats = 16; // of a cache line

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
    Value line = s.allocate(panels * panelWidth + e.machine.lanes);
    e.zero(line, e.index(panels * panelWidth));
    Value firstBlock = e.mul(s.part, blocksPerPart(e, rows, parts));
    e.loop(s.begin, s.end, 1, [&](Value block) {
      Value target = e.at(s.pointers[packed], e.mul(block, panels * packRows * panelWidth));
      Value from = e.mul(e.add(firstBlock, block), packRows), to = e.min(e.add(from, packRows), e.form(rows));
      forRows(e, op.getSpace(), from, to, [&](Value row, Value k, Value t) {
        program.emit(k, t, [&](unsigned, Value value, Value column, Value mask) { e.store(value, e.at(line, column), mask); });
        Value inBlock = e.mul(e.sub(row, from), panelWidth);
        e.loop(e.index(panels), [&](Value panel) {
          Value place = e.at(target, e.add(e.mul(panel, packRows * panelWidth), inBlock));
          Value source = e.at(line, e.mul(panel, panelWidth));
          for (int64_t c = 0; c < panelWidth; c += e.machine.lanes) {
            e.store(e.loadVector(e.at(source, e.index(c))), e.at(place, e.index(c)));
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
  int64_t tileRows = writer.machine.tileRows;
  // Items are wide and tall enough that packing a piece of grad, and fetching a panel, pays; but there are a few of them.
  constexpr int64_t mostRows = 192, columnsPerItem = 256;
  int64_t n = op.getColumns(), depth = op.getDepth(), panels = ceilDiv(depth, panelWidth);
  int64_t across = ceilDiv(depth, columnsPerItem), fewest = n >= 2 * mostRows ? 4 : 2;
  int64_t bands = std::max(ceilDiv(n, mostRows), ceilDiv(fewest, across));
  int64_t rowsPerItem = ceilDiv(ceilDiv(n, bands), tileRows) * tileRows, down = ceilDiv(n, rowsPerItem);
  SymbolicDim rows = rowsOf(op.getSpace());
  writer.step(op.getLoc(), tensors, {SymbolicDim::constant(down * across)}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    int64_t lanes = e.machine.lanes;
    Value yes = arith::ConstantOp::create(e.b, e.b.getBoolAttr(true));
    // A vector reaches past a stripe's row into its next one, which is written later, or into the room behind the stripe.
    int64_t stripe = packRows * tileRows + lanes, piece = rowsPerItem / tileRows * stripe;
    Value a = s.allocate(2 * piece), tile = s.allocate(tileRows * e.machine.tileColumns());
    Value perPart = blocksPerPart(e, rows, parts), firstBlock = e.mul(s.part, perPart), zero = e.index(0);
    Value rowsLeft = e.max(e.sub(e.form(rows), e.mul(firstBlock, packRows)), zero);
    Value blocks = e.min(perPart, e.ceilDiv(rowsLeft, packRows));
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value firstRow = e.mul(e.div(item, across), rowsPerItem);
      Value firstColumn = e.mul(e.rem(item, e.index(across)), columnsPerItem);
      Value rowsHere = e.min(e.index(rowsPerItem), e.sub(e.index(n), firstRow));
      Value columnsHere = e.min(e.index(columnsPerItem), e.sub(e.index(depth), firstColumn));
      Value stripes = e.ceilDiv(rowsHere, tileRows), tiles = e.mul(stripes, e.ceilDiv(columnsHere, panelWidth));
      // Blocks count from the part's first.
      auto rowsOfBlock = [&](Value block) {
        Value rowsHere = e.min(e.index(packRows), e.sub(rowsLeft, e.mul(block, packRows)));
        return e.select(e.less(block, blocks), rowsHere, zero);
      };
      auto pieceOf = [&](Value block) { return e.at(a, e.mul(e.rem(block, e.index(2)), piece)); };
      auto rowOfGrad = [&](Value block, Value r) {
        return e.at(s.pointers[0], e.add(e.mul(e.add(e.mul(e.add(firstBlock, block), packRows), r), n), firstRow));
      };
      // Rows of grad dealt out to stripes of tileRows columns, so that each is read once and in order.
      auto deal = [&](Value block, Value begin, Value end) {
        Value target = pieceOf(block);
        e.loop(begin, end, 1, [&](Value r) {
          Value row = rowOfGrad(block, r), stripeRow = e.at(target, e.mul(r, tileRows));
          e.loop(stripes, [&](Value i) {
            for (int64_t v = 0; v < tileRows; v += lanes) {
              Value value = e.loadVector(e.at(row, e.add(e.mul(i, tileRows), v)));
              e.store(value, e.at(stripeRow, e.add(e.mul(i, stripe), v)));
            }
          });
        });
      };
      deal(zero, zero, rowsOfBlock(zero));
      e.loop(blocks, [&](Value block) {
        Value count = rowsOfBlock(block), after = e.add(block, 1), next = rowsOfBlock(after);
        // Between tiles, while their multiply-adds hide the fetching: some rows of the next block, some of the next panel.
        Value share = e.div(e.sub(e.add(next, tiles), e.index(1)), tiles);
        Value panelShare = e.div(e.sub(e.add(e.index(packRows), stripes), e.index(1)), stripes);
        Value blockPanels = e.at(s.pointers[1], e.mul(e.mul(block, panels), packRows * panelWidth));
        e.loop(e.index(0), columnsHere, panelWidth, [&](Value c) {
          Value panel = e.div(e.add(firstColumn, c), panelWidth);
          Value b = e.at(blockPanels, e.mul(panel, packRows * panelWidth));
          Value inside = e.less(e.add(c, panelWidth), columnsHere);
          Value following = e.select(inside, e.add(panel, 1), e.add(e.div(firstColumn, panelWidth), panels));
          Value nextPanel = e.at(blockPanels, e.mul(following, packRows * panelWidth));
          Value target = e.at(s.pointers[2], e.add(e.mul(firstRow, depth), e.add(firstColumn, c)));
          e.loop(stripes, [&](Value i) {
            Value number = e.add(e.mul(e.div(c, panelWidth), stripes), i);
            Value begin = e.min(e.mul(number, share), next), end = e.min(e.add(begin, share), next);
            deal(after, begin, end);
            e.loop(end, e.min(e.add(end, share), next), 1, [&](Value r) {
              Value row = rowOfGrad(after, r);
              e.loop(e.index(0), rowsHere, lineFloats, [&](Value v) { e.prefetch(e.at(row, v), Emitter::NearestCache); });
            });
            Value ahead = e.at(nextPanel, e.mul(e.mul(i, panelShare), panelWidth));
            e.loop(e.index(0), e.mul(panelShare, panelWidth), lineFloats,
                   [&](Value v) { e.prefetch(e.at(ahead, v), Emitter::SecondCache); });
            Value row = e.mul(i, tileRows);
            BlockProduct product;
            product.a = e.at(pieceOf(block), e.mul(i, stripe));
            product.lda = e.index(tileRows);
            product.columnMajor = true;
            product.rows = e.min(e.index(tileRows), e.sub(rowsHere, row));
            product.b = b;
            product.panelStride = e.index(0);
            product.ldb = e.index(panelWidth);
            product.c = e.at(target, e.mul(row, depth));
            product.ldc = e.index(depth);
            product.columns = panelWidth;
            product.columnsLeft = e.sub(columnsHere, c);
            product.padded = false;
            product.depth = count;
            product.accumulate = yes;
            product.tile = tile;
            writer.product(e, product);
          });
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
  packStep(writer, pack, tensors, 3, 1, weightGradParts);
  writer.name = name;
  productStep(writer, gemm, tensors, weightGradParts);
  for (int64_t part = 1; part < weightGradParts; ++part) {
    for (unsigned step = 0; step < 2; ++step) {
      Launch launch = writer.kernel.launches[step];
      launch.part = part;
      writer.kernel.launches.push_back(launch);
    }
  }
}

SymbolicDim cpu::partOfPackedRows(kernel::PackRowsOp pack) {
  SymbolicDim rows = rowsOf(pack.getSpace());
  int64_t width = ceilDiv(pack.getColumns(), panelWidth) * panelWidth;
  auto share = [&](int64_t n, int64_t more) { return (ceilDiv(n, weightGradParts) + more) * width; };
  return {share(rows.one, packRows), share(rows.m, 0), share(rows.b, 0), share(rows.bm, 0)};
}
