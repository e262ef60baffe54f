// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/interpreter/ScanCodes.h"

#include "dialects/MBLM/IR/MBLMOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace mblm::test;

namespace {
struct Code : ImplicitLocOpBuilder {
  Code(OpBuilder &builder, Block &block, unsigned arguments)
      : ImplicitLocOpBuilder(builder.getUnknownLoc(), builder.getContext()), block(block) {
    setInsertionPointToEnd(&block);
    for (unsigned n = 0; n < arguments; ++n) {
      block.addArgument(getF32Type(), getLoc());
    }
  }
  Value at(unsigned n) { return block.getArgument(n); }
  Value add(Value x, Value y) { return arith::AddFOp::create(*this, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(*this, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(*this, x, y); }
  Value max(Value x, Value y) { return arith::MaximumFOp::create(*this, x, y); }
  Value exp(Value x) { return math::ExpOp::create(*this, x); }
  Value number(float x) { return arith::ConstantOp::create(*this, getF32FloatAttr(x)); }
  void yield(ValueRange values) { mblm::YieldOp::create(*this, values); }

  Block &block;
};
} // namespace

void mblm::test::sumCode(OpBuilder &builder, Block &body) {
  Code c(builder, body, 2);
  c.yield(c.add(c.at(0), c.at(1)));
}

void mblm::test::maximumCode(OpBuilder &builder, Block &body) {
  Code c(builder, body, 2);
  c.yield(c.max(c.at(0), c.at(1)));
}

void mblm::test::recurrenceCode(OpBuilder &builder, Block &body) {
  Code c(builder, body, 4);
  Value decay = c.mul(c.at(0), c.at(2));
  c.yield({decay, c.add(c.mul(c.at(2), c.at(1)), c.at(3))});
}

// With the gradients (da, db): left (a_right da, a_right db), right (a_left da + b_left db, db).
void mblm::test::recurrenceVjpCode(OpBuilder &builder, Block &body) {
  Code c(builder, body, 6);
  Value decay = c.add(c.mul(c.at(0), c.at(4)), c.mul(c.at(1), c.at(5)));
  Value first = c.mul(c.at(2), c.at(4)), second = c.mul(c.at(2), c.at(5));
  c.yield({first, second, decay, c.at(5)});
}

void mblm::test::logSumExpCode(OpBuilder &builder, Block &body) {
  Code c(builder, body, 2);
  Value top = c.max(c.at(0), c.at(1));
  Value sum = c.add(c.exp(c.sub(c.at(0), top)), c.exp(c.sub(c.at(1), top)));
  c.yield(c.add(top, math::LogOp::create(c, sum)));
}

void mblm::test::everyOpCode(OpBuilder &builder, Block &body) {
  Code c(builder, body, 2);
  Value left = c.at(0), right = c.at(1), squared = c.mul(left, left);
  Value root = math::SqrtOp::create(c, c.add(squared, c.number(1)));
  Value quotient = arith::DivFOp::create(c, math::TanhOp::create(c, right), root);
  Value low = arith::MinimumFOp::create(c, arith::NegFOp::create(c, quotient), c.sub(left, right));
  Value positive = arith::CmpFOp::create(c, arith::CmpFPredicate::OGT, right, c.number(0));
  Value log = math::LogOp::create(c, c.add(squared, c.exp(right)));
  c.yield(c.add(c.max(low, right), arith::SelectOp::create(c, positive, log, left).getResult()));
}
