// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Emit/RowEmitter.h"

#include <limits>

using namespace mlir;
using namespace mblm;
using namespace mblm::emit;

RowEmitter::RowEmitter(Emitter &emitter, Block &body, int64_t columns, int64_t segments, int64_t width,
                       ArrayRef<Memory> tensors)
    : e(emitter), body(body), numColumns(columns), segments(segments), width(width), tensors(tensors) {
  analyse();
}

bool RowEmitter::isIdentity(Block &body, int64_t columns) {
  auto yield = cast<kernel::YieldOp>(body.getTerminator());
  if (yield.getValues().size() != 1) {
    return false;
  }
  auto load = yield.getValues()[0].getDefiningOp<kernel::LoadOp>();
  kernel::RowIndices at = kernel::rowIndices(body);
  return load && load.getTensor() == body.getArgument(0) && load.getIndices().size() == 3 &&
         load.getIndices()[0] == at.sequence && load.getIndices()[1] == at.position && load.getIndices()[2] == at.column &&
         cast<RankedTensorType>(load.getTensor().getType()).getShape().back() == columns;
}

void RowEmitter::analyse() {
  kernel::RowIndices at = kernel::rowIndices(body);
  facts[at.segment].scope = Segment;
  facts[at.offset].scope = facts[at.column].scope = Column;
  for (Operation &op : body.without_terminator()) {
    Facts fact;
    for (Value operand : op.getOperands()) {
      Facts of = facts.lookup(operand);
      fact.scope = std::max(fact.scope, of.scope);
      fact.phase = std::max(fact.phase, of.phase);
    }
    if (isa<kernel::RowSumOp, kernel::RowMaxOp>(op)) {
      reductions.resize(std::max<size_t>(reductions.size(), fact.phase + 1));
      reductions[fact.phase].push_back(&op);
      fact = {Row, fact.phase + 1};
    }
    for (Value result : op.getResults()) {
      facts[result] = fact;
    }
  }
}

// Ops that `targets` come from, in program order; reductions are complete and need nothing.
SmallVector<Operation *> RowEmitter::needed(ArrayRef<Value> targets) {
  llvm::SetVector<Operation *> found;
  SmallVector<Value> open(targets.begin(), targets.end());
  while (!open.empty()) {
    Operation *op = open.pop_back_val().getDefiningOp();
    if (op && !isa<kernel::RowSumOp, kernel::RowMaxOp>(op) && found.insert(op)) {
      llvm::append_range(open, op->getOperands());
    }
  }
  SmallVector<Operation *> ops = found.takeVector();
  llvm::sort(ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  return ops;
}

void RowEmitter::emitScope(Scope scope, ArrayRef<Operation *> ops) {
  for (Operation *op : ops) {
    // What belongs to the row stays known from phase to phase.
    if (facts[op->getResult(0)].scope == scope && (scope != Row || !map.contains(op->getResult(0)))) {
      emitOp(op);
    }
  }
}

Value RowEmitter::vectorOf(Value emitted) {
  if (isa<VectorType>(emitted.getType())) {
    return emitted;
  }
  auto type = VectorType::get({e.machine.lanes}, emitted.getType());
  return vector::BroadcastOp::create(e.b, type, emitted);
}

// An index that differs from lane to lane, as a vector.
Value RowEmitter::lanesOf(Value index) {
  Value emitted = vectorOf(get(index));
  if (facts.lookup(index).scope != Column) {
    return emitted;
  }
  return arith::AddIOp::create(e.b, emitted, vector::StepOp::create(e.b, cast<VectorType>(emitted.getType())));
}

Value RowEmitter::emitLoad(kernel::LoadOp load) {
  const Memory &memory = tensors[cast<BlockArgument>(load.getTensor()).getArgNumber()];
  SmallVector<Value> indices;
  for (Value index : load.getIndices()) {
    indices.push_back(get(index));
  }
  Value inside;
  if (load.getOrZero()) {
    // One unsigned comparison catches both ends.
    inside = arith::CmpIOp::create(e.b, arith::CmpIPredicate::ult, indices[1], e.form(memory.shape[1]));
    indices[1] = e.select(inside, indices[1], e.index(0));
  }
  bool wide = facts[load].scope == Column;
  // Lanes past the last column read what lies behind: nothing uses them, and buffers have slack.
  Value value = e.loadNumbers(memory, e.offset(memory, indices), wide);
  if (inside) {
    value = e.select(inside, value, wide ? e.splat(0.0) : e.number(0));
  }
  return value;
}

// Whether a column index is always one of a block's first: groups of columns begin at multiples of the vector's lanes.
bool RowEmitter::beginsBlock(Value column) {
  kernel::RowIndices at = kernel::rowIndices(body);
  if (e.machine.lanes % DropoutEmitter::perBlock != 0) {
    return false;
  }
  if (column == at.column) {
    return segments == 1 || width % DropoutEmitter::perBlock == 0;
  }
  return column == at.offset;
}

Value RowEmitter::emitKeep(kernel::KeepOp keep) {
  const DropoutEmitter &dropout = dropouts.at(keep.getKey());
  Value rowBlock = dropout.rowBlock(get(keep.getRow()), e.index(keep.getColumns()));
  Value factors = dropout.columns(rowBlock, get(keep.getColumn()), beginsBlock(keep.getColumn()));
  return facts[keep].scope == Column ? factors : e.extract(factors);
}

void RowEmitter::emitOp(Operation *op) {
  Value result = op->getResult(0), emitted;
  bool wide = facts[result].scope == Column && !result.getType().isIndex();
  if (auto load = dyn_cast<kernel::LoadOp>(op)) {
    emitted = emitLoad(load);
  } else if (auto keep = dyn_cast<kernel::KeepOp>(op)) {
    emitted = emitKeep(keep);
  } else if (isa<kernel::SlotsOp>(op)) {
    emitted = e.slots;
  } else if (isa<kernel::CallPositionOp>(op)) {
    emitted = e.position;
  } else if (isa<kernel::SwapPairsOp>(op)) {
    SmallVector<int64_t> lanes;
    for (int64_t lane = 0; lane < e.machine.lanes; ++lane) {
      lanes.push_back(lane ^ 1);
    }
    Value value = vectorOf(get(op->getOperand(0)));
    emitted = vector::ShuffleOp::create(e.b, value, value, lanes);
  } else if (!wide) {
    emitted = e.b.clone(*op, map)->getResult(0);
  } else {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      bool condition = isa<arith::SelectOp>(op) && operands.empty();
      if (operand.getType().isIndex()) {
        operands.push_back(lanesOf(operand));
      } else {
        operands.push_back(condition ? get(operand) : vectorOf(get(operand)));
      }
    }
    OperationState state(op->getLoc(), op->getName(), operands, VectorType::get({e.machine.lanes}, result.getType()),
                         op->getAttrs());
    emitted = e.b.create(state)->getResult(0);
  }
  map.map(result, emitted);
}

RowEmitter::Values RowEmitter::overSegment(Value segment, ArrayRef<Operation *> ops, ValueRange init,
                                           const ColumnBody &work) {
  kernel::RowIndices at = kernel::rowIndices(body);
  IRMapping outer = map;
  map.map(at.segment, segment);
  emitScope(Segment, ops);
  Value start = segments == 1 ? e.index(0) : e.mul(segment, width);
  auto group = [&](Value offset, Value mask, ValueRange accumulators) {
    IRMapping before = map;
    map.map(at.offset, offset);
    map.map(at.column, segments == 1 ? offset : e.add(start, offset));
    emitScope(Column, ops);
    Values next = work(map.lookup(at.column), mask, accumulators);
    map = before;
    return next;
  };
  Values values(init.begin(), init.end());
  int64_t lanes = e.machine.lanes;
  if (rangeEnd) {
    values = e.loop(rangeBegin, rangeEnd, lanes, values,
                    [&](Value c, ValueRange accumulators) { return group(c, e.mask(e.sub(rangeEnd, c)), accumulators); });
  } else if (segments * width == numColumns) {
    int64_t full = width / lanes * lanes;
    if (full == lanes) {
      values = group(e.index(0), {}, values);
    } else if (full) {
      values = e.loop(e.index(0), e.index(full), lanes, values,
                      [&](Value d, ValueRange accumulators) { return group(d, {}, accumulators); });
    }
    if (width > full) {
      values = group(e.index(full), e.mask(e.index(width - full)), values);
    }
  } else { // the last segment is shorter
    Value end = e.min(e.index(width), e.sub(e.index(numColumns), start));
    values = e.loop(e.index(0), end, lanes, values,
                    [&](Value d, ValueRange accumulators) { return group(d, e.mask(e.sub(end, d)), accumulators); });
  }
  map = outer;
  return values;
}

// This thread's share of the columns, whatever segments they lie in.
RowEmitter::Values RowEmitter::overShare(ArrayRef<Operation *> ops, ValueRange init, const ColumnBody &work) {
  int64_t lanes = e.machine.lanes, stride = lanes * threads;
  kernel::RowIndices at = kernel::rowIndices(body);
  auto group = [&](Value column, ValueRange accumulators) {
    IRMapping before = map;
    map.map(at.column, column);
    map.map(at.segment, segments == 1 ? e.index(0) : e.div(column, width));
    map.map(at.offset, segments == 1 ? column : e.rem(column, e.index(width)));
    emitScope(Segment, ops);
    emitScope(Column, ops);
    Values next = work(column, {}, accumulators);
    map = before;
    return next;
  };
  Value first = e.mul(thread, lanes), end = rangeEnd ? rangeEnd : e.index(numColumns);
  if (!rangeEnd && numColumns == stride) {
    return group(first, init);
  }
  return e.loop(rangeBegin ? e.add(rangeBegin, first) : first, end, stride, init, group);
}

RowEmitter::Values RowEmitter::overColumns(ArrayRef<Value> targets, ValueRange init, const ColumnBody &work) {
  SmallVector<Operation *> ops = needed(targets);
  emitScope(Row, ops);
  if (thread) {
    return overShare(ops, init, work);
  }
  if (segments == 1) {
    return overSegment(e.index(0), ops, init, work);
  }
  return e.loop(e.index(0), e.index(segments), 1, init,
                [&](Value j, ValueRange accumulators) { return overSegment(j, ops, accumulators, work); });
}

void RowEmitter::reduce(int64_t phase) {
  SmallVector<Value> operands, init;
  for (Operation *op : reductions[phase]) {
    operands.push_back(op->getOperand(0));
    init.push_back(e.splat(isa<kernel::RowSumOp>(op) ? 0.0 : -std::numeric_limits<float>::infinity()));
  }
  Values totals = overColumns(operands, init, [&](Value, Value mask, ValueRange accumulators) {
    Values next;
    for (auto [op, operand, accumulator, neutral] : llvm::zip(reductions[phase], operands, accumulators, init)) {
      Value value = vectorOf(get(operand));
      if (mask) {
        value = e.select(mask, value, neutral);
      }
      next.push_back(isa<kernel::RowSumOp>(op) ? e.addf(accumulator, value)
                                               : arith::MaximumFOp::create(e.b, accumulator, value).getResult());
    }
    return next;
  });
  for (auto [op, total] : llvm::zip(reductions[phase], totals)) {
    bool sum = isa<kernel::RowSumOp>(op);
    map.map(op->getResult(0), e.acrossThreads(sum ? e.sumLanes(total) : e.maxLanes(total), threads, [&](Value x, Value y) {
      return sum ? e.addf(x, y) : arith::MaximumFOp::create(e.b, x, y).getResult();
    }));
  }
}

void RowEmitter::emit(Value sequence, Value position, const Sink &sink, ArrayRef<unsigned> perRow, const RowSink &rowSink) {
  map.clear();
  dropouts.clear();
  kernel::RowIndices at = kernel::rowIndices(body);
  map.map(at.sequence, sequence);
  map.map(at.position, position);
  for (auto keep : body.getOps<kernel::KeepOp>()) {
    if (!dropouts.count(keep.getKey())) {
      dropouts.try_emplace(keep.getKey(), e, tensors[cast<BlockArgument>(keep.getKey()).getArgNumber()].base);
    }
  }
  for (int64_t phase = 0; phase < static_cast<int64_t>(reductions.size()); ++phase) {
    reduce(phase);
  }
  SmallVector<Value> rowTargets, columnTargets;
  SmallVector<unsigned> columnNumbers;
  auto yield = cast<kernel::YieldOp>(body.getTerminator());
  for (auto [number, value] : llvm::enumerate(yield.getValues())) {
    if (llvm::is_contained(perRow, number)) {
      rowTargets.push_back(value);
    } else {
      columnTargets.push_back(value);
      columnNumbers.push_back(number);
    }
  }
  if (!rowTargets.empty()) {
    emitScope(Row, needed(rowTargets));
    for (auto [number, value] : llvm::zip(perRow, rowTargets)) {
      rowSink(number, get(value));
    }
  }
  if (!columnTargets.empty()) {
    overColumns(columnTargets, {}, [&](Value column, Value mask, ValueRange) {
      for (auto [number, value] : llvm::zip(columnNumbers, columnTargets)) {
        sink(number, vectorOf(get(value)), column, mask);
      }
      return Values();
    });
  }
}
