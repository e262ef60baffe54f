// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Backward of Mamba-2's recurrence, by the formulas of `kernel.ssd_grad`: a sweep forward keeps the states at the chunks'
// borders in the thread's scratch, a sweep backward carries the gradient of the state.
#include "passes/LowerCPU/SsdEmitter.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

namespace {
struct SsdGradEmitter : SsdEmitter {
  SsdGradEmitter(KernelWriter &writer, KernelWriter::Step &s, const SsdShape &shape)
      : SsdEmitter(writer, s, shape, ValueRange(s.pointers).drop_front(1)), grad(s.pointers[0]),
        results(ArrayRef(s.pointers).drop_front(8)), wideP(wide(shape.width)), wideN(wide(shape.states)),
        stateFloats(std::max(tall(shape.width) * wideN, tall(shape.states) * wideP)) {}

  void allocate();
  void emit();

private:
  // Of a head `n` of the item.
  Value borderState(Value number, Value n) {
    return e.at(borders, e.mul(e.add(e.mul(number, shape.headsPerItem()), n), stateFloats));
  }
  Value stateGrad(Value n) { return e.at(stateGrads, e.mul(n, stateFloats)); }
  Value placeIn(unsigned result, const Chunk &now, Value i, int64_t stride, Value column) {
    Value row = e.add(e.mul(now.sequence, positions()), e.add(now.first, i));
    return e.at(results[result], e.add(e.mul(row, stride), column));
  }
  void sweepForward(const Item &item);
  void emitChunk(const Item &item, Value number);
  void emitHead(const Item &item, const Chunk &now, Value number, Value n);
  void pairTerms();
  void addDots(Value sums, Value x, Value y, int64_t stride, int64_t columns);
  void inputGrads(const Chunk &now, Value head, Value skipSum);
  void stepGrads(const Chunk &now, Value head, Value stateDot, Value sums);
  void writeSums(const Item &item);

  Value grad;
  ArrayRef<Value> results; // as the op has them
  const int64_t wideP, wideN, stateFloats;
  Value borders, stateGrads, gradTransposed;
  Value b, c, bTransposed, scores, bGrad, cGrad; // of the item's heads together
  Value x, xTransposed, g, v, headCGrad;         // rows of one head
  Value products, mixing, weights;               // a row and a column a position
  Value pairs, along, across;                    // see pairTerms()
  Value skipSums, scalarSums;                    // of each head: a row; the sums for a_log and dt_bias
  Steps steps;
};
} // namespace

void SsdGradEmitter::allocate() {
  int64_t heads = shape.headsPerItem(), rows = tall(shape.chunk), square = rows * chunkStride();
  // One state for each border, per head; the last border's is not needed.
  SymbolicDim length = shape.space.getPositions();
  auto states = [&](int64_t positions) {
    return kernel::ceilDiv(std::max<int64_t>(positions, 0) * heads * stateFloats, shape.chunk);
  };
  borders = s.allocate(length.mapped(states) + SymbolicDim::constant(heads * stateFloats));
  stateGrads = s.allocate(heads * stateFloats);
  gradTransposed = s.allocate(stateFloats);
  for (Value *matrix : {&b, &c, &bGrad, &cGrad, &headCGrad}) {
    *matrix = s.allocate(rows * wideN);
  }
  for (Value *matrix : {&x, &g, &v}) {
    *matrix = s.allocate(rows * wideP);
  }
  bTransposed = s.allocate(wideN * chunkStride());
  xTransposed = s.allocate(wideP * chunkStride());
  for (Value *matrix : {&scores, &products, &mixing, &weights}) {
    *matrix = s.allocate(square);
  }
  e.zero(mixing, e.index(square)); // stays so above the diagonal
  e.zero(weights, e.index(square));
  pairs = s.allocate(rows * lanes());
  along = s.allocate(wide(shape.chunk));
  across = s.allocate(wide(shape.chunk));
  skipSums = s.allocate(heads * wideP);
  scalarSums = s.allocate(2 * heads);
  steps = allocateSteps();
}

// The states at the borders, transposed: [P][N].
void SsdGradEmitter::sweepForward(const Item &item) {
  e.loop(item.heads, [&](Value n) { e.zero(borderState(e.index(0), n), e.index(stateFloats)); });
  e.loop(e.index(1), chunks(), 1, [&](Value number) {
    Value before = e.sub(number, e.index(1));
    Chunk now = chunkAt(item.sequence, before);
    copyGroup(now, 2, item.group, b);
    e.loop(item.heads, [&](Value n) {
      Value head = e.add(item.firstHead, n), state = borderState(number, n);
      computeSteps(now, head, steps);
      copyInput(now, head, x);
      scaleRows(x, x, wideP, shape.width, steps.update);
      scaleAll(borderState(before, n), state, shape.width * wideN, wholeDecay(steps));
      multiply({x, wideP}, true, {b, wideN}, {state, wideN}, shape.width, shape.chunk, shape.states, true);
    });
  });
}

// G and W. What a pair of positions i > j gives to a, `grad[i]·X[j] G[i, j] d[j]`, counts for i in `along` and (without d[j])
// for j in `across`; a position's pair with itself would count on both sides.
void SsdGradEmitter::pairTerms() {
  e.zero(pairs, e.index(shape.chunk * lanes()));
  forVectors([&](Value at) { e.store(e.splat(0.0), e.at(across, at)); });
  forDecays(steps, [&](Value i, Value j, Value w) {
    Value at = placeOf(i, j), step = e.loadVector(e.at(steps.d, j)), product = e.loadVector(e.at(products, at));
    Value mixed = e.mulf(e.loadVector(e.at(scores, at)), w);
    Value pair = e.select(e.mask(e.sub(i, j)), e.mulf(mixed, product), e.splat(0.0));
    Value row = e.at(pairs, e.mul(i, lanes())), column = e.at(across, j);
    e.store(mixed, e.at(mixing, at));
    e.store(e.mulf(product, e.mulf(w, step)), e.at(weights, at));
    e.store(e.fma(pair, step, e.loadVector(row)), row);
    e.store(e.addf(e.loadVector(column), pair), column);
  });
  e.loop(e.index(shape.chunk), [&](Value i) {
    e.store(e.sumLanes(e.loadVector(e.at(pairs, e.mul(i, lanes())))), e.at(along, i));
  });
}

// sums[i] += x[i]·y[i].
void SsdGradEmitter::addDots(Value sums, Value x, Value y, int64_t stride, int64_t columns) {
  e.loop(e.index(shape.chunk), [&](Value i) {
    Value row = e.mul(i, stride), sum = e.at(sums, i);
    e.store(e.addf(e.load(sum), dot(e.at(x, row), e.at(y, row), columns)), sum);
  });
}

// The gradient of the input, and the skip's sums.
void SsdGradEmitter::inputGrads(const Chunk &now, Value head, Value skipSum) {
  e.loop(now.count, [&](Value i) {
    Value row = e.mul(i, wideP), step = e.splat(e.load(e.at(steps.d, i)));
    Value xs = e.at(x, row), gs = e.at(g, row), vs = e.at(v, row);
    Value target = placeIn(0, now, i, shape.heads * shape.width, e.mul(head, shape.width));
    e.columns(shape.width, [&](Value p, Value mask) {
      Value out = e.loadVector(e.at(gs, p)), sum = e.at(skipSum, p);
      e.store(e.fma(step, e.loadVector(e.at(vs, p)), e.mulf(skipAt(head, p), out)), e.at(target, p), mask);
      e.store(e.fma(out, e.loadVector(e.at(xs, p)), e.loadVector(sum)), sum);
    });
  });
}

// From the last position to the first: a, the gradient of the step, and what a_log and dt_bias have of it.
void SsdGradEmitter::stepGrads(const Chunk &now, Value head, Value stateDot, Value sums) {
  Value rate = decayRate(head), one = e.splat(1.0);
  // The step's slope, zero where it is clamped.
  forVectors([&](Value at) {
    Value raw = e.loadVector(e.at(steps.raw, at)), step = softplus(raw);
    Value slope = e.divf(one, e.addf(one, e.exp(e.subf(e.splat(0.0), raw))));
    slope = shape.limits.inside(e, step, slope);
    e.store(slope, e.at(steps.raw, at));
  });
  Value aSum = e.at(sums, e.index(0)), biasSum = e.at(sums, e.index(1));
  SmallVector<Value> init{stateDot, e.load(aSum), e.load(biasSum)};
  auto totals = e.loop(e.index(0), now.count, 1, init, [&](Value back, ValueRange so) {
    Value i = e.sub(e.sub(now.count, e.index(1)), back);
    Value step = e.load(e.at(steps.d, i)), earlier = e.load(e.at(across, i)), self = placeOf(i, i);
    Value sum = e.addf(so[0], e.subf(e.load(e.at(along, i)), e.mulf(step, earlier)));
    Value r = e.addf(earlier, e.mulf(e.load(e.at(scores, self)), e.load(e.at(products, self))));
    Value raw = e.mulf(e.addf(r, e.mulf(rate, sum)), e.load(e.at(steps.raw, i)));
    e.store(raw, placeIn(1, now, i, shape.heads, head));
    return SmallVector<Value>{sum, e.addf(so[1], e.mulf(step, sum)), e.addf(so[2], raw)};
  });
  e.store(totals[1], aSum);
  e.store(totals[2], biasSum);
}

void SsdGradEmitter::emitHead(const Item &item, const Chunk &now, Value number, Value n) {
  int64_t chunk = shape.chunk, width = shape.width, states = shape.states, stride = chunkStride();
  Value head = e.add(item.firstHead, n), entry = borderState(number, n), carried = stateGrad(n);
  computeSteps(now, head, steps);
  copyInput(now, head, x);
  copyRows(now, grad, shape.heads * width, e.mul(head, width), width, g, wideP);
  transposeRows(x, wideP, chunk, width, xTransposed, stride);
  multiplyToLower({g, wideP}, xTransposed, products, width);
  pairTerms();
  // V = exp(s[last] - s) (b L) + G^T grad
  multiply({bTransposed, stride}, true, {carried, wideP}, {v, wideP}, chunk, states, width, false);
  scaleRows(v, v, wideP, width, steps.out);
  addDots(across, x, v, wideP, width);
  multiplyLower(mixing, true, {g, wideP}, {v, wideP}, width);
  inputGrads(now, head, e.at(skipSums, e.mul(n, wideP)));
  // The head's gradient of c: exp(s) (grad S^T) + W b
  scaleRows(g, g, wideP, width, steps.in);
  multiply({g, wideP}, false, {entry, wideN}, {headCGrad, wideN}, chunk, width, states, false);
  addDots(along, c, headCGrad, wideN, states);
  multiplyLower(weights, false, {b, wideN}, {headCGrad, wideN}, states);
  e.loop(e.index(0), e.index(chunk * wideN), lanes(), [&](Value at) {
    Value sum = e.at(cGrad, at);
    e.store(e.addf(e.loadVector(sum), e.loadVector(e.at(headCGrad, at))), sum);
  });
  // b's: exp(s[last] - s) d (X L^T) + W^T c
  transposeRows(carried, wideP, states, width, gradTransposed, wideN);
  scaleRows(x, x, wideP, width, steps.update);
  multiply({x, wideP}, false, {gradTransposed, wideN}, {bGrad, wideN}, chunk, width, states, true);
  multiplyLower(weights, true, {c, wideN}, {bGrad, wideN}, states);
  // <L, next S>; L is zero behind the last chunk, where there is no next one.
  Value next = borderState(e.min(e.add(number, 1), e.sub(chunks(), e.index(1))), n);
  Value stateDot = e.sumLanes(e.loop(e.index(0), e.index(width), 1, e.splat(0.0), [&](Value p, ValueRange so) {
    Value row = e.mul(p, wideN);
    return SmallVector<Value>{dotInto(so[0], e.at(gradTransposed, row), e.at(next, row), states)};
  })[0]);
  // L = exp(s[last]) L + c^T (exp(s) grad)
  scaleAll(carried, carried, states * wideP, wholeDecay(steps));
  multiply({c, wideN}, true, {g, wideP}, {carried, wideP}, states, chunk, width, true);
  stepGrads(now, head, stateDot, e.at(scalarSums, e.mul(n, 2)));
}

void SsdGradEmitter::emitChunk(const Item &item, Value number) {
  Chunk now = chunkAt(item.sequence, number);
  copyGroup(now, 2, item.group, b);
  copyGroup(now, 3, item.group, c);
  transposeRows(b, wideN, shape.chunk, shape.states, bTransposed, chunkStride());
  multiplyToLower({c, wideN}, bTransposed, scores, shape.states);
  for (Value sum : {bGrad, cGrad}) {
    e.zero(sum, e.index(shape.chunk * wideN));
  }
  e.loop(item.heads, [&](Value n) { emitHead(item, now, number, n); });
  int64_t columns = shape.groups * shape.parts() * shape.states;
  Value column = e.mul(e.add(e.mul(item.group, shape.parts()), item.part), shape.states);
  e.loop(now.count, [&](Value i) {
    for (auto [result, rows] : {std::pair<unsigned, Value>{2, bGrad}, {3, cGrad}}) {
      Value source = e.at(rows, e.mul(i, wideN)), target = placeIn(result, now, i, columns, column);
      e.columns(shape.states, [&](Value at, Value mask) { e.store(e.loadVector(e.at(source, at)), e.at(target, at), mask); });
    }
  });
}

void SsdGradEmitter::writeSums(const Item &item) {
  e.loop(item.heads, [&](Value n) {
    Value head = e.add(item.firstHead, n), row = e.at(skipSums, e.mul(n, wideP));
    Value place = e.add(e.mul(item.sequence, shape.heads), head);
    e.store(e.mulf(decayRate(head), e.load(e.at(scalarSums, e.mul(n, 2)))), e.at(results[4], place));
    e.store(e.load(e.at(scalarSums, e.add(e.mul(n, 2), 1))), e.at(results[5], place));
    if (shape.skipPerFeature) {
      Value target = e.at(results[6], e.mul(place, shape.width));
      e.columns(shape.width, [&](Value p, Value mask) { e.store(e.loadVector(e.at(row, p)), e.at(target, p), mask); });
      return;
    }
    Value total = e.loop(e.index(0), e.index(shape.width), 1, e.number(0), [&](Value p, ValueRange so) {
      return SmallVector<Value>{e.addf(so[0], e.load(e.at(row, p)))};
    })[0];
    e.store(total, e.at(results[6], place));
  });
}

void SsdGradEmitter::emit() {
  allocate();
  int64_t heads = shape.headsPerItem();
  forItems([&](const Item &item) {
    sweepForward(item);
    e.zero(stateGrads, e.index(heads * stateFloats));
    e.zero(skipSums, e.index(heads * wideP));
    e.zero(scalarSums, e.index(2 * heads));
    e.loop(chunks(), [&](Value back) { emitChunk(item, e.sub(e.sub(chunks(), e.index(1)), back)); });
    writeSums(item);
  });
}

void cpu::emitSsdGrad(KernelWriter &writer, kernel::SsdGradOp op) {
  SsdShape shape = ssdShape(op, writer.machine);
  writer.step(op.getLoc(), 15, ssdItems(shape), [&](KernelWriter::Step &s) { SsdGradEmitter(writer, s, shape).emit(); });
}
