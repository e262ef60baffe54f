// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Emit/Emitter.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::emit;

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
  term(dim.p, patches);
  if (dim.bp) {
    term(dim.bp, mul(batch, patches));
  }
  return sum ? sum : index(0);
}

// Pairwise halves: the same tree on every machine of this width.
Value Emitter::foldLanes(Value v, const Combine &combine) {
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
  return LLVM::GEPOp::create(b, base.getType(), element, base, ArrayRef<LLVM::GEPArg>{i64(index)});
}

Value Emitter::offset(const Memory &memory, ValueRange indices) {
  if (memory.isRow) {
    return indices.back();
  }
  Value linear;
  for (auto [dim, value] : llvm::enumerate(indices)) {
    linear = linear ? add(mul(linear, form(memory.shape[dim])), value) : value;
  }
  return linear ? linear : index(0);
}

int64_t Emitter::knownFactor(Value index) {
  static constexpr int64_t most = 64;
  auto lowestBit = [](int64_t n) { return n ? std::min<int64_t>(n & -n, int64_t(most)) : int64_t(most); };
  if (APInt constant; matchPattern(index, m_ConstantInt(&constant))) {
    return lowestBit(constant.getSExtValue());
  }
  Operation *op = index.getDefiningOp();
  if (!op) {
    auto loop = dyn_cast_or_null<scf::ForOp>(cast<BlockArgument>(index).getOwner()->getParentOp());
    bool counts = loop && loop.getInductionVar() == index;
    return counts ? std::min(knownFactor(loop.getLowerBound()), knownFactor(loop.getStep())) : 1;
  }
  if (isa<arith::AddIOp, arith::SubIOp, arith::MinSIOp, arith::MaxSIOp, arith::RemUIOp>(op)) {
    return std::min(knownFactor(op->getOperand(0)), knownFactor(op->getOperand(1)));
  }
  if (isa<arith::MulIOp>(op)) {
    return std::min(knownFactor(op->getOperand(0)) * knownFactor(op->getOperand(1)), int64_t(most));
  }
  if (isa<arith::SelectOp>(op)) {
    return std::min(knownFactor(op->getOperand(1)), knownFactor(op->getOperand(2)));
  }
  return isa<arith::IndexCastOp>(op) ? knownFactor(op->getOperand(0)) : 1;
}

unsigned Emitter::alignment(Value offset, Type type) {
  unsigned element = getElementTypeOrSelf(type).getIntOrFloatBitWidth() / 8;
  auto vector = dyn_cast<VectorType>(type);
  if (!machine.aligned || !vector) {
    return element;
  }
  return element * std::min<int64_t>(knownFactor(offset), vector.getNumElements());
}

Value Emitter::loadNumbers(const Memory &memory, Value offset, bool wide) {
  Type type = wide ? Type(VectorType::get({machine.lanes}, memory.element)) : memory.element;
  Value value = LLVM::LoadOp::create(b, type, at(memory.base, offset, memory.element), alignment(offset, type));
  if (!memory.element.isBF16()) {
    return value;
  }
  return arith::ExtFOp::create(b, wide ? Type(vec()) : f32(), value);
}

void Emitter::storeNumbers(Value value, const Memory &memory, Value offset, Value mask) {
  Type type = value.getType();
  if (memory.element.isBF16()) {
    type = isa<VectorType>(type) ? Type(VectorType::get({machine.lanes}, memory.element)) : memory.element;
    value = arith::TruncFOp::create(b, type, value);
  }
  Value pointer = at(memory.base, offset, memory.element);
  if (mask) {
    LLVM::MaskedStoreOp::create(b, value, pointer, mask, alignment(offset, type));
  } else {
    LLVM::StoreOp::create(b, value, pointer, alignment(offset, type));
  }
}

Value Emitter::narrowBits(Value value) {
  auto like = [&](Type element) -> Type {
    auto vector = dyn_cast<VectorType>(value.getType());
    return vector ? Type(vector.clone(element)) : element;
  };
  Type i16 = b.getI16Type(), i32 = b.getI32Type();
  if (machine.narrow != NarrowProducts::Widened) { // there is an instruction
    return arith::BitcastOp::create(b, like(i16), arith::TruncFOp::create(b, like(b.getBF16Type()), value));
  }
  auto number = [&](int64_t n) -> Value {
    Value one = arith::ConstantOp::create(b, b.getI32IntegerAttr(n));
    return isa<VectorType>(value.getType()) ? vector::BroadcastOp::create(b, like(i32), one).getResult() : one;
  };
  Value bits = arith::BitcastOp::create(b, like(i32), value), high = arith::ShRUIOp::create(b, bits, number(16));
  Value odd = arith::AndIOp::create(b, high, number(1));
  Value sum = arith::AddIOp::create(b, bits, arith::AddIOp::create(b, odd, number(0x7fff)));
  Value quiet = arith::OrIOp::create(b, high, number(64)); // a NaN stays one
  Value isNaN = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, value, value);
  Value rounded = arith::SelectOp::create(b, isNaN, quiet, arith::ShRUIOp::create(b, sum, number(16)));
  return arith::TruncIOp::create(b, like(i16), rounded);
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

// The op is there before its body is written, so that knownFactor can ask it.
void Emitter::loop(Value from, Value to, int64_t step, const std::function<void(Value)> &body) {
  auto op = scf::ForOp::create(b, from, to, index(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.getBody());
  body(op.getInductionVar());
}

SmallVector<Value> Emitter::loop(Value from, Value to, int64_t step, ValueRange init,
                                 const std::function<SmallVector<Value>(Value, ValueRange)> &body) {
  if (init.empty()) {
    loop(from, to, step, [&](Value i) { body(i, {}); });
    return {};
  }
  auto op = scf::ForOp::create(b, from, to, index(step), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.getBody());
  scf::YieldOp::create(b, body(op.getInductionVar(), op.getRegionIterArgs()));
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
