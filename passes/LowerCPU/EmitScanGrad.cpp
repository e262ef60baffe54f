// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Backward scan. A work item is a part of the sequences and its channels: a sweep forward keeps the states at the
// borders of chunks; then, from the last chunk to the first, states are computed again and the gradients run back
// through them.
#include "passes/LowerCPU/ScanEmitter.h"
#include "passes/LowerCPU/Lanes.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;
using kernel::scanParts;

namespace {

// A vector a position of one chunk and group: softplus(delta) and its slope, the input, their product, the gradient
// behind the gate, the sum h . c, and the sums over states that inputs' and deltas' gradients are made of.
struct Chunk {
  Value d, slope, x, dx, g, y, bSum, decaySum;
};

class ScanGradEmitter {
public:
  ScanGradEmitter(KernelWriter::Step &step, const ScanShape &shape, kernel::ScanGradOp op);
  void emitItem(Value part, Value channelGroup);

private:
  // States and powers of a block; the same scratch serves all blocks.
  int64_t block() const { return scan.lanes() / 2; }
  Value borderOf(Value chunk) { return e.at(borders, e.mul(chunk, scan.stateFloats())); }
  Value partRow(Value k, Value t) {
    return scan.at(parts, width * 2 * shape.states, k, t, e.mul(group, 2 * shape.states));
  }

  void sweep(Value k, Value chunks);
  void prepare(Value k, Value first, Value count);
  void runBack(Value lanesGroup, Value k, Value first, Value count, Value border);
  void backStates(Value k, Value first, Value count, Value n, int64_t states, ArrayRef<Value> decays, Value offset);
  void finish(Value k, Value first, Value count, Value lanesGroup);
  void writeSums(Value part);

  KernelWriter::Step &s;
  Emitter &e;
  const ScanShape shape;
  ScanEmitter scan;
  const int64_t width; // channel groups
  Value group;         // the channel group at hand
  Value grad, inputGrad, deltaGrad, aLogSums, skipSums, parts, gateGrad;
  Chunk chunk;
  Value history, powers;                         // states before and after each position of a block; its powers
  Value borders, carries, decayGrads, skipGrads; // [group][state][lane]; skipGrads [group][lane]
};

} // namespace

ScanGradEmitter::ScanGradEmitter(KernelWriter::Step &step, const ScanShape &shape, kernel::ScanGradOp op)
    : s(step), e(step.e), shape(shape), scan(step, shape, ValueRange(op->getOperands()).drop_front(), op.getOffsets(),
                                             ArrayRef(step.pointers).drop_front()),
      width(shape.channelGroups()) {
  auto results = ArrayRef(s.pointers).drop_front(op->getNumOperands());
  grad = s.pointers[0];
  inputGrad = results[0];
  deltaGrad = results[1];
  aLogSums = results[4];
  skipSums = results[5];
  parts = results[6];
  gateGrad = shape.gated ? results[7] : Value();
  auto line = [&] { return s.allocate(scanChunk * scan.lanes()); };
  chunk = {line(), line(), line(), line(), line(), line(), line(), line()};
  history = s.allocate((scanChunk + 1) * block() * scan.lanes());
  powers = s.allocate(scanChunk * block() * scan.lanes());
  carries = s.allocate(scan.stateFloats());
  decayGrads = s.allocate(scan.stateFloats());
  skipGrads = s.allocate(scan.groups() * scan.lanes());
  SymbolicDim length = shape.space.getPositions();
  auto perChunk = [&](int64_t n) { return kernel::ceilDiv(n, scanChunk) * scan.stateFloats(); };
  borders = s.allocate(length.mapped(perChunk));
}

// Sets borders[i] to the states before chunk i.
void ScanGradEmitter::sweep(Value k, Value chunks) {
  e.zero(borders, e.index(scan.stateFloats()));
  e.loop(e.sub(chunks, e.index(1)), [&](Value number) {
    Value first = e.mul(number, scanChunk), before = borderOf(number), after = borderOf(e.add(number, 1));
    scan.forGroups([&](Value lanesGroup) {
      e.loop(e.index(scanChunk), [&](Value n) {
        Value t = e.add(first, n), next = e.add(t, scanChunk);
        scan.prefetch(ScanEmitter::Input, k, next);
        scan.prefetch(ScanEmitter::Delta, k, next);
        Value x = scan.loadChannels(scan.at(ScanEmitter::Input, k, t, scan.channel));
        Value d = softplus(e, scan.loadChannels(scan.at(ScanEmitter::Delta, k, t, scan.channel)));
        e.store(d, scan.perPosition(chunk.d, n));
        e.store(e.mulf(d, x), scan.perPosition(chunk.dx, n));
      });
      scan.forStates(scan.lanes(), [&](Value state, int64_t states) {
        Value offset = scan.stateOffset(lanesGroup, state), b = scan.at(ScanEmitter::B, k, first, state);
        auto decays = scan.loadStates(e.at(scan.decay, offset), states);
        auto init = scan.loadStates(e.at(before, offset), states);
        auto last = e.loop(e.index(0), e.index(scanChunk), 1, init, [&](Value n, ValueRange so) {
          ScanEmitter::Values h(so);
          scan.advance(h, decays, e.loadVector(scan.perPosition(chunk.d, n)),
                       e.loadVector(scan.perPosition(chunk.dx, n)), e.at(b, e.mul(n, scan.stride(ScanEmitter::B))));
          return h;
        });
        scan.storeStates(last, e.at(after, offset));
      });
    });
  });
}

// What the states of a chunk need of each position.
void ScanGradEmitter::prepare(Value k, Value first, Value count) {
  Value skip = scan.skip();
  e.loop(count, [&](Value n) {
    Value t = e.add(first, n), next = e.sub(t, e.index(scanChunk)), slope;
    scan.prefetch(ScanEmitter::Input, k, next);
    scan.prefetch(ScanEmitter::Delta, k, next);
    auto put = [&](Value value, Value piece) { e.store(value, scan.perPosition(piece, n)); };
    Value x = scan.loadChannels(scan.at(ScanEmitter::Input, k, t, scan.channel));
    Value d = softplus(e, scan.loadChannels(scan.at(ScanEmitter::Delta, k, t, scan.channel)), &slope);
    Value g = scan.loadChannels(scan.at(grad, shape.channels, k, t, scan.channel));
    if (shape.gated) {
      scan.prefetch(ScanEmitter::Gate, k, next);
      Value z = scan.loadChannels(scan.at(ScanEmitter::Gate, k, t, scan.channel));
      g = e.mulf(g, e.mulf(z, sigmoid(e, z)));
      put(e.mulf(skip, x), chunk.y);
    }
    put(d, chunk.d);
    put(slope, chunk.slope);
    put(x, chunk.x);
    put(e.mulf(d, x), chunk.dx);
    put(g, chunk.g);
    put(e.splat(0.0), chunk.bSum);
    put(e.splat(0.0), chunk.decaySum);
  });
}

// The states of a chunk again, then the gradients from its last position to its first.
void ScanGradEmitter::runBack(Value lanesGroup, Value k, Value first, Value count, Value border) {
  int64_t lanes = scan.lanes(), line = block() * lanes;
  scan.forStates(block(), [&](Value state, int64_t states) {
    Value offset = scan.stateOffset(lanesGroup, state);
    auto decays = scan.loadStates(e.at(scan.decay, offset), states),
         init = scan.loadStates(e.at(border, offset), states);
    Value b = scan.at(ScanEmitter::B, k, first, state), c = scan.at(ScanEmitter::C, k, first, state);
    scan.storeStates(init, history);
    e.loop(e.index(0), count, 1, init, [&](Value n, ValueRange so) {
      ScanEmitter::Values h(so), w;
      Value bRow = e.at(b, e.mul(n, scan.stride(ScanEmitter::B))),
            cRow = e.at(c, e.mul(n, scan.stride(ScanEmitter::C)));
      scan.advance(h, decays, e.loadVector(scan.perPosition(chunk.d, n)), e.loadVector(scan.perPosition(chunk.dx, n)),
                   bRow, &w);
      scan.storeStates(h, e.at(history, e.mul(e.add(n, 1), line)));
      scan.storeStates(w, e.at(powers, e.mul(n, line)));
      if (shape.gated) { // the gate's gradient needs the output
        Value pointer = scan.perPosition(chunk.y, n), y = e.loadVector(pointer);
        for (auto [i, value] : llvm::enumerate(h)) {
          y = e.fma(value, e.splat(e.load(e.at(cRow, e.index(i)))), y);
        }
        e.store(y, pointer);
      }
      return h;
    });
    backStates(k, first, count, state, states, decays, offset);
  });
}

void ScanGradEmitter::backStates(Value k, Value first, Value count, Value state, int64_t states, ArrayRef<Value> decays,
                                 Value offset) {
  int64_t lanes = scan.lanes(), line = block() * lanes;
  Value b = scan.at(ScanEmitter::B, k, first, state), c = scan.at(ScanEmitter::C, k, first, state);
  // Carried from position to position: w l of the one behind, and the sums of l d w h.
  auto init = scan.loadStates(e.at(carries, offset), states);
  llvm::append_range(init, scan.loadStates(e.at(decayGrads, offset), states));
  auto last = e.loop(e.index(0), count, 1, init, [&](Value back, ValueRange so) {
    Value n = e.sub(e.sub(count, e.index(1)), back);
    auto get = [&](Value piece) { return e.loadVector(scan.perPosition(piece, n)); };
    Value bRow = e.at(b, e.mul(n, scan.stride(ScanEmitter::B))), cRow = e.at(c, e.mul(n, scan.stride(ScanEmitter::C)));
    Value before = e.at(history, e.mul(n, line)), after = e.at(before, e.index(line)),
          power = e.at(powers, e.mul(n, line));
    Value g = get(chunk.g), d = get(chunk.d), dx = get(chunk.dx), bSum = get(chunk.bSum),
          decaySum = get(chunk.decaySum);
    ScanEmitter::Values next(so), sums(lanes, e.splat(0.0));
    for (int64_t i = 0; i < states; ++i) {
      auto stored = [&](Value piece) { return e.loadVector(e.at(piece, e.index(i * lanes))); };
      Value l = e.fma(g, e.splat(e.load(e.at(cRow, e.index(i)))), so[i]);
      Value carry = e.mulf(l, stored(power)), through = e.mulf(carry, stored(before));
      bSum = e.fma(l, e.splat(e.load(e.at(bRow, e.index(i)))), bSum);
      decaySum = e.fma(decays[i], through, decaySum);
      next[i] = carry;
      next[states + i] = e.fma(d, through, so[states + i]);
      sums[i] = e.mulf(l, dx);
      sums[block() + i] = e.mulf(g, stored(after));
    }
    e.store(bSum, scan.perPosition(chunk.bSum, n));
    e.store(decaySum, scan.perPosition(chunk.decaySum, n));
    // Over the lanes: the gradients of b in the lower half, of c in the upper.
    Value both = sumEachOf(e, sums), row = e.at(partRow(k, e.add(first, n)), state);
    for (int64_t half = 0; half < 2; ++half) {
      Value part = vector::ExtractStridedSliceOp::create(e.b, both, ArrayRef<int64_t>{half * block()},
                                                         ArrayRef<int64_t>{block()}, ArrayRef<int64_t>{1});
      Value mask;
      if (states < block()) {
        mask = vector::CreateMaskOp::create(e.b, VectorType::get({block()}, e.b.getI1Type()), e.index(states));
      }
      Value pointer = e.at(row, e.index(half * shape.states));
      e.store(e.addf(e.load(pointer, e.vec(block())), part), pointer, mask);
    }
    return next;
  });
  scan.storeStates(ArrayRef(last).take_front(states), e.at(carries, offset));
  scan.storeStates(ArrayRef(last).drop_front(states), e.at(decayGrads, offset));
}

// The gradients of each position, once all states are through.
void ScanGradEmitter::finish(Value k, Value first, Value count, Value lanesGroup) {
  Value skip = scan.skip(), total = e.at(skipGrads, e.mul(lanesGroup, scan.lanes()));
  auto sum = e.loop(e.index(0), count, 1, e.loadVector(total), [&](Value n, ValueRange so) {
    Value t = e.add(first, n);
    auto get = [&](Value piece) { return e.loadVector(scan.perPosition(piece, n)); };
    auto put = [&](Value value, Value tensor) {
      scan.storeChannels(value, scan.at(tensor, shape.channels, k, t, scan.channel));
    };
    Value d = get(chunk.d), x = get(chunk.x), g = get(chunk.g), bSum = get(chunk.bSum);
    put(e.fma(d, bSum, e.mulf(skip, g)), inputGrad);
    // The decays carry log2(e).
    Value delta = e.fma(get(chunk.decaySum), e.splat(M_LN2), e.mulf(x, bSum));
    put(e.mulf(get(chunk.slope), delta), deltaGrad);
    if (shape.gated) {
      Value z = scan.loadChannels(scan.at(ScanEmitter::Gate, k, t, scan.channel)), sigmoid = emit::sigmoid(e, z);
      Value one = e.splat(1.0), slope = e.mulf(sigmoid, e.fma(z, e.subf(one, sigmoid), one));
      Value dy = scan.loadChannels(scan.at(grad, shape.channels, k, t, scan.channel));
      put(e.mulf(e.mulf(dy, get(chunk.y)), slope), gateGrad);
    }
    return SmallVector<Value>{e.fma(g, x, so[0])};
  });
  e.store(sum[0], total);
}

// The part's sums over its positions, as the parameters lie.
void ScanGradEmitter::writeSums(Value part) {
  int64_t lanes = scan.lanes(), states = shape.states;
  e.loop(e.index(0), e.index(scan.stateFloats()), lanes, [&](Value i) {
    Value a = e.mulf(e.loadVector(e.at(scan.decay, i)), e.splat(M_LN2));
    e.store(e.mulf(e.loadVector(e.at(decayGrads, i)), a), e.at(decayGrads, i));
  });
  Value row = e.add(e.mul(part, shape.channels), scan.firstChannel);
  e.loop(scan.count, [&](Value c) {
    Value lanesGroup = e.div(c, lanes), lane = e.rem(c, e.index(lanes));
    e.loop(e.index(states), [&](Value n) {
      Value value = e.load(e.at(decayGrads, e.add(scan.stateOffset(lanesGroup, n), lane)));
      e.store(value, e.at(aLogSums, e.add(e.mul(e.add(row, c), states), n)));
    });
    e.store(e.load(e.at(skipGrads, c)), e.at(skipSums, e.add(row, c)));
  });
}

void ScanGradEmitter::emitItem(Value part, Value channelGroup) {
  group = channelGroup;
  scan.setItem(channelGroup);
  scan.prepareDecays();
  e.zero(decayGrads, e.index(scan.stateFloats()));
  e.zero(skipGrads, e.index(scan.groups() * scan.lanes()));
  Value sequences = e.form(shape.space.getSequences()), perPart = e.ceilDiv(sequences, scanParts);
  Value firstSequence = e.mul(part, perPart), chunks = e.ceilDiv(scan.positions(), scanChunk);
  e.loop(firstSequence, e.min(e.add(firstSequence, perPart), sequences), 1, [&](Value k) {
    sweep(k, chunks);
    e.zero(carries, e.index(scan.stateFloats()));
    e.loop(chunks, [&](Value back) {
      Value number = e.sub(e.sub(chunks, e.index(1)), back), first = e.mul(number, scanChunk);
      Value count = e.min(e.index(scanChunk), e.sub(scan.positions(), first));
      e.loop(count, [&](Value n) {
        Value row = partRow(k, e.add(first, n));
        e.columns(2 * shape.states, [&](Value i, Value mask) { e.store(e.splat(0.0), e.at(row, i), mask); });
      });
      scan.forGroups([&](Value lanesGroup) {
        prepare(k, first, count);
        runBack(lanesGroup, k, first, count, borderOf(number));
        finish(k, first, count, lanesGroup);
      });
    });
  });
  writeSums(part);
}

// b_grad and c_grad: the parts of all channels, in order.
static void addParts(KernelWriter::Step &s, const ScanShape &shape, Value parts, Value bGrad, Value cGrad) {
  Emitter &e = s.e;
  SymbolicDim rows = rowsOf(shape.space);
  int64_t states = shape.states;
  e.loop(s.begin, s.end, 1, [&](Value block) {
    Value from = e.mul(block, kernel::blockRows);
    e.loop(from, e.min(e.add(from, kernel::blockRows), e.form(rows)), 1, [&](Value row) {
      Value source = e.at(parts, e.mul(row, shape.channelGroups() * 2 * states));
      for (auto [half, target] : llvm::enumerate(ArrayRef{bGrad, cGrad})) {
        Value first = e.at(source, e.index(half * states)), to = e.at(target, e.mul(row, states));
        e.columns(states, [&](Value n, Value mask) {
          auto sum = e.loop(e.index(1), e.index(shape.channelGroups()), 1, e.loadVector(e.at(first, n)),
                            [&](Value group, ValueRange so) {
                              Value part = e.at(first, e.add(e.mul(group, 2 * states), n));
                              return SmallVector<Value>{e.addf(so[0], e.loadVector(part))};
                            });
          e.store(sum[0], e.at(to, n), mask);
        });
      }
    });
  });
}

void cpu::emitScanGrad(KernelWriter &writer, kernel::ScanGradOp op) {
  ScanShape shape = scanShape(op);
  unsigned operands = op->getNumOperands(), tensors = operands + op->getNumResults();
  Items items{SymbolicDim::constant(scanParts * shape.channelGroups())};
  writer.step(op.getLoc(), tensors, items, [&](KernelWriter::Step &s) {
    ScanGradEmitter scan(s, shape, op);
    // Parts inside: where there are fewer sequences, the idle parts lie spread over the threads.
    s.e.loop(s.begin, s.end, 1,
             [&](Value item) { scan.emitItem(s.e.rem(item, s.e.index(scanParts)), s.e.div(item, scanParts)); });
  });
  writer.step(op.getLoc(), tensors, {rowsOf(shape.space), kernel::blockRows}, [&](KernelWriter::Step &s) {
    addParts(s, shape, s.pointers[operands + 6], s.pointers[operands + 2], s.pointers[operands + 3]);
  });
}
