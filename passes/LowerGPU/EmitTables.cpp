// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small tensors that other kernels look things up in.
#include "passes/LowerGPU/Kernels.h"
#include "runtime/Support/Dropout.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

//===----------------------------------------------------------------------===//
// Rotation tables
//===----------------------------------------------------------------------===//

namespace {
// Sine and cosine in f64, for angles below 2^30: reduced by multiples of pi/2 in two steps, then Taylor series, whose first
// terms left out are below 1e-19.
class Circle {
public:
  explicit Circle(ThreadEmitter &e) : e(e) {}

  std::pair<Value, Value> sinCos(Value angle) {
    Value quarters = math::RoundEvenOp::create(e.b, mul(angle, number(2 / M_PI)));
    Value minus = arith::NegFOp::create(e.b, quarters);
    Value r = fma(minus, number(6.123233995736766e-17), fma(minus, number(M_PI_2), angle));
    Value square = mul(r, r);
    Value sine = mul(r, series(square, 1)), cosine = series(square, 0);
    Value turn = arith::FPToSIOp::create(e.b, e.b.getI64Type(), quarters);
    auto bit = [&](int64_t n) {
      Value masked = arith::AndIOp::create(e.b, turn, integer(n));
      return arith::CmpIOp::create(e.b, arith::CmpIPredicate::ne, masked, integer(0)).getResult();
    };
    Value odd = bit(1);
    Value s = e.select(odd, cosine, sine), c = e.select(odd, sine, cosine);
    Value next = arith::XOrIOp::create(e.b, odd, bit(2)); // the cosine changes its sign a quarter before
    return {e.select(bit(2), arith::NegFOp::create(e.b, s), s), e.select(next, arith::NegFOp::create(e.b, c), c)};
  }

private:
  Value number(double x) { return arith::ConstantOp::create(e.b, e.b.getF64FloatAttr(x)); }
  Value integer(int64_t n) { return arith::ConstantOp::create(e.b, e.b.getI64IntegerAttr(n)); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(e.b, x, y); }
  Value fma(Value x, Value y, Value z) { return math::FmaOp::create(e.b, x, y, z); }
  // 1/first! - x/(first+2)! + x^2/(first+4)! - ...
  Value series(Value x, int64_t first) {
    Value sum;
    for (int64_t n = 9; n >= 0; --n) {
      double term = (n % 2 ? -1 : 1) / std::tgamma(2 * n + first + 1.0);
      sum = sum ? fma(sum, x, number(term)) : number(term);
    }
    return sum;
  }

  ThreadEmitter &e;
};
} // namespace

void cuda::emitRopeTable(KernelWriter &writer, kernel::RopeTableOp op) {
  // A thread has one angle.
  int64_t width = op.getWidth(), half = width / 2;
  bool split = op.getPairing() == Pairing::HalfSplit;
  double base = op.getBase().convertToDouble();
  SymbolicDim positions = op.getSpace().getPositions();
  writer.step(op.getLoc(), 1, {scaled(positions, half), blockThreads}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value number = e.add(e.mul(e.blockX, blockThreads), e.thread);
    e.when(e.less(number, e.mul(e.form(positions), half)), [&] {
      Value t = e.div(number, half), i = e.rem(number, e.index(half));
      // The frequencies are rounded to f32 as in the references.
      Value frequency = e.number(0);
      for (int64_t n = 0; n < half; ++n) {
        Value constant = e.number(1.0f / static_cast<float>(std::pow(base, 2.0 * n / width)));
        frequency = e.select(e.equal(i, e.index(n)), constant, frequency);
      }
      Value place = op.getOrigin() ? e.add(e.add(t, e.position), *op.getOrigin()) : t;
      Value angle = e.mulf(arith::SIToFPOp::create(e.b, e.f32(), e.i64(place)), frequency);
      auto [sine, cosine] = Circle(e).sinCos(arith::ExtFOp::create(e.b, e.b.getF64Type(), angle));
      Value c = arith::TruncFOp::create(e.b, e.f32(), cosine), n = arith::TruncFOp::create(e.b, e.f32(), sine);
      Value row = e.at(s.pointers[0], e.mul(t, split ? width : 2 * width));
      auto put = [&](Value x, Value column) { e.store(x, e.at(row, column)); };
      if (split) {
        put(c, i);
        put(n, e.add(i, half));
      } else {
        Value pair = e.mul(i, 2);
        put(c, pair);
        put(c, e.add(pair, 1));
        put(arith::NegFOp::create(e.b, n), e.add(pair, width));
        put(n, e.add(pair, width + 1));
      }
    });
  });
}

//===----------------------------------------------------------------------===//
// Dropout keys
//===----------------------------------------------------------------------===//

void cuda::emitDropoutKey(KernelWriter &writer, kernel::DropoutKeyOp op) {
  writer.step(op.getLoc(), 2, {SymbolicDim::constant(1)}, warpSize, [&](KernelWriter::Step &s) {
    s.e.when(s.e.equal(s.e.thread, s.e.index(0)), [&] { writeDropoutKey(s.e, op, s.pointers[0], s.pointers[1]); });
  });
}
