// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows times weights. A block has a tile of the product; what was fused behind it runs on the tile in shared memory, or, where
// it looks at more columns than a tile has, in a kernel of its own.
#include "passes/LowerGPU/BulkProduct.h"
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
  bool together;     // the epilogue runs on tiles
  bool summed;       // over blocks of rows
  int64_t tileColumns;
  // Tensor cores want taller tiles: each number that is fetched then serves more products. Sums over rows want blocks of theirs.
  int64_t tileRows(Precision precision) const { return precision != Precision::F32 && !summed ? 2 * blockRows : blockRows; }
  SymbolicDim rowFloats() const { return plainRows ? SymbolicDim() : scaled(rows, prologue.columns); }
  SymbolicDim productFloats() const { return together ? SymbolicDim() : scaled(rows, epilogue.columns); }
};
} // namespace

SymbolicDim cuda::scaled(const SymbolicDim &dim, int64_t factor) {
  return {dim.one * factor, dim.m * factor, dim.b * factor, dim.bm * factor, dim.piece * factor};
}

std::unique_ptr<TileProduct> cuda::makeProduct(const KernelWriter &writer, ThreadEmitter &e, int64_t rows, int64_t columns) {
  switch (writer.precision) {
  case Precision::F32:
    return scalarProduct(e, rows, columns);
  case Precision::TF32:
    return tf32Product(e, rows, columns);
  case Precision::BF16:
    return tensorProduct(e, rows, columns);
  }
  llvm_unreachable("a precision");
}

cuda::Weight::Weight(Value packed) : transposed(false), factor(4) {
  auto type = cast<RankedTensorType>(packed.getType());
  element = type.getElementType();
  if (auto pack = packed.getDefiningOp<kernel::PackOp>()) {
    transposed = pack.getTransposed();
    packed = pack.getWeight();
    type = cast<RankedTensorType>(packed.getType());
  }
  auto weight = packed.getDefiningOp<kernel::WeightOp>();
  factor = !element.isF32() ? 64 : weight && weight.getOffset() % 4 ? 1 : 4;
  rows = type.getRank() > 1 ? type.getDimSize(0) : 1;
  columns = type.getRank() ? type.getShape().back() : 1;
}

GemmPlan::GemmPlan(kernel::GemmOp op)
    : prologue{op.getPrologue().front(), static_cast<int64_t>(op.getDepth()), static_cast<int64_t>(op.getPrologueSegments()),
               static_cast<int64_t>(op.getPrologueWidth())},
      epilogue{op.getEpilogue().front(), static_cast<int64_t>(op.getColumns()), static_cast<int64_t>(op.getSegments()),
               static_cast<int64_t>(op.getWidth())},
      rows(rowsOf(op.getSpace())) {
  plainRows = readsPlainRows(prologue, op.getInputs(), op.getSpace());
  summed = !op.getBlockSums().empty();
  bool whole = epilogue.looksAcrossColumns();
  together = !whole || epilogue.columns <= widestTile;
  tileColumns = std::min(whole && together ? widestTile : usualTile, ceilDiv(epilogue.columns, 16) * 16);
}

SymbolicDim cuda::gemmTemporary(kernel::GemmOp op) {
  GemmPlan plan(op);
  return plan.rowFloats() + plan.productFloats();
}

void cuda::writeTile(TileProduct &product, ValueRange sums, const Memory &to, Value from, Value rows, Value c0,
                     int64_t columns) {
  ThreadEmitter &e = product.e;
  product.visit(sums, [&](Value row, Value column, ArrayRef<Value> neighbours) {
    Value r = e.add(from, row), c = e.add(c0, column), place = e.add(e.mul(r, columns), c);
    WithLanes lanes(e, neighbours.size());
    bool aligned = columns % static_cast<int64_t>(neighbours.size()) == 0;
    e.when(e.less(r, rows), [&] {
      if (aligned) {
        e.when(e.less(c, e.index(columns)), [&] {
          Value vector = vector::FromElementsOp::create(e.b, e.vec(), SmallVector<Value>(neighbours));
          e.storeNumbers(vector, to, place);
        });
        return;
      }
      for (auto [n, value] : llvm::enumerate(neighbours)) {
        e.when(e.less(e.add(c, n), e.index(columns)), [&, n = n, value = value] { e.storeNumbers(value, to, e.add(place, n)); });
      }
    });
  });
}

// Whether the copy engine brings both factors. Sums over rows want blocks of theirs.
static bool factorsComeInBulk(const KernelWriter &writer, const GemmPlan &plan, kernel::GemmOp op, const Weight &weight) {
  Type element = plan.plainRows ? cast<RankedTensorType>(op.getInputs()[0].getType()).getElementType() : writer.storage();
  return !plan.summed && comesInBulk(writer, element, plan.prologue.columns) && comesInBulk(writer, weight.element, weight.columns);
}

// The block's tile of the product, for the rows from `from` and the columns from `n0` on.
static TileProduct::Sums multiply(TileProduct &product, const GemmPlan &plan, const Weight &weight, const Memory &rowsOf,
                                  Value weightAt, Value from, Value n0) {
  ThreadEmitter &e = product.e;
  int64_t depth = plan.prologue.columns, columns = plan.epilogue.columns;
  Factor a;
  a.base = rowsOf.base;
  a.element = rowsOf.element;
  a.stride = depth;
  a.first = from;
  a.end = e.form(plan.rows);
  Factor b;
  b.base = weightAt;
  b.element = weight.element;
  b.stride = weight.columns;
  b.depthInside = !weight.transposed;
  b.first = n0;
  b.end = e.index(columns);
  b.endFactor = columns;
  b.baseFactor = weight.factor;
  return streamProduct(product, a, b, e.index(0), e.index(depth), depth, product.zeros());
}

void cuda::emitGemm(KernelWriter &writer, kernel::GemmOp op) {
  if (op.isStreamed()) {
    return emitStreamedGemm(writer, op);
  }
  GemmPlan plan(op);
  unsigned inputs = op.getInputs().size(), extra = op.getEpilogueInputs().size(), results = inputs + 1 + extra;
  unsigned temporary = results + op.getNumResults();
  unsigned tensors = temporary + (!plan.plainRows || !plan.together);
  auto productAt = [&](ThreadEmitter &e, ArrayRef<Value> pointers) {
    return e.at(pointers[temporary], e.form(plan.rowFloats()));
  };
  if (!plan.plainRows) {
    emitRowsInto(writer, op, op.getSpace(), plan.prologue, op.getInputs(), tensors, 0, temporary, writer.storage());
  }
  Weight weight(op.getPacked());
  int64_t columns = plan.epilogue.columns, tileColumns = plan.tileColumns;
  int64_t tileRows = plan.tileRows(writer.precision);
  Grid grid{plan.rows, tileRows, ceilDiv(columns, tileColumns)};
  writer.step(op.getLoc(), tensors, grid, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    ArrayRef<Value> pointers = s.pointers;
    Value from = e.mul(e.blockX, tileRows), n0 = e.mul(e.blockY, tileColumns);
    Memory rowsOfA = plan.plainRows ? memoryOf(pointers[0], op.getInputs()[0])
                                    : Memory{pointers[temporary], {}, writer.storage(), true};
    auto finish = [&](TileProduct &product, ValueRange sums) {
      if (!plan.together) {
        Memory target{productAt(e, pointers), {}, e.f32(), true};
        return writeTile(product, sums, target, from, e.form(plan.rows), n0, columns);
      }
      int64_t stride = tileColumns + 8; // pairs of neighbours go to banks of their own
      Value tile = e.shared(tileRows * stride * 4);
      product.store(sums, tile, stride);
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
      emitRowsOfBlock(e, plan.epilogue, op.getSpace(), from, tileRows, tensorsOf, writeResults, range);
      blockSums.finish(e.blockX, n0, end);
    };
    if (factorsComeInBulk(writer, plan, op, weight)) {
      BulkFactor a{plan.plainRows ? 0 : temporary, {}, plan.rows, plan.prologue.columns, true, from};
      BulkFactor b{inputs, {}, SymbolicDim::constant(weight.rows), weight.columns, !weight.transposed, n0};
      return bulkProduct(s, tileColumns, a, b, e.index(0), e.index(plan.prologue.columns), finish);
    }
    if (writer.precision != Precision::F32) {
      s.leaveRoomFor(tileColumns <= usualTile ? 2 : 1); // three blocks would leave too few registers
    }
    auto product = makeProduct(writer, e, tileRows, tileColumns);
    int64_t mark = e.sharedBytes();
    auto sums = multiply(*product, plan, weight, rowsOfA, pointers[inputs], from, n0);
    e.releaseShared(mark);
    finish(*product, sums);
  });
  if (!plan.together) {
    auto tensorsOf = [&](ThreadEmitter &e, ArrayRef<Value> pointers, Value row) {
      SmallVector<Memory> all{{e.at(productAt(e, pointers), e.mul(row, columns)), {}, e.f32(), true}};
      llvm::append_range(all, memoriesOf(pointers.slice(inputs + 1, extra), op.getEpilogueInputs()));
      return all;
    };
    emitRowsKernel(writer, op, op.getSpace(), plan.epilogue, op.getBlockSums(), tensors, results, tensorsOf);
  }
}
