// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerCPU/ScanEmitter.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

ScanEmitter::ScanEmitter(KernelWriter::Step &step, const ScanShape &shape, ValueRange operands, ArrayRef<int64_t> at,
                         ArrayRef<Value> pointers)
    : s(step), e(step.e), shape(shape), aLog(pointers[4]), skipPointer(pointers[5]) {
  for (auto [number, offset] : llvm::enumerate(at)) {
    unsigned operand = number == Gate ? 6 : number;
    sources[number] = pointers[operand];
    strides[number] = cast<RankedTensorType>(operands[operand].getType()).getShape().back();
    offsets[number] = offset;
  }
  decay = s.allocate(stateFloats());
}

//===----------------------------------------------------------------------===//
// Items, groups, addresses
//===----------------------------------------------------------------------===//

void ScanEmitter::setItem(Value channelGroup) {
  firstChannel = e.mul(channelGroup, shape.itemChannels());
  count = e.min(e.index(shape.itemChannels()), e.sub(e.index(shape.channels), firstChannel));
}

void ScanEmitter::prepareDecays() {
  e.zero(decay, e.index(stateFloats())); // lanes without a channel
  e.loop(count, [&](Value c) {
    Value row = e.at(aLog, e.mul(e.add(firstChannel, c), shape.states));
    Value column = e.add(e.mul(e.div(c, lanes()), shape.states * lanes()), e.rem(c, e.index(lanes())));
    e.loop(e.index(shape.states),
           [&](Value n) { e.store(e.load(e.at(row, n)), e.at(decay, e.add(column, e.mul(n, lanes())))); });
  });
  e.loop(e.index(0), e.index(stateFloats()), lanes(),
         [&](Value i) { e.store(e.mulf(e.exp(e.loadVector(e.at(decay, i))), e.splat(-M_LOG2E)), e.at(decay, i)); });
}

void ScanEmitter::forGroups(const std::function<void(Value)> &body) {
  e.loop(e.ceilDiv(count, lanes()), [&](Value group) {
    Value first = e.mul(group, lanes());
    channel = e.add(firstChannel, first);
    mask = shape.channels % lanes() ? e.mask(e.min(e.index(lanes()), e.sub(count, first))) : Value();
    body(group);
  });
}

void ScanEmitter::forStates(int64_t block, const std::function<void(Value, int64_t)> &body) {
  int64_t whole = shape.states / block * block;
  if (whole == block) {
    body(e.index(0), block);
  } else if (whole) {
    e.loop(e.index(0), e.index(whole), block, [&](Value n) { body(n, block); });
  }
  if (shape.states > whole) {
    body(e.index(whole), shape.states - whole);
  }
}

Value ScanEmitter::stateOffset(Value group, Value state) {
  return e.mul(e.add(e.mul(group, shape.states), state), lanes());
}

Value ScanEmitter::at(Value base, int64_t width, Value k, Value t, Value column) {
  Value row = e.add(e.mul(k, positions()), t);
  return e.at(base, e.add(e.mul(row, width), column));
}

Value ScanEmitter::at(Source source, Value k, Value t, Value column) {
  return at(sources[source], strides[source], k, t, e.add(column, offsets[source]));
}

Value ScanEmitter::loadChannels(Value pointer) {
  Value value = e.loadVector(pointer);
  return mask ? e.select(mask, value, e.splat(0.0)) : value;
}

void ScanEmitter::prefetch(Source source, Value k, Value t) {
  // To be read, into the second cache. Rows outside the tensor do no harm.
  LLVM::Prefetch::create(e.b, at(source, k, t, channel), /*rw=*/0, /*hint=*/2, /*cache=*/1);
}

ScanEmitter::Values ScanEmitter::loadStates(Value pointer, int64_t states) {
  Values values;
  for (int64_t n = 0; n < states; ++n) {
    values.push_back(e.loadVector(e.at(pointer, e.index(n * lanes()))));
  }
  return values;
}

void ScanEmitter::storeStates(ArrayRef<Value> states, Value pointer) {
  for (auto [n, state] : llvm::enumerate(states)) {
    e.store(state, e.at(pointer, e.index(n * lanes())));
  }
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

// Horner's scheme; coefficients from the highest power to the lowest.
static Value polynomial(Emitter &e, Value x, ArrayRef<double> coefficients) {
  Value sum = e.splat(coefficients[0]);
  for (double coefficient : coefficients.drop_front()) {
    sum = e.fma(sum, x, e.splat(coefficient));
  }
  return sum;
}

// u = exp(-|x|), and sigmoid(x) = (x < 0 ? u : 1) / (1 + u).
std::pair<Value, Value> ScanEmitter::logistic(Value x) {
  Value zero = e.splat(0.0), one = e.splat(1.0);
  Value negative = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OLT, x, zero);
  Value u = powerOfTwo(e.mulf(e.select(negative, x, e.subf(zero, x)), e.splat(M_LOG2E)));
  return {u, e.divf(e.select(negative, u, one), e.addf(one, u))};
}

Value ScanEmitter::softplus(Value x, Value *sigmoid) {
  // max(x, 0) + log(1 + u), the logarithm by the polynomial of least relative error over [0, 1]: 2e-7.
  auto [u, slope] = logistic(x);
  if (sigmoid) {
    *sigmoid = slope;
  }
  Value p = polynomial(e, u,
                       {0.00536482593, -0.0300657987, 0.079204546, -0.137538032, 0.191536553, -0.248571638, 0.333213226,
                        -0.49999648, 1.0});
  Value zero = e.splat(0.0), negative = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OLT, x, zero);
  return e.fma(u, p, e.select(negative, zero, x));
}

Value ScanEmitter::sigmoid(Value x) { return logistic(x).second; }

Value ScanEmitter::powerOfTwo(Value x) {
  // x = n + r with n whole and |r| <= 1/2; adding 1.5 * 2^23 rounds, and leaves n in the low bits. A NaN stays one.
  constexpr double lowest = -125, rounder = 12582912;
  Value limit = e.splat(lowest);
  x = e.select(arith::CmpFOp::create(e.b, arith::CmpFPredicate::OLT, x, limit), limit, x);
  Value shifted = e.addf(x, e.splat(rounder)), r = e.subf(x, e.subf(shifted, e.splat(rounder)));
  // Least relative error over [-1/2, 1/2] among polynomials that are 1 at 0: 1e-7.
  Value p = polynomial(e, r, {0.00132647273, 0.00967151299, 0.05550733581, 0.24022242427, 0.69314700365, 1.0});
  auto bits = VectorType::get({lanes()}, e.b.getI32Type());
  auto asBits = [&](Value v) { return arith::BitcastOp::create(e.b, bits, v).getResult(); };
  Value places = arith::ConstantOp::create(e.b, DenseElementsAttr::get(bits, e.b.getI32IntegerAttr(23)));
  Value exponent = arith::ShLIOp::create(e.b, asBits(shifted), places);
  return arith::BitcastOp::create(e.b, e.vec(), arith::AddIOp::create(e.b, asBits(p), exponent));
}

void ScanEmitter::advance(MutableArrayRef<Value> h, ArrayRef<Value> decays, Value d, Value dx, Value b,
                          SmallVectorImpl<Value> *w) {
  for (auto [n, state] : llvm::enumerate(h)) {
    Value power = powerOfTwo(e.mulf(d, decays[n]));
    state = e.fma(power, state, e.mulf(dx, e.splat(e.load(e.at(b, e.index(n))))));
    if (w) {
      w->push_back(power);
    }
  }
}
