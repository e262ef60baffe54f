// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerCPU/NarrowOperands.h"
#include "passes/LowerCPU/Lanes.h"

#include <numeric>

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

static Type bits(Emitter &e) { return factorType(e, /*narrow=*/true); }

// The bits of a vector of numbers.
static Value load(Emitter &e, NarrowSource from, Value row, Value column) {
  Value index = e.add(e.mul(row, from.stride), column);
  if (from.narrow) {
    Type type = VectorType::get({e.machine.lanes}, bits(e));
    return LLVM::LoadOp::create(e.b, type, e.at(from.pointer, index, bits(e)), 2);
  }
  return e.narrowBits(e.loadVector(e.at(from.pointer, index)));
}

static Value zeroBits(Emitter &e) {
  auto type = VectorType::get({e.machine.lanes}, bits(e));
  return arith::ConstantOp::create(e.b, DenseElementsAttr::get(type, e.b.getI16IntegerAttr(0).getValue()));
}

static void storeBits(Emitter &e, Value value, Value base, Value index) {
  LLVM::StoreOp::create(e.b, value, e.at(base, index, bits(e)), 2);
}

// Bits x and y as pairs.
static Value pairsOf(Emitter &e, Value x, Value y) { return vector::InterleaveOp::create(e.b, x, y); }

// Pairs as the i32 that a transposition moves about, and back.
static Value joined(Emitter &e, Value pairs) {
  return vector::BitCastOp::create(e.b, VectorType::get({e.machine.lanes}, e.b.getI32Type()), pairs);
}
static Value apart(Emitter &e, Value pairs) {
  return vector::BitCastOp::create(e.b, VectorType::get({2 * e.machine.lanes}, bits(e)), pairs);
}

void cpu::storeNarrow(Emitter &e, Value value, Value base, Value index, Value mask) {
  Value rounded = e.narrowBits(value);
  if (mask) {
    LLVM::MaskedStoreOp::create(e.b, rounded, e.at(base, index, bits(e)), mask, 2);
  } else {
    storeBits(e, rounded, base, index);
  }
}

void cpu::storePairs(Emitter &e, Value x, Value y, Value base, Value index) {
  storeBits(e, pairsOf(e, e.narrowBits(x), e.narrowBits(y)), base, index);
}

void cpu::zeroNarrow(Emitter &e, Value base, Value index, Value count) {
  Value zero = zeroBits(e);
  e.loop(e.index(0), count, e.machine.lanes, [&](Value c) { storeBits(e, zero, base, e.add(index, c)); });
}

void cpu::roundRows(Emitter &e, NarrowSource from, Value count, int64_t width, Value target, Value targetStride) {
  e.loop(count, [&](Value r) {
    Value row = e.mul(r, targetStride);
    e.loop(e.index(0), e.index(width), e.machine.lanes,
           [&](Value c) { storeBits(e, load(e, from, r, c), target, e.add(row, c)); });
  });
}

// Calls `body(first)` for groups of `size` numbers below `count`, as far as whole, else `last(first)`; up to a multiple of
// kernel::depthGroup.
static void forGroups(Emitter &e, Value count, int64_t size, const std::function<void(Value)> &body,
                      const std::function<void(Value)> &last) {
  Value whole = e.mul(e.div(count, size), size);
  e.loop(e.index(0), whole, size, body);
  e.loop(whole, wholeGroups(e, count), size, last);
}

void cpu::turnRows(Emitter &e, NarrowSource from, Value count, int64_t width, Value target, Value targetStride) {
  int64_t lanes = e.machine.lanes;
  auto group = [&](Value first, bool whole) {
    e.loop(e.index(0), e.index(width), lanes, [&](Value c) {
      SmallVector<Value> square, rows;
      for (int64_t n = 0; n < 2 * lanes; ++n) {
        Value r = e.add(first, n);
        if (whole) {
          rows.push_back(load(e, from, r, c));
        } else {
          Value inside = e.less(r, count);
          rows.push_back(e.select(inside, load(e, from, e.select(inside, r, e.index(0)), c), zeroBits(e)));
        }
      }
      for (int64_t n = 0; n < lanes; ++n) {
        square.push_back(joined(e, pairsOf(e, rows[2 * n], rows[2 * n + 1])));
      }
      transpose(e, square);
      for (int64_t n = 0; n < lanes; ++n) {
        storeBits(e, apart(e, square[n]), target, e.add(e.mul(e.add(c, n), targetStride), first));
      }
    });
  };
  forGroups(e, count, 2 * lanes, [&](Value first) { group(first, true); }, [&](Value first) { group(first, false); });
}

void cpu::pairRows(Emitter &e, NarrowSource from, Value count, int64_t width, Value target, Value pairStride) {
  auto pair = [&](Value r, const std::function<Value(Value row, Value column)> &numbers) {
    Value place = e.mul(e.div(r, 2), pairStride);
    e.loop(e.index(0), e.index(width), e.machine.lanes, [&](Value c) {
      Value pairs = pairsOf(e, numbers(r, c), numbers(e.add(r, 1), c));
      storeBits(e, pairs, target, e.add(place, e.mul(c, 2)));
    });
  };
  auto rowOrZero = [&](Value r, Value c) {
    Value inside = e.less(r, count);
    return e.select(inside, load(e, from, e.select(inside, r, e.index(0)), c), zeroBits(e));
  };
  forGroups(e, count, 2, [&](Value r) { pair(r, [&](Value row, Value c) { return load(e, from, row, c); }); },
            [&](Value r) { pair(r, rowOrZero); });
}

void cpu::pairColumns(Emitter &e, NarrowSource from, Value target, Value pairStride) {
  int64_t lanes = e.machine.lanes;
  SmallVector<int64_t> behind(2 * lanes); // the right half behind the left one
  std::iota(behind.begin(), behind.end(), 0);
  SmallVector<Value> square;
  for (int64_t r = 0; r < lanes; ++r) {
    Value left = load(e, from, e.index(r), e.index(0)), right = load(e, from, e.index(r), e.index(lanes));
    square.push_back(joined(e, vector::ShuffleOp::create(e.b, left, right, behind)));
  }
  transpose(e, square);
  for (int64_t n = 0; n < lanes; ++n) {
    storeBits(e, apart(e, square[n]), target, e.mul(e.index(n), pairStride));
  }
}
