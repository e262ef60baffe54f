// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Forward scan. A block takes some channels of a sequence and goes through its tiles in order; states go from tile to tile in
// shared memory.
#include "passes/LowerGPU/ScanTile.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

constexpr int64_t mostChunks = 32, statesAtOnce = 16; // of b and c in shared memory
constexpr int64_t residentThreads = 768;              // of a multiprocessor

namespace {
class ScanEmitter {
public:
  ScanEmitter(KernelWriter::Step &s, const ScanShape &shape, const ScanSchedule &schedule, kernel::ScanOp op)
      : scan(s, shape, schedule, op, 0, op.getOffsets()), e(s.e), atOnce(std::min(shape.states, statesAtOnce)),
        result{s.pointers[op->getNumOperands()], {}, cast<RankedTensorType>(op.getType()).getElementType(), true} {}
  void emit();

private:
  using Values = ScanTile::Values;
  void emitTile(Value number);
  Values emitState(ValueRange sums, Value stateInTile, Value state, Value number);
  // The states of a tile's channels between tiles: those that go in are read while those that come out are written.
  Value carried(Value number, Value state) {
    int64_t buffers = scan.schedule.chunks > 1 ? 2 : 1, floats = scan.shape.states * scan.schedule.lines;
    Value buffer = e.mul(e.rem(number, e.index(buffers)), floats);
    return e.at(states, e.add(buffer, e.add(e.mul(state, scan.schedule.lines), scan.line)));
  }

  ScanTile scan;
  ThreadEmitter &e;
  const int64_t atOnce;
  const Memory result;
  Value x, d, b, c, decays, states;
  Values steps, inputs; // of this thread: d, and d x
};
} // namespace

// y += h c for one state.
ScanTile::Values ScanEmitter::emitState(ValueRange sums, Value stateInTile, Value state, Value number) {
  Value decay = e.load(e.at(decays, e.add(e.mul(stateInTile, scan.schedule.lines), scan.line)));
  Values bs = scan.load(b, stateInTile), cs = scan.load(c, stateInTile), powers, terms;
  for (auto [step, input, bValue] : llvm::zip(steps, inputs, bs)) {
    powers.push_back(powerOfTwo(e, e.mulf(step, decay)));
    terms.push_back(e.mulf(input, bValue));
  }
  Value h = scan.schedule.single ? e.number(0) : e.load(carried(number, state));
  if (scan.schedule.chunks > 1) {
    ScanTile::Affine before = scan.before(scan.behind(scan.chunkOf(powers, terms), ScanTile::Forward), ScanTile::Forward);
    h = e.fma(before.factor, h, before.term);
  }
  Values next;
  for (auto [power, term, cValue, sum] : llvm::zip(powers, terms, cs, sums)) {
    h = e.fma(power, h, term);
    next.push_back(e.fma(h, cValue, sum));
  }
  if (!scan.schedule.single) {
    auto keep = [&] { e.store(h, carried(e.add(number, 1), state)); };
    Value last = e.equal(scan.chunk, e.index(scan.schedule.chunks - 1));
    scan.schedule.chunks > 1 ? e.when(last, keep) : keep();
  }
  return next;
}

void ScanEmitter::emitTile(Value number) {
  int64_t count = scan.shape.states, blocks = ceilDiv(count, atOnce);
  scan.bringInput(x, d);
  if (blocks == 1) {
    scan.bringStates(b, c, e.index(0), atOnce);
  }
  e.barrier();
  steps = scan.load(d, scan.line);
  Values own = scan.load(x, scan.line), sums;
  inputs.clear();
  Value channel = e.add(scan.firstChannel, scan.line), exists = e.less(channel, scan.endChannel);
  Value skip = scan.skip(e.select(exists, channel, scan.firstChannel));
  for (auto [step, value] : llvm::zip(steps, own)) {
    inputs.push_back(e.mulf(step, value));
    sums.push_back(e.mulf(skip, value));
  }
  auto overStates = [&](Value first, ValueRange so) {
    Value end = blocks == 1 ? e.index(count) : e.min(e.index(atOnce), e.sub(e.index(count), first));
    return e.loop(e.index(0), end, 1, so, [&](Value n, ValueRange now) {
      e.keepRolled();
      return emitState(now, n, e.add(first, n), number);
    });
  };
  if (blocks == 1) {
    sums = overStates(e.index(0), sums);
  } else {
    sums = e.loop(e.index(0), e.index(count), atOnce, sums, [&](Value first, ValueRange so) {
      scan.bringStates(b, c, first, atOnce);
      scan.bringDecays(decays, first, atOnce);
      e.barrier();
      Values next = overStates(first, so);
      e.barrier();
      return next;
    });
  }
  scan.store(sums, x, scan.line);
  e.barrier();
  scan.forElements([&](Value t, Value channel, Value exists, Value place) {
    Value y = e.load(e.at(x, place));
    if (scan.shape.gated) {
      Value z = scan.number(ScanTile::Gate, t, channel);
      y = e.mulf(y, e.mulf(z, sigmoid(e, z)));
    }
    e.when(exists, [&] { e.storeNumbers(y, result, scan.rowOffset(scan.shape.channels, t, channel)); });
  });
}

void ScanEmitter::emit() {
  int64_t lines = scan.schedule.lines, count = scan.shape.states, groups = ceilDiv(scan.shape.channels, lines);
  scan.sequence = e.div(e.blockX, groups);
  scan.firstChannel = e.mul(e.rem(e.blockX, e.index(groups)), lines);
  scan.endChannel = e.index(scan.shape.channels);
  x = scan.channelTile();
  d = scan.channelTile();
  b = scan.stateTile(atOnce);
  c = scan.stateTile(atOnce);
  decays = e.shared(atOnce * lines * 4);
  if (atOnce == count) {
    scan.bringDecays(decays, e.index(0), atOnce);
  }
  if (scan.schedule.single) {
    scan.from = e.index(0);
    return emitTile({});
  }
  states = e.shared((scan.schedule.chunks > 1 ? 2 : 1) * count * lines * 4);
  e.share(count * lines, [&](Value i) { e.store(e.number(0), e.at(states, i)); });
  e.loop(scan.tiles(), [&](Value number) {
    scan.from = e.mul(number, scan.schedule.positions());
    emitTile(number);
  });
}

void cuda::emitScan(KernelWriter &writer, kernel::ScanOp op) {
  ScanShape shape = scanShape(op);
  ScanSchedule schedule(shape, shape.channels, mostChunks, blockThreads);
  SymbolicDim groups = SymbolicDim::constant(ceilDiv(shape.channels, schedule.lines));
  writer.step(op.getLoc(), op->getNumOperands() + 1, {*shape.space.getSequences().times(groups)}, schedule.threads(),
              [&](KernelWriter::Step &s) {
                s.leaveRoomFor(residentThreads / schedule.threads());
                ScanEmitter(s, shape, schedule, op).emit();
              });
}
