// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recurrences that go on from a state: a call has few positions, one or a piece of a prompt. Features are lanes; a state stands
// in memory as [N, features], each row of it a run of the same state of all features.
#include "passes/LowerCPU/Kernels.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

// softplus(x) = max(x, 0) + log(1 + exp(-|x|)).
static Value softplus(Emitter &e, Value x) {
  Value zero = e.splat(0.0), negative = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OLT, x, zero);
  Value u = e.exp(e.select(negative, x, e.subf(zero, x)));
  return e.addf(e.select(negative, zero, x), math::Log1pOp::create(e.b, u));
}

static Value silu(Emitter &e, Value x) {
  Value one = e.splat(1.0);
  return e.divf(x, e.addf(one, e.exp(e.subf(e.splat(0.0), x))));
}

// -exp(x)
static Value decayRate(Emitter &e, Value x) { return e.subf(e.splat(0.0), e.exp(x)); }

namespace {

// What one lane group of features shares: its columns of the state, which begins at zero where the sequence does.
struct StateColumns {
  Emitter &e;
  Value base, width, mask, fresh; // fresh: i1, the sequence begins here

  Value pointer(Value n) { return e.at(base, e.mul(n, width)); }
  // State n before position t of the call.
  Value load(Value n, Value t) {
    Value first = arith::AndIOp::create(e.b, fresh, e.equal(t, e.index(0)));
    return e.select(first, e.splat(0.0), e.loadVector(pointer(n)));
  }
  void store(Value n, Value value) { e.store(value, pointer(n), mask); }
};

} // namespace

void cpu::emitScanStep(KernelWriter &writer, kernel::ScanStepOp op) {
  int64_t channels = cast<RankedTensorType>(op.getResult().getType()).getShape().back();
  int64_t states = cast<RankedTensorType>(op.getALog().getType()).getDimSize(0), positions = op.getSpace().getPositions().one;
  int64_t groups = kernel::ceilDiv(channels, writer.machine.lanes);
  unsigned operands = op->getNumOperands();
  SymbolicDim items = *op.getSpace().getSequences().times(SymbolicDim::constant(groups));
  writer.step(op.getLoc(), operands + 1, {items}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    ArrayRef<Value> p = s.pointers; // state, input, delta, b, c, a_log, skip, (gate,) result
    Value result = p[operands];
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value k = e.div(item, groups), channel = e.mul(e.rem(item, e.index(groups)), e.machine.lanes);
      Value left = e.min(e.index(e.machine.lanes), e.sub(e.index(channels), channel));
      StateColumns h{e, e.at(p[0], e.add(e.mul(k, states * channels), channel)), e.index(channels), e.mask(left),
                     e.equal(e.position, e.index(0))};
      Value skip = e.loadVector(e.at(p[6], channel)), rates = e.at(p[5], channel);
      e.loop(e.index(positions), [&](Value t) {
        Value row = e.add(e.mul(k, positions), t), at = e.add(e.mul(row, channels), channel), parameters = e.mul(row, states);
        Value x = e.loadVector(e.at(p[1], at)), d = softplus(e, e.loadVector(e.at(p[2], at)));
        Value dx = e.mulf(d, x), b = e.at(p[3], parameters), c = e.at(p[4], parameters);
        Value y = e.loop(e.index(0), e.index(states), 1, e.mulf(skip, x), [&](Value n, ValueRange sum) {
          Value rate = decayRate(e, e.loadVector(e.at(rates, e.mul(n, channels))));
          Value next = e.fma(e.exp(e.mulf(d, rate)), h.load(n, t), e.mulf(dx, e.splat(e.load(e.at(b, n)))));
          h.store(n, next);
          return SmallVector<Value>{e.fma(next, e.splat(e.load(e.at(c, n))), sum[0])};
        })[0];
        if (op.getGate()) {
          y = e.mulf(y, silu(e, e.loadVector(e.at(p[7], at))));
        }
        e.store(y, e.at(result, at), h.mask);
      });
    });
  });
}

void cpu::emitSsdStep(KernelWriter &writer, kernel::SsdStepOp op) {
  int64_t heads = op.getHeads(), groups = op.getGroups();
  int64_t features = cast<RankedTensorType>(op.getResult().getType()).getShape().back(), width = features / heads;
  int64_t columns = cast<RankedTensorType>(op.getB().getType()).getShape().back(), states = columns / groups;
  int64_t positions = op.getSpace().getPositions().one;
  bool skipPerHead = cast<RankedTensorType>(op.getSkip().getType()).getDimSize(0) == heads;
  double least = op.getDtMin().convertToDouble(), most = op.getDtMax().convertToDouble();
  SymbolicDim items = *op.getSpace().getSequences().times(SymbolicDim::constant(heads));
  writer.step(op.getLoc(), 9, {items}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    ArrayRef<Value> p = s.pointers; // state, input, dt, b, c, a_log, skip, dt_bias, result
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value k = e.div(item, heads), head = e.rem(item, e.index(heads)), first = e.mul(head, width);
      Value group = e.mul(e.div(head, heads / groups), states);
      Value rate = decayRate(e, e.splat(e.load(e.at(p[5], head)))), bias = e.splat(e.load(e.at(p[7], head)));
      e.loop(e.index(positions), [&](Value t) {
        Value row = e.add(e.mul(k, positions), t);
        Value raw = e.addf(e.splat(e.load(e.at(p[2], e.add(e.mul(row, heads), head)))), bias);
        Value d = arith::MaximumFOp::create(e.b, softplus(e, raw), e.splat(least));
        if (std::isfinite(most)) {
          d = arith::MinimumFOp::create(e.b, d, e.splat(most));
        }
        Value w = e.exp(e.mulf(d, rate)), parameters = e.add(e.mul(row, columns), group);
        Value b = e.at(p[3], parameters), c = e.at(p[4], parameters);
        e.columns(width, [&](Value column, Value mask) {
          Value feature = e.add(first, column), at = e.add(e.mul(row, features), feature);
          StateColumns h{e, e.at(p[0], e.add(e.mul(k, states * features), feature)), e.index(features), mask,
                         e.equal(e.position, e.index(0))};
          Value x = e.loadVector(e.at(p[1], at)), dx = e.mulf(d, x);
          Value skip = skipPerHead ? e.splat(e.load(e.at(p[6], head))) : e.loadVector(e.at(p[6], feature));
          Value y = e.loop(e.index(0), e.index(states), 1, e.mulf(skip, x), [&](Value n, ValueRange sum) {
            Value next = e.fma(w, h.load(n, t), e.mulf(dx, e.splat(e.load(e.at(b, n)))));
            h.store(n, next);
            return SmallVector<Value>{e.fma(next, e.splat(e.load(e.at(c, n))), sum[0])};
          })[0];
          e.store(y, e.at(p[8], at), mask);
        });
      });
    });
  });
}
