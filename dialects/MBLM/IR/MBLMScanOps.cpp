// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scans: verifiers, shapes, costs, time, and the vector-Jacobian product, which differentiates the user's scalar code.
#include "dialects/MBLM/IR/MBLMVerify.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mblm;

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

LogicalResult mblm::verifyScalarCode(Operation *op, StringRef name, Region &region, unsigned arguments, unsigned yields) {
  Block &body = region.front();
  // scan_c2, scan_grad_c2
  if (body.getNumArguments() != arguments) {
    return op->emitOpError("expects '") << name << "' to have " << arguments << " arguments, but got " << body.getNumArguments();
  }
  for (BlockArgument argument : body.getArguments()) {
    if (!argument.getType().isF32()) {
      return op->emitOpError("expects argument ") << argument.getArgNumber() << " of '" << name << "' to be f32, but got "
                                                  << argument.getType();
    }
  }
  // scan_c3, scan_grad_c3
  if (body.getTerminator()->getNumOperands() != yields) {
    return op->emitOpError("expects '") << name << "' to yield " << yields << " values, but got "
                                        << body.getTerminator()->getNumOperands();
  }
  // scan_c4, scan_grad_c4
  for (Operation &inner : body.without_terminator()) {
    if (!isa<arith::ConstantOp, arith::CmpFOp, arith::SelectOp, arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
             arith::NegFOp, arith::MaximumFOp, arith::MinimumFOp, math::ExpOp, math::LogOp, math::TanhOp, math::SqrtOp>(inner)) {
      return op->emitOpError("expects '") << name << "' to hold scalar arithmetic that has a derivative, but got "
                                          << inner.getName();
    }
  }
  return success();
}

// At least one of each, as many of each and of one type.
static LogicalResult verifyElements(Operation *op, ValueRange operands, ValueRange results, unsigned count) {
  if (count == 0) {
    return op->emitOpError("expects at least one input, but got none");
  }
  if (results.size() != count) {
    return op->emitOpError("expects as many results as inputs (") << count << "), but got " << results.size();
  }
  for (TypeRange types : {TypeRange(operands), TypeRange(results)}) {
    for (Type type : types) {
      if (type != operands[0].getType()) {
        return op->emitOpError("expects operands and results of one type (") << operands[0].getType() << "), but got " << type;
      }
    }
  }
  return expectStatic(op, operands[0], "input", 2);
}

LogicalResult ScanOp::verify() {
  unsigned n = getInputs().size();
  if (failed(verifyElements(*this, getOperands(), getResults(), n))) {
    return failure(); // scan_c1
  }
  return verifyScalarCode(*this, "combine", getCombine(), 2 * n, n);
}

LogicalResult ScanGradOp::verify() {
  unsigned n = getInputs().size();
  if (failed(verifyElements(*this, getOperands(), getInputGrads(), n))) {
    return failure(); // scan_grad_c1
  }
  return verifyScalarCode(*this, "vjp", getVjp(), 3 * n, 2 * n);
}

//===----------------------------------------------------------------------===//
// Shapes, costs, time
//===----------------------------------------------------------------------===//

LogicalResult ScanOp::inferSymbolicShapes(ArrayRef<SymbolicShape> operands, SmallVectorImpl<SymbolicShape> &results) {
  results.append(getNumResults(), operands[0]);
  return success();
}

LogicalResult ScanGradOp::inferSymbolicShapes(ArrayRef<SymbolicShape> operands, SmallVectorImpl<SymbolicShape> &results) {
  results.append(getNumResults(), operands[0]);
  return success();
}

// What the scalar code computes, once for each element but constants and selections.
static double scalarFlops(Region &region, ArrayRef<int64_t> shape) {
  double count = llvm::count_if(region.front().without_terminator(),
                                [](Operation &op) { return !isa<arith::ConstantOp, arith::SelectOp>(op); });
  for (int64_t size : shape) {
    count *= static_cast<double>(size);
  }
  return count;
}

double ScanOp::getFlops(ArrayRef<SmallVector<int64_t>> operands, ArrayRef<SmallVector<int64_t>>) {
  return scalarFlops(getCombine(), operands[0]);
}

double ScanGradOp::getFlops(ArrayRef<SmallVector<int64_t>> operands, ArrayRef<SmallVector<int64_t>>) {
  return scalarFlops(getVjp(), operands[0]);
}

TimeDependence ScanOp::getTimeDependence(unsigned) { return TimeDependence::Prefix; }
TimeDependence ScanGradOp::getTimeDependence(unsigned) { return TimeDependence::Later; }

//===----------------------------------------------------------------------===//
// Gradient
//===----------------------------------------------------------------------===//

namespace {
// Adjoints of scalar code, gathered from its end to its start.
class Adjoints {
public:
  Adjoints(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  void add(Value value, Value adjoint) {
    Value &sum = sums[value];
    sum = sum ? arith::AddFOp::create(b, loc, sum, adjoint).getResult() : adjoint;
  }
  Value of(Value value) { return sums.lookup(value); }
  void propagate(Operation &op);
  Value number(double x) { return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(static_cast<float>(x))); }

private:
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
  Value neg(Value x) { return arith::NegFOp::create(b, loc, x); }
  // The adjoint goes to `yes` where the condition holds, to `no` elsewhere.
  void choose(Value condition, Value yes, Value no, Value adjoint) {
    Value zero = number(0);
    add(yes, arith::SelectOp::create(b, loc, condition, adjoint, zero));
    add(no, arith::SelectOp::create(b, loc, condition, zero, adjoint));
  }
  void choose(arith::CmpFPredicate predicate, Value x, Value y, Value adjoint) {
    choose(arith::CmpFOp::create(b, loc, predicate, x, y), x, y, adjoint);
  }

  OpBuilder &b;
  Location loc;
  llvm::DenseMap<Value, Value> sums;
};
} // namespace

void Adjoints::propagate(Operation &op) {
  Value g = op.getNumResults() ? of(op.getResult(0)) : Value();
  if (!g) {
    return;
  }
  auto operand = [&](unsigned n) { return op.getOperand(n); };
  llvm::TypeSwitch<Operation *>(&op)
      .Case([&](arith::AddFOp) {
        add(operand(0), g);
        add(operand(1), g);
      })
      .Case([&](arith::SubFOp) {
        add(operand(0), g);
        add(operand(1), neg(g));
      })
      .Case([&](arith::MulFOp) {
        add(operand(0), mul(g, operand(1)));
        add(operand(1), mul(g, operand(0)));
      })
      .Case([&](arith::DivFOp quotient) {
        Value part = div(g, operand(1));
        add(operand(0), part);
        add(operand(1), neg(mul(part, quotient.getResult())));
      })
      .Case([&](arith::NegFOp) { add(operand(0), neg(g)); })
      .Case([&](arith::MaximumFOp) { choose(arith::CmpFPredicate::OGE, operand(0), operand(1), g); })
      .Case([&](arith::MinimumFOp) { choose(arith::CmpFPredicate::OLE, operand(0), operand(1), g); })
      .Case([&](arith::SelectOp) { choose(operand(0), operand(1), operand(2), g); })
      .Case([&](math::ExpOp exp) { add(operand(0), mul(g, exp.getResult())); })
      .Case([&](math::LogOp) { add(operand(0), div(g, operand(0))); })
      .Case([&](math::TanhOp tanh) {
        Value slope = arith::SubFOp::create(b, loc, number(1), mul(tanh.getResult(), tanh.getResult()));
        add(operand(0), mul(g, slope));
      })
      .Case([&](math::SqrtOp sqrt) { add(operand(0), div(mul(g, number(0.5)), sqrt.getResult())); });
}

LogicalResult ScanOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  unsigned n = getInputs().size();
  SmallVector<Value> grads(resultGrads);
  for (auto [number, grad] : llvm::enumerate(grads)) {
    if (!grad) {
      return emitOpError("needs a gradient for each result to have one itself, but nothing depends on result ") << number;
    }
  }
  auto gradient = ScanGradOp::create(builder, getLoc(), getInputs().getTypes(), grads, getResults(), getInputs());
  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&gradient.getVjp());
  Block &combine = getCombine().front();
  IRMapping map;
  SmallVector<Value> elements, cotangents;
  for (unsigned i = 0; i < 3 * n; ++i) {
    (i < 2 * n ? elements : cotangents).push_back(body->addArgument(builder.getF32Type(), getLoc()));
  }
  map.map(combine.getArguments(), elements);
  for (Operation &op : combine.without_terminator()) {
    builder.clone(op, map);
  }
  SmallVector<Operation *> forward = llvm::map_to_vector(*body, [](Operation &op) { return &op; });
  Adjoints adjoints(builder, getLoc());
  for (auto [value, cotangent] : llvm::zip(combine.getTerminator()->getOperands(), cotangents)) {
    adjoints.add(map.lookup(value), cotangent);
  }
  for (Operation *op : llvm::reverse(forward)) {
    adjoints.propagate(*op);
  }
  SmallVector<Value> yields;
  for (Value element : elements) {
    Value adjoint = adjoints.of(element);
    yields.push_back(adjoint ? adjoint : adjoints.number(0));
  }
  YieldOp::create(builder, getLoc(), yields);
  operandGrads.append(gradient->result_begin(), gradient->result_end());
  return success();
}
