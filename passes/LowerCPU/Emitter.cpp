// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerCPU/Emitter.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

Value Emitter::form(const SymbolicDim &dim) {
  Value sum;
  auto term = [&](int64_t coefficient, Value symbol) {
    if (coefficient) {
      Value value = symbol ? mul(symbol, coefficient) : index(coefficient);
      sum = sum ? add(sum, value) : value;
    }
  };
  term(dim.one, {});
  term(dim.m, slots);
  term(dim.b, batch);
  if (dim.bm) {
    term(dim.bm, mul(batch, slots));
  }
  term(dim.piece, piece);
  return sum ? sum : index(0);
}

// Pairwise halves: the same tree on every machine of this width.
Value Emitter::foldLanes(Value v, const std::function<Value(Value, Value)> &combine) {
  for (int64_t half = machine.lanes / 2; half > 0; half /= 2) {
    auto part = [&](int64_t first) {
      return vector::ExtractStridedSliceOp::create(b, v, ArrayRef<int64_t>{first}, ArrayRef<int64_t>{half},
                                                   ArrayRef<int64_t>{1});
    };
    Value low = part(0), high = part(half);
    v = combine(low, high);
  }
  return extract(v);
}

Value Emitter::sumLanes(Value v) {
  return foldLanes(v, [&](Value x, Value y) { return addf(x, y); });
}

Value Emitter::maxLanes(Value v) {
  return foldLanes(v, [&](Value x, Value y) { return arith::MaximumFOp::create(b, x, y); });
}

Value Emitter::at(Value base, Value index, Type element) {
  return LLVM::GEPOp::create(b, ptr(), element, base, ArrayRef<LLVM::GEPArg>{i64(index)});
}

Value Emitter::at(const Memory &memory, ValueRange indices) {
  if (memory.isRow) {
    return at(memory.base, indices.back(), memory.element);
  }
  Value linear;
  for (auto [dim, value] : llvm::enumerate(indices)) {
    linear = linear ? add(mul(linear, form(memory.shape[dim])), value) : value;
  }
  return at(memory.base, linear ? linear : index(0), memory.element);
}

void Emitter::store(Value value, Value pointer, Value mask) {
  if (mask) {
    LLVM::MaskedStoreOp::create(b, value, pointer, mask, 4);
  } else {
    LLVM::StoreOp::create(b, value, pointer, 4);
  }
}

Value Emitter::mask(Value count) {
  return vector::CreateMaskOp::create(b, VectorType::get({machine.lanes}, b.getI1Type()), count);
}

void Emitter::loop(Value from, Value to, int64_t step, const std::function<void(Value)> &body) {
  scf::ForOp::create(b, from, to, index(step), ValueRange(), [&](OpBuilder &inner, Location loc, Value i, ValueRange) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(inner.getInsertionBlock());
    body(i);
    scf::YieldOp::create(b);
  });
}

SmallVector<Value> Emitter::loop(Value from, Value to, int64_t step, ValueRange init,
                                 const std::function<SmallVector<Value>(Value, ValueRange)> &body) {
  auto op = scf::ForOp::create(b, from, to, index(step), init, [&](OpBuilder &inner, Location loc, Value i, ValueRange args) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(inner.getInsertionBlock());
    scf::YieldOp::create(b, body(i, args));
  });
  return SmallVector<Value>(op.getResults());
}

void Emitter::when(Value condition, const std::function<void()> &yes, const std::function<void()> &no) {
  auto branch = [&](const std::function<void()> &body) {
    return [&, body](OpBuilder &inner, Location loc) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToEnd(inner.getInsertionBlock());
      body();
      scf::YieldOp::create(b);
    };
  };
  if (no) {
    scf::IfOp::create(b, condition, branch(yes), branch(no));
  } else {
    scf::IfOp::create(b, condition, branch(yes));
  }
}

void Emitter::columns(int64_t width, const std::function<void(Value, Value)> &body) {
  int64_t full = width / machine.lanes * machine.lanes;
  if (full) {
    loop(index(0), index(full), machine.lanes, [&](Value d) { body(d, {}); });
  }
  if (width > full) {
    body(index(full), mask(index(width - full)));
  }
}

void Emitter::zero(Value pointer, Value count) {
  Value zeros = splat(0.0);
  loop(index(0), count, machine.lanes, [&](Value i) { store(zeros, at(pointer, i)); });
}

// Lanes of two vectors that exchange blocks of `size` off the diagonal: those of the first result and of the second.
static std::pair<SmallVector<int64_t>, SmallVector<int64_t>> exchangedLanes(int64_t lanes, int64_t size) {
  SmallVector<int64_t> low, high;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    low.push_back(lane & size ? lanes + (lane ^ size) : lane);
    high.push_back(lane & size ? lanes + lane : lane | size);
  }
  return {low, high};
}

void cpu::transpose(Emitter &e, SmallVectorImpl<Value> &square) {
  int64_t lanes = e.machine.lanes;
  // Exchanges blocks off the diagonal, of one element, then two, and so on.
  for (int64_t size = 1; size < lanes; size *= 2) {
    auto [low, high] = exchangedLanes(lanes, size);
    for (int64_t i = 0; i < lanes; ++i) {
      if (!(i & size)) {
        Value x = square[i], y = square[i | size];
        square[i] = vector::ShuffleOp::create(e.b, x, y, low);
        square[i | size] = vector::ShuffleOp::create(e.b, x, y, high);
      }
    }
  }
}

Value cpu::sumEachOf(Emitter &e, SmallVector<Value> vectors) {
  int64_t lanes = e.machine.lanes;
  // A transposition that adds the two halves of each exchange: half the vectors are left after each.
  for (int64_t size = 1; size < lanes; size *= 2) {
    auto [low, high] = exchangedLanes(lanes, size);
    for (int64_t i = 0; i < lanes; i += 2 * size) {
      Value x = vectors[i], y = vectors[i + size];
      vectors[i] = e.addf(vector::ShuffleOp::create(e.b, x, y, low), vector::ShuffleOp::create(e.b, x, y, high));
    }
  }
  return vectors[0];
}
