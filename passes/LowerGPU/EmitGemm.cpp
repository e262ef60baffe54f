// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows times weights. A block has a tile of the product; what was fused behind it runs on the tile in shared memory, or, where
// it looks at more columns than a tile has, in a kernel of its own.
#include "passes/LowerGPU/Kernels.h"
#include "passes/LowerGPU/TileProduct.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::blockRows;
using kernel::ceilDiv;

constexpr int64_t widestTile = 256, usualTile = 128;

namespace {
struct GemmPlan {
  explicit GemmPlan(kernel::GemmOp op);

  RowProgram prologue, epilogue;
  SymbolicDim rows;
  bool plainRows;    // the prologue only reads its tensor
  bool plainResult;  // the epilogue only writes the product
  bool together;     // the epilogue runs on tiles
  int64_t tileColumns;
  SymbolicDim rowFloats() const { return plainRows ? SymbolicDim() : scaled(rows, prologue.columns); }
  SymbolicDim productFloats() const { return together ? SymbolicDim() : scaled(rows, epilogue.columns); }
};
} // namespace

SymbolicDim cuda::scaled(const SymbolicDim &dim, int64_t factor) {
  return {dim.one * factor, dim.m * factor, dim.b * factor, dim.bm * factor, dim.piece * factor};
}

std::unique_ptr<TileProduct> cuda::makeProduct(const KernelWriter &writer, ThreadEmitter &e, int64_t rows, int64_t columns) {
  return scalarProduct(e, rows, columns);
}

GemmPlan::GemmPlan(kernel::GemmOp op)
    : prologue{op.getPrologue().front(), static_cast<int64_t>(op.getDepth()), static_cast<int64_t>(op.getPrologueSegments()),
               static_cast<int64_t>(op.getPrologueWidth())},
      epilogue{op.getEpilogue().front(), static_cast<int64_t>(op.getColumns()), static_cast<int64_t>(op.getSegments()),
               static_cast<int64_t>(op.getWidth())},
      rows(rowsOf(op.getSpace())) {
  plainRows = readsPlainRows(prologue, op.getInputs(), op.getSpace());
  plainResult = RowEmitter::isIdentity(epilogue.body, epilogue.columns);
  bool whole = epilogue.looksAcrossColumns();
  together = !whole || epilogue.columns <= widestTile;
  tileColumns = std::min(whole && together ? widestTile : usualTile, ceilDiv(epilogue.columns, 16) * 16);
}

SymbolicDim cuda::gemmTemporary(kernel::GemmOp op) {
  GemmPlan plan(op);
  return plan.rowFloats() + plan.productFloats();
}

void cuda::writeTile(TileProduct &product, ValueRange sums, Value base, Value from, Value rows, Value c0, int64_t columns) {
  ThreadEmitter &e = product.e;
  product.visit(sums, [&](Value row, Value column, ArrayRef<Value> neighbours) {
    Value r = e.add(from, row);
    e.when(e.less(r, rows), [&] {
      for (auto [n, value] : llvm::enumerate(neighbours)) {
        Value c = e.add(e.add(c0, column), n);
        e.when(e.less(c, e.index(columns)), [&, value = value] { e.store(value, e.at(base, e.add(e.mul(r, columns), c))); });
      }
    });
  });
}

void cuda::emitGemm(KernelWriter &writer, kernel::GemmOp op) {
  if (op.isStreamed()) {
    return emitStreamedGemm(writer, op);
  }
  GemmPlan plan(op);
  unsigned inputs = op.getInputs().size(), extra = op.getEpilogueInputs().size(), results = inputs + 1 + extra;
  unsigned temporary = results + op.getNumResults();
  bool needsTemporary = !plan.plainRows || !plan.together;
  unsigned tensors = temporary + needsTemporary;
  auto productAt = [&](ThreadEmitter &e, ArrayRef<Value> pointers) {
    return e.at(pointers[temporary], e.form(plan.rowFloats()));
  };
  if (!plan.plainRows) {
    emitRowsInto(writer, op, op.getSpace(), plan.prologue, op.getInputs(), tensors, 0, temporary,
                 Builder(op.getContext()).getF32Type());
  }
  auto weight = cast<RankedTensorType>(weightOf(op.getPacked()).getType());
  auto pack = op.getPacked().getDefiningOp<kernel::PackOp>();
  bool transposed = pack && pack.getTransposed();
  int64_t columns = plan.epilogue.columns, depth = plan.prologue.columns, tileColumns = plan.tileColumns;
  Grid grid{plan.rows, blockRows, ceilDiv(columns, tileColumns)};
  writer.step(op.getLoc(), tensors, grid, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    ArrayRef<Value> pointers = s.pointers;
    auto product = makeProduct(writer, e, blockRows, tileColumns);
    Value from = e.mul(e.blockX, blockRows), rows = e.form(plan.rows), n0 = e.mul(e.blockY, tileColumns);
    Factor a;
    a.base = plan.plainRows ? pointers[0] : pointers[temporary];
    a.element = e.f32();
    a.stride = depth;
    a.first = from;
    a.end = rows;
    Factor b;
    b.base = pointers[inputs];
    b.element = weight.getElementType();
    b.stride = weight.getDimSize(1);
    b.depthInside = !transposed;
    b.first = n0;
    b.end = e.index(columns);
    b.endFactor = columns;
    b.baseFactor = weightFactor(op.getPacked());
    int64_t mark = e.sharedBytes();
    auto sums = streamProduct(*product, a, b, e.index(0), e.index(depth), depth, product->zeros());
    e.releaseShared(mark);
    if (!plan.together || plan.plainResult) {
      Value target = plan.together ? pointers[results] : productAt(e, pointers);
      writeTile(*product, sums, target, from, rows, n0, columns);
      return;
    }
    int64_t stride = tileColumns + 4;
    Value tile = e.shared(blockRows * stride * 4);
    product->store(sums, tile, stride);
    SmallVector<Memory> after = memoriesOf(pointers.slice(inputs + 1, extra), op.getEpilogueInputs());
    auto tensorsOf = [&](Value rowInBlock) {
      SmallVector<Memory> all{{e.at(tile, e.sub(e.mul(rowInBlock, stride), n0)), {}, e.f32(), true}};
      llvm::append_range(all, after);
      return all;
    };
    ResultWriter writeResults(e, op.getResults(), pointers.drop_front(results), op.getBlockSums());
    BlockSums blockSums(e, op.getResults(), op.getBlockSums(), pointers.drop_front(results), tileColumns,
                        plan.epilogue.shape().group);
    blockSums.begin(writeResults, n0);
    e.barrier();
    Value end = e.min(e.add(n0, tileColumns), e.index(columns));
    std::optional<ColumnRange> range;
    if (grid.y > 1) {
      range = {n0, end};
    }
    emitRowsOfBlock(e, plan.epilogue, op.getSpace(), from, blockRows, tensorsOf, writeResults, range);
    blockSums.finish(e.blockX, n0, end);
  });
  if (!plan.together) {
    auto tensorsOf = [&, extra](ThreadEmitter &e, ArrayRef<Value> pointers, Value row) {
      SmallVector<Memory> all{{e.at(productAt(e, pointers), e.mul(row, columns)), {}, e.f32(), true}};
      llvm::append_range(all, memoriesOf(pointers.slice(inputs + 1, extra), op.getEpilogueInputs()));
      return all;
    };
    emitRowsKernel(writer, op, op.getSpace(), plan.epilogue, op.getBlockSums(), tensors, results, tensorsOf);
  }
}
