// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/ScanBorders.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

constexpr int64_t statesAtOnce = 16; // of b and c in shared memory

ScanBorders::ScanBorders(ThreadEmitter &e, const ScanUnits &units, Value temporary) : e(e), shape(units.shape) {
  Value floats = e.mul(units.count(e), shape.states * shape.channels);
  states = temporary;
  grads = e.at(temporary, floats);
  steps = e.at(grads, floats);
}

Value ScanBorders::at(ScanTile::Direction direction, Value unit, Value state, Value channel) {
  Value row = e.add(e.mul(unit, shape.states), state);
  return e.at(direction == ScanTile::Forward ? states : grads, e.add(e.mul(row, shape.channels), channel));
}

Value ScanBorders::stepSum(Value unit, Value channel) { return e.at(steps, e.add(e.mul(unit, shape.channels), channel)); }

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

// What each tile makes of a state of zeros and of a gradient of zeros.
static void emitTiles(KernelWriter &writer, kernel::ScanGradOp op, const ScanUnits &units, unsigned tensors) {
  const ScanShape &shape = units.shape;
  int64_t lines = units.schedule.lines, chunks = units.schedule.chunks, groups = ceilDiv(shape.channels, lines);
  int64_t atOnce = std::min(shape.states, statesAtOnce);
  writer.step(op.getLoc(), tensors, units.grid(groups), units.schedule.threads(), [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    ScanTile scan(s, shape, units.schedule, op, 1, op.getOffsets());
    ScanBorders borders(e, units, s.pointers.back());
    Memory grad{s.pointers[0], {}, cast<RankedTensorType>(op.getGrad().getType()).getElementType(), true};
    Value unit = e.div(e.blockX, groups);
    scan.firstChannel = e.mul(e.rem(e.blockX, e.index(groups)), lines);
    scan.endChannel = e.index(shape.channels);
    scan.sequence = e.div(unit, scan.tiles());
    scan.from = e.mul(e.rem(unit, scan.tiles()), units.schedule.positions());
    Value x = scan.channelTile(), d = scan.channelTile(), g = scan.channelTile();
    Value b = scan.stateTile(atOnce), c = scan.stateTile(atOnce), decays = e.shared(lines * atOnce * 4);
    e.when(e.less(unit, units.count(e)), [&] {
      scan.bringInput(x, d);
      scan.bringGradient(grad, g);
      e.barrier();
      auto steps = scan.load(d, scan.line), inputs = scan.load(x, scan.line), gs = scan.load(g, scan.line);
      Value channel = e.add(scan.firstChannel, scan.line), exists = e.less(channel, scan.endChannel), sum = e.number(0);
      Value first = arith::AndIOp::create(e.b, exists, e.equal(scan.chunk, e.index(0)));
      Value last = arith::AndIOp::create(e.b, exists, e.equal(scan.chunk, e.index(chunks - 1)));
      for (auto [step, input] : llvm::zip(steps, inputs)) {
        sum = e.addf(sum, step);
        input = e.mulf(step, input);
      }
      sum = scan.sumOfChunks(sum);
      e.when(first, [&] { e.store(sum, borders.stepSum(unit, channel)); });
      e.loop(e.index(0), e.index(shape.states), atOnce, [&](Value from) {
        scan.bringStates(b, c, from, atOnce);
        scan.bringDecays(decays, from, atOnce);
        e.barrier();
        e.loop(e.min(e.index(atOnce), e.sub(e.index(shape.states), from)), [&](Value n) {
          Value state = e.add(from, n), decay = e.load(e.at(decays, e.add(e.mul(n, lines), scan.line)));
          auto bs = scan.load(b, n), cs = scan.load(c, n);
          ScanTile::Values powers, terms, grads;
          for (size_t i = 0; i < steps.size(); ++i) {
            powers.push_back(powerOfTwo(e, e.mulf(steps[i], decay)));
            terms.push_back(e.mulf(inputs[i], bs[i]));
            grads.push_back(e.mulf(gs[i], cs[i]));
          }
          Value forward = scan.behind(scan.chunkOf(powers, terms), ScanTile::Forward).term;
          Value backward = scan.behind(scan.chunkBackOf(powers, grads), ScanTile::Backward).term;
          e.when(last, [&] { e.store(forward, borders.at(ScanTile::Forward, unit, state, channel)); });
          e.when(first, [&] { e.store(backward, borders.at(ScanTile::Backward, unit, state, channel)); });
        });
        e.barrier();
      });
    });
  });
}

// From that, what each tile begins with: a thread a state of a channel, and a direction.
static void emitWalk(KernelWriter &writer, kernel::ScanGradOp op, const ScanUnits &units, unsigned tensors) {
  const ScanShape &shape = units.shape;
  int64_t perSequence = shape.states * shape.channels;
  SymbolicDim count = *shape.space.getSequences().times(SymbolicDim::constant(perSequence));
  writer.step(op.getLoc(), tensors, {count, blockThreads, 2}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    ScanBorders borders(e, units, s.pointers.back());
    Value i = e.add(e.mul(e.blockX, blockThreads), e.thread), tiles = units.perSequence(e);
    e.when(e.less(i, e.form(count)), [&] {
      Value k = e.div(i, perSequence), within = e.rem(i, e.index(perSequence));
      Value state = e.div(within, shape.channels), channel = e.rem(within, e.index(shape.channels));
      Value rate = e.load(e.at(s.pointers[5], e.add(e.mul(channel, shape.states), state)));
      Value decay = e.mulf(math::ExpOp::create(e.b, rate), e.number(-M_LOG2E)), first = e.mul(k, tiles);
      auto walk = [&](ScanTile::Direction direction) {
        e.loop(e.index(0), tiles, 1, e.number(0), [&](Value n, ValueRange so) {
          Value unit = e.add(first, direction == ScanTile::Forward ? n : e.sub(e.sub(tiles, e.index(1)), n));
          Value place = borders.at(direction, unit, state, channel), term = e.load(place);
          e.store(so[0], place);
          Value factor = powerOfTwo(e, e.mulf(decay, e.load(borders.stepSum(unit, channel))));
          return SmallVector<Value>{e.fma(factor, so[0], term)};
        });
      };
      e.when(e.equal(e.blockY, e.index(0)), [&] { walk(ScanTile::Forward); }, [&] { walk(ScanTile::Backward); });
    });
  });
}

void cuda::emitScanBorders(KernelWriter &writer, kernel::ScanGradOp op, const ScanUnits &units, unsigned tensors) {
  emitTiles(writer, op, units, tensors);
  emitWalk(writer, op, units, tensors);
}
