// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recurrences that go on from a state. A block has 32 features of a sequence, whose states [N, features] its warps share; they
// stand in registers for all positions of the call.
#include "passes/Emit/Logistic.h"
#include "passes/LowerGPU/Kernels.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

constexpr int64_t mostWarps = 32, usualStates = 8; // of a warp

namespace {
struct RecurrenceShape {
  kernel::SpaceAttr space;
  int64_t features, states;

  int64_t statesPerWarp() const { return std::max(usualStates, ceilDiv(states, mostWarps)); }
  int64_t threads() const { return ceilDiv(states, statesPerWarp()) * warpSize; }
  int64_t groups() const { return ceilDiv(features, warpSize); } // of features
};

// What a position gives to a thread's feature, and where its b and c begin.
struct StepInput {
  Value step, input, parameters;
};

// What tells one recurrence from the other, for the feature of a thread.
struct Recurrence {
  Memory state, b, c, result;
  std::function<Value(Value state)> decay;                           // log2(e) A
  std::function<StepInput(Value row)> at;
  std::function<Value(Value row, Value input, Value sum)> output; // from h . c
};
using MakeRecurrence = std::function<Recurrence(KernelWriter::Step &, Value feature)>;
} // namespace

static Memory rowMemory(Value pointer, Value tensor) {
  Memory memory = memoryOf(pointer, tensor);
  memory.isRow = true;
  return memory;
}

static void emitSteps(KernelWriter &writer, Operation *op, const RecurrenceShape &shape, const MakeRecurrence &make) {
  int64_t count = shape.statesPerWarp(), positions = shape.space.getPositions().one;
  SymbolicDim blocks = *shape.space.getSequences().times(SymbolicDim::constant(shape.groups()));
  writer.step(op->getLoc(), op->getNumOperands() + 1, {blocks}, shape.threads(), [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value k = e.div(e.blockX, shape.groups()), group = e.rem(e.blockX, e.index(shape.groups()));
    Value feature = e.add(e.mul(group, warpSize), e.lane()), exists = e.less(feature, e.index(shape.features));
    feature = e.select(exists, feature, e.index(shape.features - 1));
    Recurrence recurrence = make(s, feature);
    Value fresh = e.equal(e.position, e.index(0)), zero = e.number(0);
    SmallVector<Value> numbers, live, places, decays, states;
    for (int64_t i = 0; i < count; ++i) {
      Value n = e.add(e.mul(e.warp(), count), i);
      live.push_back(shape.states % count ? e.less(n, e.index(shape.states)) : Value());
      numbers.push_back(live.back() ? e.min(n, e.index(shape.states - 1)) : n);
      places.push_back(e.add(e.mul(e.add(e.mul(k, shape.states), numbers.back()), shape.features), feature));
      states.push_back(e.select(fresh, zero, e.loadNumbers(recurrence.state, places.back(), /*wide=*/false)));
      decays.push_back(recurrence.decay(numbers.back()));
    }
    states = e.loop(e.index(0), e.index(positions), 1, states, [&](Value t, ValueRange before) {
      Value row = e.add(e.mul(k, positions), t), sum = zero;
      StepInput in = recurrence.at(row);
      Value dx = e.mulf(in.step, in.input);
      SmallVector<Value> next;
      for (int64_t i = 0; i < count; ++i) {
        auto number = [&](const Memory &memory) {
          return e.loadNumbers(memory, e.add(in.parameters, numbers[i]), /*wide=*/false);
        };
        Value b = number(recurrence.b), c = number(recurrence.c);
        next.push_back(e.fma(powerOfTwo(e, e.mulf(in.step, decays[i])), before[i], e.mulf(dx, b)));
        sum = e.fma(next.back(), live[i] ? e.select(live[i], c, zero) : c, sum);
      }
      addWarps(e, sum, [&](Value total) {
        Value y = recurrence.output(row, in.input, total);
        e.when(exists, [&] { e.storeNumbers(y, recurrence.result, e.add(e.mul(row, shape.features), feature)); });
      });
      e.barrier(); // the sums are read
      return next;
    });
    for (int64_t i = 0; i < count; ++i) {
      e.when(live[i] ? arith::AndIOp::create(e.b, exists, live[i]).getResult() : exists,
             [&] { e.storeNumbers(states[i], recurrence.state, places[i]); });
    }
  });
}

// -log2(e) exp(x)
static Value decayOf(ThreadEmitter &e, Value x) { return e.mulf(math::ExpOp::create(e.b, x), e.number(-M_LOG2E)); }

void cuda::emitScanStep(KernelWriter &writer, kernel::ScanStepOp op) {
  int64_t channels = cast<RankedTensorType>(op.getType()).getShape().back();
  int64_t states = cast<RankedTensorType>(op.getALog().getType()).getDimSize(0);
  emitSteps(writer, op, {op.getSpace(), channels, states}, [&](KernelWriter::Step &s, Value channel) {
    ThreadEmitter &e = s.e;
    // state, input, delta, b, c, a_log, skip, (gate,) result
    auto memory = [&](unsigned n) { return rowMemory(s.pointers[n], op->getOperand(n)); };
    auto load = [&e](const Memory &from, Value at) { return e.loadNumbers(from, at, /*wide=*/false); };
    Recurrence recurrence{memory(0), memory(3), memory(4), rowMemory(s.pointers.back(), op.getResult()), {}, {}, {}};
    Memory input = memory(1), delta = memory(2), rates = memory(5), gate = op.getGate() ? memory(7) : Memory();
    Value skip = load(memory(6), channel);
    recurrence.decay = [=, &e](Value n) { return decayOf(e, load(rates, e.add(e.mul(n, channels), channel))); };
    recurrence.at = [=, &e](Value row) {
      Value at = e.add(e.mul(row, channels), channel);
      return StepInput{softplus(e, load(delta, at)), load(input, at), e.mul(row, states)};
    };
    recurrence.output = [=, &e](Value row, Value x, Value sum) {
      Value y = e.fma(skip, x, sum);
      if (!gate.base) {
        return y;
      }
      Value z = load(gate, e.add(e.mul(row, channels), channel));
      return e.mulf(y, e.mulf(z, sigmoid(e, z)));
    };
    return recurrence;
  });
}

void cuda::emitSsdStep(KernelWriter &writer, kernel::SsdStepOp op) {
  int64_t heads = op.getHeads(), features = cast<RankedTensorType>(op.getType()).getShape().back(), width = features / heads;
  int64_t columns = cast<RankedTensorType>(op.getB().getType()).getShape().back(), states = columns / op.getGroups();
  int64_t headsPerGroup = heads / op.getGroups();
  bool skipPerHead = cast<RankedTensorType>(op.getSkip().getType()).getDimSize(0) == heads;
  emitSteps(writer, op, {op.getSpace(), features, states}, [&](KernelWriter::Step &s, Value feature) {
    ThreadEmitter &e = s.e;
    // state, input, dt, b, c, a_log, skip, dt_bias, result
    auto memory = [&](unsigned n) { return rowMemory(s.pointers[n], op->getOperand(n)); };
    auto load = [&e](const Memory &from, Value at) { return e.loadNumbers(from, at, /*wide=*/false); };
    Recurrence recurrence{memory(0), memory(3), memory(4), rowMemory(s.pointers.back(), op.getResult()), {}, {}, {}};
    Memory input = memory(1), dt = memory(2);
    Value head = e.div(feature, width), group = e.mul(e.div(head, headsPerGroup), states);
    Value decay = decayOf(e, load(memory(5), head)), bias = load(memory(7), head);
    Value skip = load(memory(6), skipPerHead ? head : feature);
    StepLimits limits{op.getDtMin().convertToDouble(), op.getDtMax().convertToDouble()};
    recurrence.decay = [=](Value) { return decay; };
    recurrence.at = [=, &e](Value row) {
      Value raw = e.addf(load(dt, e.add(e.mul(row, heads), head)), bias);
      Value x = load(input, e.add(e.mul(row, features), feature));
      return StepInput{limits.clamp(e, softplus(e, raw)), x, e.add(e.mul(row, columns), group)};
    };
    recurrence.output = [=, &e](Value, Value x, Value sum) { return e.fma(skip, x, sum); };
    return recurrence;
  });
}
