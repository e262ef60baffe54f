// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel a layer. The heads take turns: their queries, keys and values are worked out, attended, and multiplied into the sums
// of the output at once; so do pieces of the hidden layer. What goes from product to product is a tile in shared memory.
#include "passes/LowerGPU/HeadRows.h"
#include "passes/LowerGPU/LocalLayerPlan.h"
#include "passes/LowerGPU/RowTile.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

constexpr int64_t widestTile = 256;

int64_t LocalLayerPlan::resultTile() const {
  int64_t tiles = ceilDiv(width, widestTile);
  return ceilDiv(ceilDiv(width, tiles), 16) * 16;
}

LocalLayerPlan::LocalLayerPlan(LocalLayer layer, Precision precision, int64_t rows, int64_t hiddenTile)
    : rows(rows), hiddenTile(hiddenTile), positions(layer.result.getSpace().getPositions().one), width(layer.result.getColumns()),
      heads(layer.attention.getHeads()), headWidth(layer.attention.getHeadDim()), hidden(layer.hidden.getColumns()),
      size(precision == Precision::BF16 ? 2 : 4), sequences(rows / positions) {}

bool LocalLayerPlan::fits(const Architecture &architecture) const {
  constexpr int64_t ring = 80 << 10, slack = 4 << 10;
  int64_t middle = rows * width * size, factor = rows * (RowTile::padded(width) + 8) * size;
  int64_t attending = rows * (3 * headColumns() + 4 + positions) * 4 + rows * (RowTile::padded(headWidth) + 8) * size;
  int64_t feeding = rows * (hiddenTile + 4) * 4 + rows * (RowTile::padded(hiddenTile) + 8) * size;
  int64_t sums = rows * (resultTile() * resultTiles()) * 4; // of a product, on the way to its epilogue
  int64_t most = middle + std::max(factor + std::max({attending + ring, feeding + ring, sums}), sums) + slack;
  // Sums stay in registers: not more than 96 of a thread.
  return sequences >= 1 && most <= architecture.sharedBytes && sums / 4 <= 96 * blockThreads;
}

bool LocalLayerPlan::pays() const {
  constexpr double cacheRate = 5.5e12, memoryRate = 3.35e12; // bytes a second of an H100
  double attended = heads * headWidth;
  double weights = (4 * attended * width + 2.0 * width * hidden) * size / (sequences * positions);
  double kept = 2 * (4 * attended + width + hidden) * size + width * size; // what the output made is read twice
  return weights / cacheRate < kept / memoryRate;
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

namespace {
class LayerEmitter {
public:
  LayerEmitter(KernelWriter &writer, const LocalLayer &layer, const LocalLayerPlan &plan, KernelWriter::Step &s)
      : writer(writer), layer(layer), plan(plan), s(s), e(s.e), space(LocalLayer(layer).result.getSpace()) {
    from = e.mul(e.blockX, plan.sequences * plan.positions);
    unsigned next = 0;
    for (Operation *op : layer.ops()) {
      first[op] = next;
      next += op->getNumOperands();
    }
    results = next;
  }
  void emit();

private:
  // `depth` numbers in a row.
  RowTile factorTile(int64_t depth) { return RowTile(*product(16), depth); }
  void fill(RowTile &rows, kernel::GemmOp op) {
    rows.fill(prologueOf(op), space, from, blockRows(), memories(op, op.getInputs(), 0));
  }
  TileProduct::Sums resident(TileProduct &product, const RowTile &rows, kernel::GemmOp op, Value firstColumn, Value endColumn,
                             Value begin, Value end, ValueRange init);
  void attend(Value head, const RowTile &attended, Value heads, int64_t stride, Value weights);
  TileProduct::Sums overHeads(const RowTile &rows);
  TileProduct::Sums overHidden(const RowTile &rows);
  Value storeSums(ValueRange sums);
  // The memories of a program's tensors; `own` stands for what the layer makes.
  SmallVector<Memory> memories(Operation *op, OperandRange operands, unsigned firstOperand);
  RowTensorsInBlock epilogueTensors(kernel::GemmOp op, Value sums, int64_t stride, Value firstColumn);
  Value weightOf(kernel::GemmOp op) { return s.pointers[first[op] + op.getInputs().size()]; }
  int64_t blockRows() const { return plan.sequences * plan.positions; }
  std::unique_ptr<TileProduct> product(int64_t columns) { return makeProduct(writer, e, plan.rows, columns); }

  KernelWriter &writer;
  LocalLayer layer;
  const LocalLayerPlan &plan;
  KernelWriter::Step &s;
  ThreadEmitter &e;
  kernel::SpaceAttr space;
  Value from;              // the block's first row
  Memory middle;           // what the output's product made, row by row
  DenseMap<Operation *, unsigned> first;
  unsigned results;
};
} // namespace

SmallVector<Memory> LayerEmitter::memories(Operation *op, OperandRange operands, unsigned firstOperand) {
  SmallVector<Memory> list;
  for (auto [n, operand] : llvm::enumerate(operands)) {
    if (operand.getDefiningOp() == layer.output) {
      Memory own = middle;
      own.shape = kernel::shapeOf(operand);
      own.isRow = false;
      own.base = e.at(middle.base, e.sub(e.index(0), e.mul(from, plan.width)), middle.element);
      list.push_back(own);
    } else {
      list.push_back(memoryOf(s.pointers[first[op] + firstOperand + n], operand));
    }
  }
  return list;
}

TileProduct::Sums LayerEmitter::resident(TileProduct &product, const RowTile &rows, kernel::GemmOp op, Value firstColumn,
                                         Value endColumn, Value begin, Value end, ValueRange init) {
  int64_t known = std::min(Emitter::knownFactor(firstColumn), Emitter::knownFactor(endColumn));
  Factor b = Weight(op.getPacked()).columnsOf(weightOf(op), firstColumn, endColumn, known);
  int64_t depthFactor = std::min(Emitter::knownFactor(begin), Emitter::knownFactor(end));
  return residentProduct(product, rows.tile, b, begin, end, depthFactor, init);
}

// One head's attention: queries, keys and values stand side by side in `heads`, rows `stride` apart.
void LayerEmitter::attend(Value head, const RowTile &attended, Value heads, int64_t stride, Value weights) {
  AttentionShape shape = attentionShape(layer.attention);
  int64_t width = plan.headWidth, positions = plan.positions, columns = plan.headColumns();
  Memory lines{heads, {}, e.f32(), true};
  if (layer.attention.getTable()) {
    for (int64_t part = 0; part < 2; ++part) {
      LineCopy copy;
      copy.lines = blockRows();
      copy.width = width;
      copy.from = copy.to = {lines, [&, part](Value line) { return e.add(e.mul(line, stride), part * columns); }};
      copy.table = s.pointers[first[layer.attention] + 3];
      copy.position = [&](Value line) { return e.rem(line, e.index(positions)); };
      copyLines(e, copy);
    }
    e.barrier();
  }
  // A thread has a row's share of one key.
  e.share(blockRows() * positions, [&](Value number) {
    Value row = e.div(number, positions), key = e.rem(number, e.index(positions));
    Value t = e.rem(row, e.index(positions)), other = e.add(e.sub(row, t), key);
    Value q = e.mul(row, stride), k = e.add(e.mul(other, stride), columns);
    WithLanes one(e, 1);
    Value dot = e.loop(e.index(0), e.index(width), 1, e.number(0), [&](Value c, ValueRange so) {
      Value x = e.loadNumbers(lines, e.add(q, c), false), y = e.loadNumbers(lines, e.add(k, c), false);
      return SmallVector<Value>{math::FmaOp::create(e.b, x, y, so[0])};
    })[0];
    Value seen = arith::AndIOp::create(e.b, e.less(key, shape.endKey(e, t)), e.less(e.sub(shape.firstKey(e, t), e.index(1)), key));
    Value score = e.select(seen, e.mulf(dot, e.number(shape.scale)), e.number(-std::numeric_limits<float>::infinity()));
    e.store(score, e.at(weights, number));
  });
  e.barrier();
  e.share(e.index(blockRows()), [&](Value row) {
    Value line = e.at(weights, e.mul(row, positions));
    auto at = [&](Value key) { return e.at(line, key); };
    Value top = e.load(at(e.index(0)));
    top = e.loop(e.index(1), e.index(positions), 1, top, [&](Value key, ValueRange so) {
      return SmallVector<Value>{arith::MaximumFOp::create(e.b, so[0], e.load(at(key)))};
    })[0];
    Value sum = e.loop(e.index(0), e.index(positions), 1, e.number(0), [&](Value key, ValueRange so) {
      Value weight = math::ExpOp::create(e.b, e.subf(e.load(at(key)), top));
      e.store(weight, at(key));
      return SmallVector<Value>{e.addf(so[0], weight)};
    })[0];
    Value scale = e.divf(e.number(1), sum);
    e.loop(e.index(0), e.index(positions), 1, [&](Value key) { e.store(e.mulf(e.load(at(key)), scale), at(key)); });
  });
  e.barrier();
  e.share(blockRows() * width, [&](Value number) {
    Value row = e.div(number, width), c = e.rem(number, e.index(width)), start = e.sub(row, e.rem(row, e.index(positions)));
    WithLanes one(e, 1);
    Value sum = e.loop(e.index(0), e.index(positions), 1, e.number(0), [&](Value key, ValueRange so) {
      Value value = e.loadNumbers(lines, e.add(e.mul(e.add(start, key), stride), e.add(c, 2 * columns)), false);
      Value weight = e.load(e.at(weights, e.add(e.mul(row, positions), key)));
      return SmallVector<Value>{math::FmaOp::create(e.b, weight, value, so[0])};
    })[0];
    e.storeNumbers(sum, attended.memory(), e.add(e.mul(row, attended.tile.stride), c));
  });
  e.barrier();
}

TileProduct::Sums LayerEmitter::overHeads(const RowTile &rows) {
  int64_t columns = plan.headColumns(), stride = 3 * columns + 4, width = plan.headWidth;
  Value heads = e.shared(plan.rows * stride * 4, 128), weights = e.shared(blockRows() * plan.positions * 4, 128);
  RowTile attended = factorTile(width);
  TileProduct::Sums init;
  for (int64_t n = 0; n < plan.resultTiles(); ++n) {
    llvm::append_range(init, product(plan.resultTile())->zeros());
  }
  int64_t mark = e.sharedBytes();
  ArrayRef<int64_t> offsets = layer.attention.getOffsets();
  return e.loop(e.index(0), e.index(plan.heads), 1, init, [&](Value head, ValueRange so) {
    Value inHeads = e.mul(head, width);
    for (int64_t part = 0; part < 3; ++part) {
      auto tile = product(columns);
      Value begin = e.add(inHeads, offsets[part]);
      auto sums = resident(*tile, rows, layer.queryKeyValue, begin, e.add(begin, width), e.index(0), e.index(plan.width),
                           tile->zeros());
      e.releaseShared(mark);
      tile->store(sums, e.at(heads, e.index(part * columns)), stride);
    }
    e.barrier();
    attend(head, attended, heads, stride, weights);
    TileProduct::Sums next;
    for (int64_t n = 0; n < plan.resultTiles(); ++n) {
      auto tile = product(plan.resultTile());
      size_t count = so.size() / plan.resultTiles();
      Value n0 = e.index(n * plan.resultTile());
      llvm::append_range(next, resident(*tile, attended, layer.output, n0, e.index(plan.width), inHeads, e.add(inHeads, width),
                                        so.slice(n * count, count)));
      e.releaseShared(mark);
    }
    return next;
  });
}

// Sums of all result tiles as f32 rows of `width` numbers.
Value LayerEmitter::storeSums(ValueRange sums) {
  int64_t stride = plan.resultTile() * plan.resultTiles();
  Value rows = e.shared(plan.rows * stride * 4, 128);
  size_t count = sums.size() / plan.resultTiles();
  for (int64_t n = 0; n < plan.resultTiles(); ++n) {
    product(plan.resultTile())->store(sums.slice(n * count, count), e.at(rows, e.index(n * plan.resultTile())), stride);
  }
  e.barrier();
  return rows;
}

RowTensorsInBlock LayerEmitter::epilogueTensors(kernel::GemmOp op, Value sums, int64_t stride, Value firstColumn) {
  SmallVector<Memory> after = memories(op, op.getEpilogueInputs(), op.getInputs().size() + 1);
  return [=, this](Value rowInBlock) {
    SmallVector<Memory> all{{e.at(sums, e.sub(e.mul(rowInBlock, stride), firstColumn)), {}, e.f32(), true}};
    llvm::append_range(all, after);
    return all;
  };
}

TileProduct::Sums LayerEmitter::overHidden(const RowTile &rows) {
  int64_t columns = plan.hiddenTile, stride = columns + 4;
  Value sumsAt = e.shared(plan.rows * stride * 4, 128);
  RowTile piece = factorTile(columns);
  TileProduct::Sums init;
  for (int64_t n = 0; n < plan.resultTiles(); ++n) {
    llvm::append_range(init, product(plan.resultTile())->zeros());
  }
  int64_t mark = e.sharedBytes();
  return e.loop(e.index(0), e.index(plan.hidden), columns, init, [&](Value c0, ValueRange so) {
    auto tile = product(columns);
    Value end = plan.hidden % columns ? e.min(e.add(c0, columns), e.index(plan.hidden)) : e.add(c0, columns);
    auto sums = resident(*tile, rows, layer.hidden, c0, end, e.index(0), e.index(plan.width), tile->zeros());
    e.releaseShared(mark);
    tile->store(sums, sumsAt, stride);
    e.barrier();
    emitRowsOfBlock(e, epilogueOf(layer.hidden), space, from, blockRows(), epilogueTensors(layer.hidden, sumsAt, stride, c0),
                    [&](Value row, Value, Value) { return e.sub(e.mul(e.sub(row, from), piece.tile.stride), c0); },
                    piece.memory(), {}, ColumnRange{c0, end});
    e.barrier();
    TileProduct::Sums next;
    for (int64_t n = 0; n < plan.resultTiles(); ++n) {
      auto result = product(plan.resultTile());
      size_t count = so.size() / plan.resultTiles();
      llvm::append_range(next, resident(*result, piece, layer.result, e.index(n * plan.resultTile()), e.index(plan.width), c0, end,
                                        so.slice(n * count, count)));
      e.releaseShared(mark);
    }
    return next;
  });
}

void LayerEmitter::emit() {
  int64_t stride = plan.resultTile() * plan.resultTiles();
  Type storage = writer.storage();
  middle = {e.shared(plan.rows * plan.width * storage.getIntOrFloatBitWidth() / 8, 128), {}, storage, true};
  int64_t afterMiddle = e.sharedBytes();
  RowTile rows = factorTile(plan.width);
  int64_t afterRows = e.sharedBytes();
  fill(rows, layer.queryKeyValue);
  auto attended = overHeads(rows);
  e.releaseShared(afterRows);
  Value sums = storeSums(attended);
  emitRowsOfBlock(e, epilogueOf(layer.output), space, from, blockRows(), epilogueTensors(layer.output, sums, stride, e.index(0)),
                  [&](Value row, Value, Value) { return e.mul(e.sub(row, from), plan.width); }, middle);
  e.barrier();
  e.releaseShared(afterRows);
  fill(rows, layer.hidden);
  auto made = overHidden(rows);
  e.releaseShared(afterMiddle);
  sums = storeSums(made);
  ResultWriter writeResults(e, layer.result.getResults(), ArrayRef(s.pointers).drop_front(results), {});
  emitRowsOfBlock(e, epilogueOf(layer.result), space, from, blockRows(), epilogueTensors(layer.result, sums, stride, e.index(0)),
                  writeResults);
}

void cuda::emitLocalLayer(KernelWriter &writer, const LocalLayer &layer) {
  kernel::GemmOp last = layer.result;
  kernel::ScheduleAttr schedule = kernel::scheduleOf(last);
  LocalLayerPlan plan(layer, writer.precision, schedule.getRows(), schedule.getColumns());
  unsigned tensors = last.getNumResults();
  for (Operation *op : layer.ops()) {
    tensors += op->getNumOperands();
  }
  Grid grid{last.getSpace().getSequences(), plan.sequences};
  writer.step(last.getLoc(), tensors, grid, blockThreads, [&](KernelWriter::Step &s) {
    s.leaveRoomFor(2);
    LayerEmitter(writer, layer, plan, s).emit();
  });
}
