// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scans with any combination, and their gradients: a thread a feature of a sequence, which goes through the positions with the
// elements in registers. What several positions read is asked for together, before it is needed.
#include "passes/LowerGPU/Kernels.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

constexpr int64_t together = 4; // positions

using Values = SmallVector<Value>;

static Values emitScalars(ThreadEmitter &e, Block &body, ValueRange arguments) {
  IRMapping map;
  map.map(body.getArguments(), arguments);
  for (Operation &op : body.without_terminator()) {
    e.b.clone(op, map);
  }
  return llvm::map_to_vector(body.getTerminator()->getOperands(), [&](Value value) { return map.lookup(value); });
}

namespace {
// One thread's feature of the tensors of a list.
struct Feature {
  ThreadEmitter &e;
  int64_t columns;
  Value positions, sequence, column;

  Value place(Value t) { return e.add(e.mul(e.add(e.mul(sequence, positions), t), columns), column); }
  Values load(ArrayRef<Memory> tensors, Value t) {
    return llvm::map_to_vector(tensors, [&](const Memory &from) { return e.loadNumbers(from, place(t), /*wide=*/false); });
  }
  void store(ArrayRef<Memory> tensors, Value t, ArrayRef<Value> values) {
    for (auto [tensor, value] : llvm::zip(tensors, values)) {
      e.storeNumbers(value, tensor, place(t));
    }
  }
  // Steps `n` = 1, 2, ... positions - 1: `read` what step n needs, early, for several steps; then `step` in order.
  using Read = std::function<Values(Value n)>;
  using Step = std::function<Values(Value n, ArrayRef<Value> read, ValueRange state, Value exists)>;
  Values steps(ValueRange init, const Read &read, const Step &step) {
    return e.loop(e.index(1), positions, together, init, [&](Value first, ValueRange so) {
      SmallVector<Values> numbers;
      Values ns, exist, state(so.begin(), so.end());
      for (int64_t i = 0; i < together; ++i) {
        Value n = e.add(first, i);
        exist.push_back(e.less(n, positions));
        ns.push_back(e.select(exist.back(), n, first));
        numbers.push_back(read(ns.back()));
      }
      for (int64_t i = 0; i < together; ++i) {
        Values next = step(ns[i], numbers[i], state, exist[i]);
        for (auto [value, old] : llvm::zip(next, state)) {
          old = e.select(exist[i], value, old);
        }
      }
      return state;
    });
  }
};
} // namespace

static void emitFeatures(KernelWriter &writer, Operation *op, kernel::SpaceAttr space,
                         const std::function<void(Feature &, ArrayRef<Memory> tensors)> &body) {
  int64_t columns = cast<RankedTensorType>(op->getOperand(0).getType()).getShape().back();
  int64_t threads = std::clamp<int64_t>(llvm::PowerOf2Ceil(columns), warpSize, 128), groups = ceilDiv(columns, threads);
  unsigned tensors = op->getNumOperands() + op->getNumResults();
  SymbolicDim blocks = *space.getSequences().times(SymbolicDim::constant(groups));
  writer.step(op->getLoc(), tensors, {blocks}, threads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Values values(op->getOperands());
    llvm::append_range(values, op->getResults());
    SmallVector<Memory> memories = memoriesOf(s.pointers, values);
    Value column = e.add(e.mul(e.rem(e.blockX, e.index(groups)), threads), e.thread);
    Feature feature{e, columns, e.form(space.getPositions()), e.div(e.blockX, groups), column};
    e.when(e.less(column, e.index(columns)), [&] { body(feature, memories); });
  });
}

void cuda::emitPrefix(KernelWriter &writer, kernel::PrefixOp op) {
  unsigned n = op.getInputs().size();
  emitFeatures(writer, op, op.getSpace(), [&](Feature &feature, ArrayRef<Memory> tensors) {
    ThreadEmitter &e = feature.e;
    ArrayRef<Memory> inputs = tensors.take_front(n), results = tensors.drop_front(n);
    Values first = feature.load(inputs, e.index(0));
    feature.store(results, e.index(0), first);
    feature.steps(
        first, [&](Value t) { return feature.load(inputs, t); },
        [&](Value t, ArrayRef<Value> right, ValueRange state, Value exists) {
          Values elements(state.begin(), state.end());
          llvm::append_range(elements, right);
          Values next = emitScalars(e, op.getCombine().front(), elements);
          e.when(exists, [&] { feature.store(results, t, next); });
          return next;
        });
  });
}

void cuda::emitPrefixGrad(KernelWriter &writer, kernel::PrefixGradOp op) {
  unsigned n = op.getInputs().size();
  emitFeatures(writer, op, op.getSpace(), [&](Feature &feature, ArrayRef<Memory> tensors) {
    ThreadEmitter &e = feature.e;
    ArrayRef<Memory> grads = tensors.take_front(n), states = tensors.slice(n, n), inputs = tensors.slice(2 * n, n);
    ArrayRef<Memory> results = tensors.drop_front(3 * n);
    auto position = [&](Value back) { return e.sub(feature.positions, back); };
    auto before = [&](Value back) { return e.sub(position(back), e.index(1)); };
    // l[t] comes in, l[t - 1] goes out.
    Values last = feature.load(grads, before(e.index(0)));
    Values start = feature.steps(
        last,
        [&](Value back) {
          Values numbers = feature.load(states, before(back));
          llvm::append_range(numbers, feature.load(inputs, position(back)));
          llvm::append_range(numbers, feature.load(grads, before(back)));
          return numbers;
        },
        [&](Value back, ArrayRef<Value> numbers, ValueRange carried, Value exists) {
          Values arguments(numbers.take_front(2 * n)), next;
          llvm::append_range(arguments, carried);
          Values yields = emitScalars(e, op.getVjp().front(), arguments);
          e.when(exists, [&] { feature.store(results, position(back), ArrayRef(yields).drop_front(n)); });
          for (unsigned i = 0; i < n; ++i) {
            next.push_back(e.addf(numbers[2 * n + i], yields[i]));
          }
          return next;
        });
    feature.store(results, e.index(0), start);
  });
}
