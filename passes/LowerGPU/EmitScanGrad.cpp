// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Backward scan. A block has a part of the tiles and a group of channels, through which it goes pass by pass. In a pass warps have
// a state each at any time, all of them different, so that they add to different rows of the gradients of b and c, in an order that is always the
// same; sums over positions stay with the block to its end.
#include "passes/LowerGPU/ScanBorders.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;
using kernel::scanParts;

constexpr int64_t mostChunks = 16;
constexpr int64_t statesAtOnce = 16;      // of tiles in shared memory
constexpr int64_t mostSums = 4 << 10;     // over positions in shared memory
constexpr int64_t residentThreads = 512; // of a multiprocessor

namespace {
struct ScanGradPlan {
  explicit ScanGradPlan(kernel::ScanGradOp op);

  ScanShape shape;
  int64_t group, groups; // channels of a block, and blocks of all channels
  ScanSchedule schedule;
  int64_t atOnce;  // states
  bool sumsShared; // those over positions lie in shared memory

  ScanUnits units() const { return {shape, schedule}; }
  int64_t padded() const { return ceilDiv(group, schedule.lines) * schedule.lines; }
  bool allAtOnce() const { return atOnce == shape.states; }
  bool usesParts() const { return groups > 1 || !allAtOnce(); }
  int64_t steps() const { return std::max(atOnce, schedule.threads() / warpSize); }
};

class ScanGradEmitter {
public:
  ScanGradEmitter(KernelWriter::Step &s, const ScanGradPlan &plan, kernel::ScanGradOp op);
  void emit();

private:
  using Values = ScanTile::Values;
  struct State {
    Value row, number; // among those at once, and among all
    Value exists;      // null: it does
    Value channel;     // in the group
  };
  void emitUnit(Value unit);
  void emitPass(Value unit, Value pass);
  Values overStates(Value unit, Value pass, ValueRange so);
  Values overTile(Value first, Value channel, ValueRange so);
  void bringStates(Value unit, Value first);
  Values emitState(const State &state, ValueRange so);
  void addAcrossChannels(const State &state, ArrayRef<Value> bGrads, ArrayRef<Value> cGrads);
  void addToSum(Value sum, Value place);
  void writeChannels();
  void writeStates(Value first, Value pass);
  void clearStates();
  void writeSums();
  Value channelsLeft() { return e.min(e.index(plan.group), e.sub(e.index(plan.shape.channels), groupChannel)); }
  Value decaySum(Value channel, Value state);
  Value onlyWhere(Value condition, Value value) { return condition ? e.select(condition, value, e.number(0)) : value; }
  Memory result(unsigned number) const {
    auto type = cast<RankedTensorType>(op->getResult(number).getType());
    return {pointers[op->getNumOperands() + number], {}, type.getElementType(), true};
  }
  enum Result { InputGrad, DeltaGrad, BGrad, CGrad, ALogSums, SkipSums, Parts, GateGrad };

  const ScanGradPlan &plan;
  kernel::ScanGradOp op;
  ScanTile scan;
  ThreadEmitter &e;
  ArrayRef<Value> pointers;
  const Memory grad;
  Value part, group, groupChannel;      // the block's
  Value x, d, g, b, c, sums;            // tiles; the sums are b's gradient and then c's
  Value states, stateGrads;             // borders, [state][line]
  Value decays;                         // [state][line]
  Value decaySums, skipSums;            // [state][channel of the group]
  Values steps, products, grads;        // of this thread: d, d x, g
};
} // namespace

ScanGradPlan::ScanGradPlan(kernel::ScanGradOp op)
    : shape(scanShape(op)), group(std::min(kernel::scanChannels(shape.channels), shape.channels)),
      groups(ceilDiv(shape.channels, group)), schedule(shape, group, mostChunks, blockThreads),
      atOnce(std::min(shape.states, statesAtOnce)), sumsShared(shape.states * group <= mostSums) {}

ScanGradEmitter::ScanGradEmitter(KernelWriter::Step &s, const ScanGradPlan &plan, kernel::ScanGradOp op)
    : plan(plan), op(op), scan(s, plan.shape, plan.schedule, op, 1, op.getOffsets()), e(s.e), pointers(s.pointers),
      grad{s.pointers[0], {}, cast<RankedTensorType>(op.getGrad().getType()).getElementType(), true} {}

//===----------------------------------------------------------------------===//
// Sums over positions
//===----------------------------------------------------------------------===//

// Where too many for shared memory, in their place in the result.
Value ScanGradEmitter::decaySum(Value channel, Value state) {
  if (plan.sumsShared) {
    return e.at(decaySums, e.add(e.mul(state, plan.padded()), channel));
  }
  Value row = e.add(e.mul(part, plan.shape.channels), e.add(groupChannel, channel));
  return e.at(pointers[op->getNumOperands() + ALogSums], e.add(e.mul(row, plan.shape.states), state));
}

// Adds what a line's chunks have together; one thread does.
void ScanGradEmitter::addToSum(Value sum, Value place) {
  Value total = scan.sumOfChunks(sum), exists = e.less(e.add(scan.firstChannel, scan.line), scan.endChannel);
  e.when(arith::AndIOp::create(e.b, exists, e.equal(scan.chunk, e.index(0))), [&] { e.store(e.addf(e.load(place), total), place); });
}

// The sums belong to log2(e) A: a_log's gradient is A times theirs.
void ScanGradEmitter::writeSums() {
  int64_t count = plan.shape.states, channels = plan.shape.channels;
  Value left = channelsLeft(), row = e.add(e.mul(part, channels), groupChannel);
  Memory aLogSums = result(ALogSums), skips = result(SkipSums);
  e.share(e.mul(left, count), [&](Value i) {
    Value channel = e.div(i, count), state = e.rem(i, e.index(count));
    Value decay = scan.decay(e.add(groupChannel, channel), state);
    Value value = e.mulf(e.mulf(decay, e.number(M_LN2)), e.load(decaySum(channel, state)));
    e.storeNumbers(value, aLogSums, e.add(e.mul(row, count), i));
  });
  e.share(left, [&](Value channel) { e.storeNumbers(e.load(e.at(skipSums, channel)), skips, e.add(row, channel)); });
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

// Halves the numbers with the channels' threads until each of these has some numbers' sums, which it adds to the tile's.
void ScanGradEmitter::addAcrossChannels(const State &state, ArrayRef<Value> bGrads, ArrayRef<Value> cGrads) {
  int64_t length = plan.schedule.length, stride = plan.schedule.stride();
  Values values(bGrads.begin(), bGrads.end());
  llvm::append_range(values, cGrads);
  Value first = e.index(0), writes = state.exists;
  for (int64_t distance = plan.schedule.chunks; distance < warpSize; distance *= 2) {
    Value upper = e.equal(e.rem(e.div(e.thread, distance), e.index(2)), e.index(1));
    int64_t half = values.size() / 2;
    if (half == 0) {
      values[0] = e.addf(values[0], e.exchange(values[0], distance));
      Value lower = e.equal(e.rem(e.div(e.thread, distance), e.index(2)), e.index(0));
      writes = writes ? arith::AndIOp::create(e.b, writes, lower).getResult() : lower;
      continue;
    }
    for (int64_t n = 0; n < half; ++n) {
      Value kept = e.select(upper, values[n + half], values[n]), sent = e.select(upper, values[n], values[n + half]);
      values[n] = e.addf(kept, e.exchange(sent, distance));
    }
    values.resize(half);
    first = e.add(first, e.select(upper, e.index(half), e.index(0)));
  }
  int64_t run = std::min<int64_t>(values.size(), length), lanes = std::min<int64_t>(run, 4);
  auto add = [&] {
    WithLanes guard(e, lanes);
    Memory memory{sums, {}, e.f32(), true};
    for (int64_t n = 0; n < static_cast<int64_t>(values.size()); n += lanes) {
      Value number = e.add(first, n), tile = e.mul(e.div(number, length), plan.atOnce * stride);
      Value place = e.add(e.add(tile, e.mul(state.row, stride)),
                          e.add(e.mul(scan.chunk, length), e.rem(number, e.index(length))));
      Value own = vector::FromElementsOp::create(e.b, e.vec(), ArrayRef(values).slice(n, lanes));
      e.storeNumbers(e.addf(e.loadNumbers(memory, place, /*wide=*/true), own), memory, place);
    }
  };
  writes ? e.when(writes, add) : add();
}

// `so`: for each position the sums over states of l b and of A w l h[t-1], with log2(e) A for A. The sums of h c, which only the
// gate's gradient needs, stay in the gradient's tile.
ScanTile::Values ScanGradEmitter::emitState(const State &state, ValueRange so) {
  int64_t length = plan.schedule.length, lines = plan.schedule.lines;
  Value decay = e.load(e.at(decays, e.add(e.mul(state.row, lines), scan.line)));
  Values bs = scan.load(b, state.row), cs = scan.load(c, state.row), powers, terms, added;
  for (int64_t i = 0; i < length; ++i) {
    powers.push_back(powerOfTwo(e, e.mulf(steps[i], decay)));
    terms.push_back(e.mulf(products[i], onlyWhere(state.exists, bs[i])));
    added.push_back(e.mulf(grads[i], onlyWhere(state.exists, cs[i])));
  }
  Value h = e.number(0), behind = e.number(0); // behind: w l of the position behind
  if (!plan.schedule.single) {
    Value place = e.add(e.mul(state.row, lines), scan.line);
    h = onlyWhere(state.exists, e.load(e.at(states, place)));
    behind = onlyWhere(state.exists, e.load(e.at(stateGrads, place)));
  }
  if (plan.schedule.chunks > 1) {
    auto enter = [&](ScanTile::Affine own, ScanTile::Direction direction, Value start) {
      ScanTile::Affine before = scan.before(scan.behind(own, direction), direction);
      return e.fma(before.factor, start, before.term);
    };
    h = enter(scan.chunkOf(powers, terms), ScanTile::Forward, h);
    behind = enter(scan.chunkBackOf(powers, added), ScanTile::Backward, behind);
  }
  Values next(so.begin(), so.end()), history{h}, bGrads(length), cGrads(length);
  for (int64_t i = 0; i < length; ++i) {
    history.push_back(e.fma(powers[i], history.back(), terms[i]));
  }
  if (plan.shape.gated) {
    Values outputs = scan.load(g, scan.line);
    for (int64_t i = 0; i < length; ++i) {
      outputs[i] = e.fma(history[i + 1], onlyWhere(state.exists, cs[i]), outputs[i]);
    }
    scan.store(outputs, g, scan.line);
  }
  Value sum = e.number(0);
  for (int64_t i = length - 1; i >= 0; --i) {
    Value l = e.addf(added[i], behind);
    behind = e.mulf(powers[i], l);
    Value through = e.mulf(behind, history[i]);
    bGrads[i] = e.mulf(l, products[i]);
    cGrads[i] = e.mulf(grads[i], history[i + 1]);
    next[i] = e.fma(l, bs[i], next[i]);
    next[length + i] = e.fma(decay, through, next[length + i]);
    sum = e.fma(steps[i], through, sum);
  }
  addToSum(sum, decaySum(state.channel, state.number));
  addAcrossChannels(state, bGrads, cGrads);
  return next;
}

// The states `first` and on that are in shared memory.
ScanTile::Values ScanGradEmitter::overTile(Value first, Value channel, ValueRange init) {
  return e.loop(e.index(0), e.index(plan.steps()), 1, init, [&](Value step, ValueRange so) {
    e.keepRolled();
    State state;
    state.row = e.rem(e.add(step, e.warp()), e.index(plan.steps()));
    state.number = e.add(first, state.row);
    state.channel = channel;
    if (plan.steps() > plan.atOnce || plan.shape.states % plan.atOnce) {
      Value left = e.min(e.index(plan.atOnce), e.sub(e.index(plan.shape.states), first));
      state.exists = e.less(state.row, left);
      state.row = e.select(state.exists, state.row, e.index(0));
      state.number = e.select(state.exists, state.number, first);
    }
    Values next = emitState(state, so);
    e.barrier();
    return next;
  });
}

// All states where they are too many for shared memory: the sums for b and c then grow from pass to pass in memory.
ScanTile::Values ScanGradEmitter::overStates(Value unit, Value pass, ValueRange init) {
  Value channel = e.add(e.mul(pass, plan.schedule.lines), scan.line);
  return e.loop(e.index(0), e.index(plan.shape.states), plan.atOnce, init, [&](Value first, ValueRange so) {
    scan.bringStates(b, c, first, plan.atOnce);
    bringStates(unit, first);
    clearStates();
    e.barrier();
    Values next = overTile(first, channel, so);
    writeStates(first, pass);
    e.barrier();
    return next;
  });
}

// What the states `first` and on begin with, and their decays.
void ScanGradEmitter::bringStates(Value unit, Value first) {
  scan.bringDecays(decays, first, plan.atOnce);
  if (plan.schedule.single) {
    return;
  }
  ScanBorders borders(e, plan.units(), pointers.back());
  int64_t lines = plan.schedule.lines;
  Value lastChannel = e.index(plan.shape.channels - 1), lastState = e.index(plan.shape.states - 1);
  e.share(plan.atOnce * lines, [&](Value i) {
    Value state = e.min(e.add(first, e.div(i, lines)), lastState);
    Value channel = e.min(e.add(scan.firstChannel, e.rem(i, e.index(lines))), lastChannel);
    e.store(e.load(borders.at(ScanTile::Forward, unit, state, channel)), e.at(states, i));
    e.store(e.load(borders.at(ScanTile::Backward, unit, state, channel)), e.at(stateGrads, i));
  });
}

void ScanGradEmitter::emitPass(Value unit, Value pass) {
  int64_t lines = plan.schedule.lines, length = plan.schedule.length;
  Value firstLine = e.mul(pass, lines), last = e.index(plan.shape.channels - 1);
  scan.firstChannel = e.add(groupChannel, firstLine);
  scan.endChannel = e.add(groupChannel, channelsLeft());
  scan.bringInput(x, d);
  scan.bringGradient(grad, g);
  if (plan.allAtOnce()) {
    bringStates(unit, e.index(0));
  }
  e.barrier();
  steps = scan.load(d, scan.line);
  grads = scan.load(g, scan.line);
  Values inputs = scan.load(x, scan.line);
  products.clear();
  Value channel = e.add(firstLine, scan.line), skip = scan.skip(e.min(e.add(groupChannel, channel), last)), skipSum = e.number(0);
  Values outputs;
  for (int64_t i = 0; i < length; ++i) {
    products.push_back(e.mulf(steps[i], inputs[i]));
    skipSum = e.fma(grads[i], inputs[i], skipSum);
    outputs.push_back(e.mulf(skip, inputs[i]));
  }
  addToSum(skipSum, e.at(skipSums, channel));
  if (plan.shape.gated) {
    scan.store(outputs, g, scan.line);
  }
  Values zeros(2 * length, e.number(0));
  Values totals = plan.allAtOnce() ? overTile(e.index(0), channel, zeros) : overStates(unit, pass, zeros);
  inputs = scan.load(x, scan.line); // again, which is cheaper than keeping them
  Values inputGrads, deltaGrads;
  for (int64_t i = 0; i < length; ++i) {
    inputGrads.push_back(e.fma(steps[i], totals[i], e.mulf(skip, grads[i])));
    deltaGrads.push_back(e.fma(totals[length + i], e.number(M_LN2), e.mulf(inputs[i], totals[i])));
  }
  scan.store(inputGrads, x, scan.line);
  scan.store(deltaGrads, d, scan.line);
  e.barrier();
  writeChannels();
}

// The gradients with a feature a channel, from their tiles.
void ScanGradEmitter::writeChannels() {
  Memory inputGrad = result(InputGrad), deltaGrad = result(DeltaGrad);
  scan.forElements([&](Value t, Value channel, Value exists, Value place) {
    Value to = scan.rowOffset(plan.shape.channels, t, channel);
    Value slope = sigmoid(e, scan.number(ScanTile::Delta, t, channel)), gateGrad;
    if (plan.shape.gated) {
      Value z = scan.number(ScanTile::Gate, t, channel), open = sigmoid(e, z), one = e.number(1);
      Value gateSlope = e.mulf(open, e.fma(z, e.subf(one, open), one));
      gateGrad = e.mulf(e.mulf(e.loadNumbers(grad, to, /*wide=*/false), e.load(e.at(g, place))), gateSlope);
    }
    e.when(exists, [&] {
      e.storeNumbers(e.load(e.at(x, place)), inputGrad, to);
      e.storeNumbers(e.mulf(slope, e.load(e.at(d, place))), deltaGrad, to);
      if (gateGrad) {
        e.storeNumbers(gateGrad, result(GateGrad), to);
      }
    });
  });
}

void ScanGradEmitter::clearStates() {
  e.share(e.index(2 * plan.atOnce * plan.schedule.stride()), [&](Value i) { e.store(e.number(0), e.at(sums, i)); });
}

// The gradients of b and c of the group's channels, or of those up to `pass`.
void ScanGradEmitter::writeStates(Value first, Value pass) {
  int64_t count = plan.shape.states, stride = plan.schedule.stride();
  for (int64_t half = 0; half < 2; ++half) {
    Memory target = result(plan.usesParts() ? Parts : half ? CGrad : BGrad);
    e.share(e.index(plan.atOnce * plan.schedule.positions()), [&](Value i) {
      e.keepRolled();
      Value r = e.div(i, plan.atOnce), row = e.rem(i, e.index(plan.atOnce)), n = e.add(first, row), t = e.add(scan.from, r);
      Value exists = e.less(t, scan.positions);
      if (plan.shape.states % plan.atOnce) {
        exists = arith::AndIOp::create(e.b, exists, e.less(n, e.index(count)));
      }
      e.when(exists, [&] {
        Value column = e.add(e.mul(group, 2 * count), e.add(n, half * count));
        Value place = plan.usesParts() ? scan.rowOffset(plan.groups * 2 * count, t, column) : scan.rowOffset(count, t, n);
        Value sum = e.load(e.at(sums, e.add(e.mul(e.add(row, half * plan.atOnce), stride), r)));
        if (pass) {
          Value later = e.less(e.index(0), pass);
          sum = e.addf(e.valueWhen(later, [&] { return e.loadNumbers(target, place, /*wide=*/false); }), sum);
        }
        e.storeNumbers(sum, target, place);
      });
    });
  }
}

void ScanGradEmitter::emitUnit(Value unit) {
  scan.sequence = e.div(unit, scan.tiles());
  scan.from = e.mul(e.rem(unit, scan.tiles()), plan.schedule.positions());
  Value passes = e.ceilDiv(channelsLeft(), plan.schedule.lines);
  if (!plan.allAtOnce()) {
    return e.loop(passes, [&](Value pass) { emitPass(unit, pass); });
  }
  clearStates();
  scan.bringStates(b, c, e.index(0), plan.atOnce);
  e.loop(passes, [&](Value pass) { emitPass(unit, pass); });
  writeStates(e.index(0), {});
  e.barrier();
}

void ScanGradEmitter::emit() {
  int64_t count = plan.shape.states, padded = plan.padded();
  group = e.rem(e.blockX, e.index(plan.groups));
  part = e.div(e.blockX, plan.groups);
  groupChannel = e.mul(group, plan.group);
  for (Value *tile : {&x, &d, &g}) {
    *tile = scan.channelTile();
  }
  b = scan.stateTile(plan.atOnce);
  c = scan.stateTile(plan.atOnce);
  sums = scan.stateTile(2 * plan.atOnce);
  if (!plan.schedule.single) {
    states = e.shared(plan.atOnce * plan.schedule.lines * 4);
    stateGrads = e.shared(plan.atOnce * plan.schedule.lines * 4);
  }
  skipSums = e.shared(padded * 4);
  e.share(padded, [&](Value i) { e.store(e.number(0), e.at(skipSums, i)); });
  decays = e.shared(plan.atOnce * plan.schedule.lines * 4);
  if (plan.sumsShared) {
    decaySums = e.shared(padded * count * 4);
    e.share(padded * count, [&](Value i) { e.store(e.number(0), e.at(decaySums, i)); });
  } else {
    e.share(e.mul(channelsLeft(), count), [&](Value i) { e.store(e.number(0), e.at(decaySum(e.index(0), e.index(0)), i)); });
  }
  Value units = plan.units().count(e), perPart = e.ceilDiv(units, scanParts);
  Value begin = e.min(e.mul(part, perPart), units);
  e.loop(begin, e.min(e.add(begin, perPart), units), 1, [&](Value unit) { emitUnit(unit); });
  e.barrier();
  writeSums();
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

// The gradients of b and c: the parts of all groups, in order.
static void addParts(KernelWriter &writer, kernel::ScanGradOp op, const ScanGradPlan &plan, unsigned tensors) {
  int64_t count = plan.shape.states, perRow = 2 * count;
  SymbolicDim numbers = scaled(rowsOf(plan.shape.space), perRow);
  writer.step(op.getLoc(), tensors, {numbers, blockThreads}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    ArrayRef<Value> results = ArrayRef(s.pointers).drop_front(op->getNumOperands());
    Value i = e.add(e.mul(e.blockX, blockThreads), e.thread);
    e.when(e.less(i, e.form(numbers)), [&] {
      Value row = e.div(i, perRow), n = e.rem(i, e.index(perRow)), sum = e.number(0);
      Memory parts = memoryOf(results[6], op.getParts()), b = memoryOf(results[2], op.getBGrad()), c = memoryOf(results[3], op.getCGrad());
      for (int64_t group = 0; group < plan.groups; ++group) {
        Value place = e.add(e.mul(row, plan.groups * perRow), e.add(n, group * perRow));
        sum = e.addf(sum, e.loadNumbers(parts, place, /*wide=*/false));
      }
      Value to = e.add(e.mul(row, count), e.rem(n, e.index(count)));
      e.when(e.less(n, e.index(count)), [&] { e.storeNumbers(sum, b, to); }, [&] { e.storeNumbers(sum, c, to); });
    });
  });
}

SymbolicDim cuda::scanGradTemporary(kernel::ScanGradOp op) { return ScanGradPlan(op).units().borderFloats(); }

void cuda::emitScanGrad(KernelWriter &writer, kernel::ScanGradOp op) {
  ScanGradPlan plan(op);
  unsigned tensors = op->getNumOperands() + op->getNumResults() + !plan.schedule.single;
  if (!plan.schedule.single) {
    emitScanBorders(writer, op, plan.units(), tensors);
  }
  writer.step(op.getLoc(), tensors, {SymbolicDim::constant(scanParts * plan.groups)}, plan.schedule.threads(),
              [&](KernelWriter::Step &s) {
                s.leaveRoomFor(residentThreads / plan.schedule.threads());
                ScanGradEmitter(s, plan, op).emit();
              });
  if (plan.usesParts()) {
    addParts(writer, op, plan, tensors);
  }
}
