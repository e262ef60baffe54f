// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows times weights. A block has a tile of the product; what was fused behind it runs on the tile in shared memory, or, where
// it looks at more columns than a tile has, in a kernel of its own. What was fused before it makes the block's rows in shared
// memory where these fit and it pays, and runs in a kernel of its own elsewhere.
#include "passes/LowerGPU/BulkProduct.h"
#include "passes/LowerGPU/Kernels.h"
#include "passes/LowerGPU/RowTile.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::blockRows;
using kernel::ceilDiv;

constexpr int64_t widestTile = 256, usualTile = 128;
constexpr int64_t tilesTogether = 8; // that one block has of the product of rows on chip, at most

namespace {
struct GemmPlan {
  GemmPlan(kernel::GemmOp op, const Architecture &architecture, Precision precision);

  RowProgram prologue, epilogue;
  SymbolicDim rows;
  bool plainRows;    // the prologue only reads its tensor
  bool together;     // the epilogue runs on tiles
  bool summed;       // over blocks of rows
  int64_t tileRows, tileColumns;
  bool onChip = false; // the block makes its rows in shared memory, and has `tilesTogether` tiles of their product
  SymbolicDim rowFloats() const { return plainRows || onChip ? SymbolicDim() : scaled(rows, prologue.columns); }
  SymbolicDim productFloats() const { return together ? SymbolicDim() : scaled(rows, epilogue.columns); }
  bool hasTemporary() const { return !(rowFloats() + productFloats() == SymbolicDim()); }

private:
  bool makesRowsOnChip(const Architecture &architecture, Precision precision);
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
  factor = !element.isF32() ? 8 : weight && weight.getOffset() % 4 ? 1 : 4;
  rows = type.getRank() > 1 ? type.getDimSize(0) : 1;
  columns = type.getRank() ? type.getShape().back() : 1;
}

GemmPlan::GemmPlan(kernel::GemmOp op, const Architecture &architecture, Precision precision)
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
  // Tensor cores want taller tiles: each number that is fetched then serves more products. Sums over rows want blocks of theirs.
  tileRows = precision != Precision::F32 && !summed ? 2 * blockRows : blockRows;
  onChip = !plainRows && makesRowsOnChip(architecture, precision);
}

// Where the tile of rows fits and this takes less time than to write the rows to memory and read them again. Times are those of a
// tile's row, in cycles of a multiprocessor for each number of the row.
bool GemmPlan::makesRowsOnChip(const Architecture &architecture, Precision precision) {
  int64_t size = precision == Precision::BF16 ? 2 : 4, depth = RowTile::padded(prologue.columns);
  int64_t line = depth * size + 16, epilogueLine = (tileColumns + 8) * 4, room = architecture.sharedBytes;
  int64_t rowsThatFit = std::min((room - residentRing(tileColumns, size)) / line, room / (line + epilogueLine));
  if (rowsThatFit < blockRows) {
    return false;
  }
  tileRows = std::min(tileRows, rowsThatFit / 16 * 16);
  constexpr double memoryRate = 14, making = 0.09; // bytes a cycle
  double inMemory = (3 * size) / memoryRate, tiles = ceilDiv(epilogue.columns, tileColumns);
  // The rows' copy on chip does without warpgroups' products.
  double slower = architecture.name == "sm_90a" && precision == Precision::BF16 ? 0.04 * tileColumns / usualTile : 0;
  return making * std::ceil(tiles / tilesTogether) + slower * tiles < inMemory;
}

SymbolicDim cuda::gemmTemporary(kernel::GemmOp op, const Architecture &architecture, Precision precision) {
  GemmPlan plan(op, architecture, precision);
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

namespace {
class GemmEmitter {
public:
  GemmEmitter(KernelWriter &writer, kernel::GemmOp op)
      : writer(writer), op(op), plan(op, writer.architecture, writer.precision), weight(op.getPacked()),
        weightAt(op.getInputs().size()), results(weightAt + 1 + op.getEpilogueInputs().size()),
        temporary(results + op.getNumResults()), tensors(temporary + plan.hasTemporary()) {}
  void emit();

private:
  void emitTiles();
  void emitTilesOfRowsOnChip();
  void finish(KernelWriter::Step &s, TileProduct &product, ValueRange sums, Value from, Value n0);
  // Three blocks would leave too few registers.
  void leaveRoom(KernelWriter::Step &s) const {
    if (writer.precision != Precision::F32) {
      s.leaveRoomFor(plan.tileColumns <= usualTile ? 2 : 1);
    }
  }
  bool factorsComeInBulk();
  Factor weightFactor(KernelWriter::Step &s, Value n0);
  SmallVector<Memory> epilogueTensors(ArrayRef<Value> pointers, Memory product);
  int64_t columns() const { return plan.epilogue.columns; }
  int64_t depth() const { return plan.prologue.columns; }
  Value productAt(ThreadEmitter &e, ArrayRef<Value> pointers) { return e.at(pointers[temporary], e.form(plan.rowFloats())); }

  KernelWriter &writer;
  kernel::GemmOp op;
  const GemmPlan plan;
  const Weight weight;
  const unsigned weightAt, results, temporary, tensors; // pointers
};
} // namespace

// Whether the copy engine brings both factors. Sums over rows want blocks of theirs.
bool GemmEmitter::factorsComeInBulk() {
  Type element = plan.plainRows ? cast<RankedTensorType>(op.getInputs()[0].getType()).getElementType() : writer.storage();
  return !plan.summed && comesInBulk(writer, element, depth()) && comesInBulk(writer, weight.element, weight.columns);
}

// The weight's columns from `n0` on.
Factor GemmEmitter::weightFactor(KernelWriter::Step &s, Value n0) {
  Factor b;
  b.base = s.pointers[weightAt];
  b.element = weight.element;
  b.stride = weight.columns;
  b.depthInside = !weight.transposed;
  b.first = n0;
  b.end = s.e.index(columns());
  b.endFactor = columns();
  b.baseFactor = weight.factor;
  return b;
}

SmallVector<Memory> GemmEmitter::epilogueTensors(ArrayRef<Value> pointers, Memory product) {
  SmallVector<Memory> all{product};
  auto extra = pointers.slice(weightAt + 1, results - weightAt - 1);
  llvm::append_range(all, memoriesOf(extra, op.getEpilogueInputs()));
  return all;
}

// What is done with the block's tile of the product, whose rows and columns begin at `from` and `n0`.
void GemmEmitter::finish(KernelWriter::Step &s, TileProduct &product, ValueRange sums, Value from, Value n0) {
  ThreadEmitter &e = s.e;
  ArrayRef<Value> pointers = s.pointers;
  if (!plan.together) {
    Memory target{productAt(e, pointers), {}, e.f32(), true};
    return writeTile(product, sums, target, from, e.form(plan.rows), n0, columns());
  }
  int64_t stride = plan.tileColumns + 8; // pairs of neighbours go to banks of their own
  Value tile = e.shared(plan.tileRows * stride * 4);
  product.store(sums, tile, stride);
  auto tensorsOf = [&](Value rowInBlock) {
    Value line = e.at(tile, e.sub(e.mul(rowInBlock, stride), n0));
    return epilogueTensors(pointers, {line, {}, e.f32(), true});
  };
  ResultWriter writeResults(e, op.getResults(), pointers.drop_front(results), op.getBlockSums());
  BlockSums blockSums(e, op.getResults(), op.getBlockSums(), pointers.drop_front(results), plan.tileColumns,
                      plan.epilogue.shape().group);
  blockSums.begin(writeResults, n0);
  e.barrier();
  Value end = e.min(e.add(n0, plan.tileColumns), e.index(columns()));
  std::optional<ColumnRange> range;
  if (columns() > plan.tileColumns) {
    range = {n0, end};
  }
  emitRowsOfBlock(e, plan.epilogue, op.getSpace(), from, plan.tileRows, tensorsOf, writeResults, range);
  blockSums.finish(e.blockX, n0, end);
}

void GemmEmitter::emitTiles() {
  if (!plan.plainRows) {
    emitRowsInto(writer, op, op.getSpace(), plan.prologue, op.getInputs(), tensors, 0, temporary, writer.storage());
  }
  int64_t tileColumns = plan.tileColumns;
  Grid grid{plan.rows, plan.tileRows, ceilDiv(columns(), tileColumns)};
  writer.step(op.getLoc(), tensors, grid, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value from = e.mul(e.blockX, plan.tileRows), n0 = e.mul(e.blockY, tileColumns);
    if (factorsComeInBulk()) {
      BulkFactor a{plan.plainRows ? 0 : temporary, {}, plan.rows, depth(), true, from};
      BulkFactor b{weightAt, {}, SymbolicDim::constant(weight.rows), weight.columns, !weight.transposed, n0};
      return bulkProduct(s, tileColumns, a, b, e.index(0), e.index(depth()),
                         [&](TileProduct &product, ValueRange sums) { finish(s, product, sums, from, n0); });
    }
    leaveRoom(s);
    Memory rowsOfA = plan.plainRows ? memoryOf(s.pointers[0], op.getInputs()[0])
                                    : Memory{s.pointers[temporary], {}, writer.storage(), true};
    Factor a;
    a.base = rowsOfA.base;
    a.element = rowsOfA.element;
    a.stride = depth();
    a.first = from;
    a.end = e.form(plan.rows);
    auto product = makeProduct(writer, e, plan.tileRows, tileColumns);
    int64_t mark = e.sharedBytes();
    auto sums = streamProduct(*product, a, weightFactor(s, n0), e.index(0), e.index(depth()), depth(), product->zeros());
    e.releaseShared(mark);
    finish(s, *product, sums, from, n0);
  });
}

void GemmEmitter::emitTilesOfRowsOnChip() {
  int64_t tileColumns = plan.tileColumns, strip = tilesTogether * tileColumns;
  Grid grid{plan.rows, plan.tileRows, ceilDiv(columns(), strip)};
  writer.step(op.getLoc(), tensors, grid, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    leaveRoom(s);
    Value from = e.mul(e.blockX, plan.tileRows), begin = e.mul(e.blockY, strip);
    auto product = makeProduct(writer, e, plan.tileRows, tileColumns);
    SmallVector<Memory> inputs = memoriesOf(ArrayRef(s.pointers).take_front(weightAt), op.getInputs());
    RowTile rows(*product, depth());
    rows.fill(plan.prologue, op.getSpace(), from, plan.tileRows, inputs);
    int64_t mark = e.sharedBytes();
    auto multiply = [&](Value n0) {
      Factor b = weightFactor(s, n0);
      auto sums = residentProduct(*product, rows.tile, b, e.index(0), e.index(depth()), depth(), product->zeros());
      e.releaseShared(mark);
      finish(s, *product, sums, from, n0);
      e.releaseShared(mark);
    };
    if (columns() <= tileColumns) {
      return multiply(e.index(0));
    }
    e.loop(begin, e.min(e.add(begin, strip), e.index(columns())), tileColumns, [&](Value n0) {
      multiply(n0);
      e.barrier(); // the tile's memory is free
    });
  });
}

void GemmEmitter::emit() {
  plan.onChip ? emitTilesOfRowsOnChip() : emitTiles();
  if (plan.together) {
    return;
  }
  auto tensorsOf = [&](ThreadEmitter &e, ArrayRef<Value> pointers, Value row) {
    return epilogueTensors(pointers, {e.at(productAt(e, pointers), e.mul(row, columns())), {}, e.f32(), true});
  };
  emitRowsKernel(writer, op, op.getSpace(), plan.epilogue, op.getBlockSums(), tensors, results, tensorsOf);
}

void cuda::emitGemm(KernelWriter &writer, kernel::GemmOp op) {
  op.isStreamed() ? emitStreamedGemm(writer, op) : GemmEmitter(writer, op).emit();
}
