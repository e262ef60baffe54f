// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scans with any combination, and their gradients: one pass over the positions with the elements in registers, a lane a
// feature. A work item is a sequence and 64 features, as independent chains; where fewer are left, one vector of them.
#include "passes/LowerCPU/Kernels.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

constexpr int64_t columnsPerItem = 64;

using Values = SmallVector<Value>;

// The scalar code for all lanes.
static Values emitScalars(Emitter &e, Block &body, ValueRange arguments) {
  IRMapping map;
  map.map(body.getArguments(), arguments);
  auto wide = [&](Type type) { return VectorType::get({e.machine.lanes}, type); };
  for (Operation &op : body.without_terminator()) {
    Operation *emitted;
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto value = DenseElementsAttr::get(wide(constant.getType()), ArrayRef<Attribute>(constant.getValue()));
      emitted = arith::ConstantOp::create(e.b, value);
    } else {
      Values operands = llvm::map_to_vector(op.getOperands(), [&](Value operand) { return map.lookup(operand); });
      OperationState state(op.getLoc(), op.getName(), operands, wide(op.getResult(0).getType()), op.getAttrs());
      emitted = e.b.create(state);
    }
    map.map(op.getResult(0), emitted->getResult(0));
  }
  return llvm::map_to_vector(body.getTerminator()->getOperands(), [&](Value value) { return map.lookup(value); });
}

namespace {
// Some vectors of features of one sequence, side by side.
struct Chains {
  Emitter &e;
  SymbolicDim positions;
  int64_t columns, vectors;
  Value sequence, column;
  Value mask; // of the last vector, null where it is full

  Value at(Value base, Value t, int64_t vector) {
    Value row = e.add(e.mul(sequence, e.form(positions)), t);
    return e.at(base, e.add(e.mul(row, columns), e.add(column, vector * e.machine.lanes)));
  }
  // Vector by vector, and for each of them tensor by tensor.
  Values load(ArrayRef<Value> tensors, Value t) {
    Values loaded;
    for (int64_t v = 0; v < vectors; ++v) {
      for (Value tensor : tensors) {
        loaded.push_back(e.loadVector(at(tensor, t, v)));
      }
    }
    return loaded;
  }
  void store(ArrayRef<Value> tensors, Value t, ArrayRef<Value> values) {
    for (auto [number, value] : llvm::enumerate(values)) {
      int64_t v = number / tensors.size();
      e.store(value, at(tensors[number % tensors.size()], t, v), v == vectors - 1 ? mask : Value());
    }
  }
};
} // namespace

// Of one sequence: items of 64 features, then of one vector each.
static std::pair<int64_t, int64_t> itemsOf(int64_t columns, const Machine &machine) {
  return {columns / columnsPerItem, kernel::ceilDiv(columns % columnsPerItem, machine.lanes)};
}

static Items prefixItems(kernel::SpaceAttr space, int64_t columns, const Machine &machine) {
  auto [wide, narrow] = itemsOf(columns, machine);
  return {*space.getSequences().times(SymbolicDim::constant(wide + narrow))};
}

static void forChains(KernelWriter::Step &s, kernel::SpaceAttr space, int64_t columns,
                      const std::function<void(Chains &)> &body) {
  Emitter &e = s.e;
  auto items = itemsOf(columns, e.machine);
  int64_t lanes = e.machine.lanes, wide = items.first, narrow = items.second;
  e.loop(s.begin, s.end, 1, [&](Value item) {
    Value sequence = e.div(item, wide + narrow), number = e.rem(item, e.index(wide + narrow));
    auto whole = [&] {
      Chains chains{e, space.getPositions(), columns, columnsPerItem / lanes, sequence, e.mul(number, columnsPerItem), {}};
      body(chains);
    };
    auto single = [&] {
      Value column = e.add(e.mul(e.sub(number, e.index(wide)), lanes), wide * columnsPerItem);
      Value mask = columns % lanes ? e.mask(e.sub(e.index(columns), column)) : Value();
      Chains chains{e, space.getPositions(), columns, 1, sequence, column, mask};
      body(chains);
    };
    if (wide && narrow) {
      e.when(e.less(number, e.index(wide)), whole, single);
    } else {
      wide ? whole() : single();
    }
  });
}

void cpu::emitPrefix(KernelWriter &writer, kernel::PrefixOp op) {
  unsigned n = op.getInputs().size();
  int64_t columns = cast<RankedTensorType>(op.getInputs()[0].getType()).getShape().back();
  writer.step(op.getLoc(), 2 * n, prefixItems(op.getSpace(), columns, writer.machine), [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    ArrayRef<Value> inputs = ArrayRef(s.pointers).take_front(n), results = ArrayRef(s.pointers).drop_front(n);
    forChains(s, op.getSpace(), columns, [&](Chains &chains) {
      Values first = chains.load(inputs, e.index(0));
      chains.store(results, e.index(0), first);
      e.loop(e.index(1), e.form(op.getSpace().getPositions()), 1, first, [&](Value t, ValueRange state) {
        Values next, right = chains.load(inputs, t);
        for (int64_t v = 0; v < chains.vectors; ++v) {
          Values elements(state.slice(v * n, n));
          llvm::append_range(elements, ArrayRef(right).slice(v * n, n));
          llvm::append_range(next, emitScalars(e, op.getCombine().front(), elements));
        }
        chains.store(results, t, next);
        return next;
      });
    });
  });
}

void cpu::emitPrefixGrad(KernelWriter &writer, kernel::PrefixGradOp op) {
  unsigned n = op.getInputs().size();
  int64_t columns = cast<RankedTensorType>(op.getInputs()[0].getType()).getShape().back();
  writer.step(op.getLoc(), 4 * n, prefixItems(op.getSpace(), columns, writer.machine), [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    ArrayRef<Value> pointers = s.pointers, grads = pointers.take_front(n), states = pointers.slice(n, n);
    ArrayRef<Value> inputs = pointers.slice(2 * n, n), results = pointers.drop_front(3 * n);
    Value positions = e.form(op.getSpace().getPositions());
    forChains(s, op.getSpace(), columns, [&](Chains &chains) {
      Values last = chains.load(grads, e.sub(positions, e.index(1)));
      // l[t] comes in, l[t - 1] goes out.
      Values start = e.loop(e.index(1), positions, 1, last, [&](Value back, ValueRange carried) {
        Value t = e.sub(positions, back), before = e.sub(t, e.index(1));
        Values left = chains.load(states, before), right = chains.load(inputs, t), grad = chains.load(grads, before);
        Values next, rightGrads;
        for (int64_t v = 0; v < chains.vectors; ++v) {
          Values arguments(ArrayRef(left).slice(v * n, n));
          llvm::append_range(arguments, ArrayRef(right).slice(v * n, n));
          llvm::append_range(arguments, carried.slice(v * n, n));
          Values yields = emitScalars(e, op.getVjp().front(), arguments);
          for (unsigned i = 0; i < n; ++i) {
            next.push_back(e.addf(grad[v * n + i], yields[i]));
          }
          llvm::append_range(rightGrads, ArrayRef(yields).drop_front(n));
        }
        chains.store(results, t, rightGrads);
        return next;
      });
      chains.store(results, e.index(0), start);
    });
  });
}
