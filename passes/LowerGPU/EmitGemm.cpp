// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows times weights. A block has a tile of the product; what was fused behind it runs on the tile in shared memory, or, where
// it looks at more columns than a tile has, in a kernel of its own. What was fused before it makes the block's rows in shared
// memory where these fit and it pays, and runs in a kernel of its own elsewhere.
#include "passes/LowerGPU/BulkProduct.h"
#include "passes/LowerGPU/Kernels.h"
#include "passes/LowerGPU/RowTile.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

namespace {
struct GemmPlan {
  explicit GemmPlan(kernel::GemmOp op);

  RowProgram prologue, epilogue;
  SymbolicDim rows;
  int64_t tileRows, tileColumns;
  bool onChip;       // the block makes its rows in shared memory, and has `tilesTogether` tiles of their product
  bool plainRows;    // the prologue only reads its tensor
  bool together;     // the epilogue runs on tiles
  bool summed;       // over blocks of rows
  SymbolicDim rowFloats() const { return plainRows || onChip ? SymbolicDim() : scaled(rows, prologue.columns); }
  SymbolicDim productFloats() const { return together ? SymbolicDim() : scaled(rows, epilogue.columns); }
  bool hasTemporary() const { return !(rowFloats() + productFloats() == SymbolicDim()); }
};
} // namespace

SymbolicDim cuda::scaled(const SymbolicDim &dim, int64_t factor) {
  return dim.scaled(factor);
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

void cuda::leaveRoomForProduct(const KernelWriter &writer, KernelWriter::Step &step, int64_t columns) {
  if (writer.precision != Precision::F32) {
    step.leaveRoomFor(columns <= 128 ? 2 : 1);
  }
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

Factor cuda::Weight::columnsOf(Value pointer, Value first, Value end, int64_t known) const {
  return {pointer, element, columns, !transposed, first, end, factor, known};
}

GemmPlan::GemmPlan(kernel::GemmOp op) : prologue(prologueOf(op)), epilogue(epilogueOf(op)), rows(rowsOf(op.getSpace())) {
  kernel::ScheduleAttr schedule = kernel::scheduleOf(op);
  tileRows = schedule.getRows();
  tileColumns = schedule.getColumns();
  onChip = schedule.getOnChip();
  plainRows = readsPlainRows(prologue, op.getInputs(), op.getSpace());
  together = !epilogue.looksAcrossColumns() || epilogue.columns <= tileColumns;
  summed = !op.getBlockSums().empty();
}

SymbolicDim cuda::gemmTemporary(kernel::GemmOp op) {
  GemmPlan plan(op);
  return plan.rowFloats() + plan.productFloats();
}

Value cuda::endOfTile(TileProduct &product, Value from, int64_t tileRows, Value end) {
  ThreadEmitter &e = product.e;
  return product.rows > tileRows ? e.min(end, e.add(from, tileRows)) : end;
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
      : writer(writer), op(op), plan(op), weight(op.getPacked()),
        weightAt(op.getInputs().size()), results(weightAt + 1 + op.getEpilogueInputs().size()),
        temporary(results + op.getNumResults()), tensors(temporary + plan.hasTemporary()) {}
  void emit();

private:
  void emitTiles();
  void emitTilesOfRowsOnChip();
  void finish(KernelWriter::Step &s, TileProduct &product, ValueRange sums, Value from, Value n0);
  bool factorsComeInBulk();
  Factor weightFactor(KernelWriter::Step &s, Value n0) {
    return weight.columnsOf(s.pointers[weightAt], n0, s.e.index(columns()), columns());
  }
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
  auto comes = [&](Type of, int64_t width) { return comesInBulk(writer.architecture, of, width); };
  return !plan.summed && comes(element, depth()) && comes(weight.element, weight.columns);
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
    Value end = endOfTile(product, from, plan.tileRows, e.form(plan.rows));
    return writeTile(product, sums, target, from, end, n0, columns());
  }
  int64_t stride = plan.tileColumns + 8; // pairs of neighbours go to banks of their own
  Value tile = e.shared(product.rows * stride * 4);
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
    leaveRoomForProduct(writer, s, tileColumns);
    Memory rowsOfA = plan.plainRows ? memoryOf(s.pointers[0], op.getInputs()[0])
                                    : Memory{s.pointers[temporary], {}, writer.storage(), true};
    Factor a = rowsFactor(rowsOfA.base, rowsOfA.element, depth(), from, e.form(plan.rows));
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
    leaveRoomForProduct(writer, s, tileColumns);
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
