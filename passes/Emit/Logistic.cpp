// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Emit/Logistic.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::emit;

Value emit::numbers(Emitter &e, double x, Value like) {
  auto vector = dyn_cast<VectorType>(like.getType());
  return vector ? e.splat(e.number(x), vector.getNumElements()) : e.number(x);
}

static Value isNegative(Emitter &e, Value x) {
  return arith::CmpFOp::create(e.b, arith::CmpFPredicate::OLT, x, numbers(e, 0, x));
}

// Horner's scheme; coefficients from the highest power to the lowest.
static Value polynomial(Emitter &e, Value x, ArrayRef<double> coefficients) {
  Value sum = numbers(e, coefficients[0], x);
  for (double coefficient : coefficients.drop_front()) {
    sum = e.fma(sum, x, numbers(e, coefficient, x));
  }
  return sum;
}

// u = exp(-|x|), and sigmoid(x) = (x < 0 ? u : 1) / (1 + u).
static std::pair<Value, Value> logistic(Emitter &e, Value x) {
  Value zero = numbers(e, 0, x), one = numbers(e, 1, x), negative = isNegative(e, x);
  Value u = powerOfTwo(e, e.mulf(e.select(negative, x, e.subf(zero, x)), numbers(e, M_LOG2E, x)));
  return {u, e.divf(e.select(negative, u, one), e.addf(one, u))};
}

Value emit::softplus(Emitter &e, Value x, Value *sigmoid) {
  // max(x, 0) + log(1 + u), the logarithm by the polynomial of least relative error over [0, 1]: 2e-7.
  auto [u, slope] = logistic(e, x);
  if (sigmoid) {
    *sigmoid = slope;
  }
  Value p = polynomial(e, u,
                       {0.00536482593, -0.0300657987, 0.079204546, -0.137538032, 0.191536553, -0.248571638, 0.333213226,
                        -0.49999648, 1.0});
  return e.fma(u, p, e.select(isNegative(e, x), numbers(e, 0, x), x));
}

Value emit::sigmoid(Emitter &e, Value x) { return logistic(e, x).second; }

Value emit::powerOfTwo(Emitter &e, Value x) {
  if (e.machine.exp2) {
    return math::Exp2Op::create(e.b, x);
  }
  // x = n + r with n whole and |r| <= 1/2; adding 1.5 * 2^23 rounds, and leaves n in the low bits. A NaN stays one.
  constexpr double lowest = -125, rounder = 12582912;
  Value limit = numbers(e, lowest, x);
  x = e.select(arith::CmpFOp::create(e.b, arith::CmpFPredicate::OLT, x, limit), limit, x);
  Value shifted = e.addf(x, numbers(e, rounder, x)), r = e.subf(x, e.subf(shifted, numbers(e, rounder, x)));
  // Least relative error over [-1/2, 1/2] among polynomials that are 1 at 0: 1e-7.
  Value p = polynomial(e, r, {0.00132647273, 0.00967151299, 0.05550733581, 0.24022242427, 0.69314700365, 1.0});
  Type bits = e.b.getI32Type();
  TypedAttr places = e.b.getI32IntegerAttr(23);
  if (auto vector = dyn_cast<VectorType>(x.getType())) {
    bits = vector.clone(bits);
    places = DenseElementsAttr::get(cast<VectorType>(bits), places);
  }
  auto asBits = [&](Value v) { return arith::BitcastOp::create(e.b, bits, v).getResult(); };
  Value exponent = arith::ShLIOp::create(e.b, asBits(shifted), arith::ConstantOp::create(e.b, places));
  return arith::BitcastOp::create(e.b, x.getType(), arith::AddIOp::create(e.b, asBits(p), exponent));
}

Value StepLimits::clamp(Emitter &e, Value step) const {
  if (least > 0) {
    step = arith::MaximumFOp::create(e.b, step, numbers(e, least, step));
  }
  return std::isfinite(most) ? arith::MinimumFOp::create(e.b, step, numbers(e, most, step)).getResult() : step;
}

Value StepLimits::inside(Emitter &e, Value step, Value number) const {
  auto keep = [&](arith::CmpFPredicate predicate, double limit) {
    Value holds = arith::CmpFOp::create(e.b, predicate, step, numbers(e, limit, step));
    number = e.select(holds, number, numbers(e, 0, number));
  };
  if (least > 0) {
    keep(arith::CmpFPredicate::OGE, least);
  }
  if (std::isfinite(most)) {
    keep(arith::CmpFPredicate::OLE, most);
  }
  return number;
}
