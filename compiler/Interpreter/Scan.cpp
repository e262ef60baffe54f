// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formulas of dialects/MBLM/IR/MBLMScanOps.td, with the user's scalar code evaluated op by op.
#include "compiler/Interpreter/Evaluate.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::interpreter;

using Numbers = std::vector<double>;

static double evaluateScalar(Operation *op, llvm::function_ref<double(unsigned)> in) {
  return llvm::TypeSwitch<Operation *, double>(op)
      .Case([](arith::ConstantOp constant) {
        auto value = dyn_cast<FloatAttr>(constant.getValue());
        return value ? value.getValueAsDouble() : double(cast<IntegerAttr>(constant.getValue()).getValue().getBoolValue());
      })
      .Case([&](arith::CmpFOp compare) {
        return double(arith::applyCmpPredicate(compare.getPredicate(), llvm::APFloat(in(0)), llvm::APFloat(in(1))));
      })
      .Case([&](arith::SelectOp) { return in(0) != 0 ? in(1) : in(2); })
      .Case([&](arith::AddFOp) { return in(0) + in(1); })
      .Case([&](arith::SubFOp) { return in(0) - in(1); })
      .Case([&](arith::MulFOp) { return in(0) * in(1); })
      .Case([&](arith::DivFOp) { return in(0) / in(1); })
      .Case([&](arith::NegFOp) { return -in(0); })
      .Case([&](arith::MaximumFOp) { return std::max(in(0), in(1)); })
      .Case([&](arith::MinimumFOp) { return std::min(in(0), in(1)); })
      .Case([&](math::ExpOp) { return std::exp(in(0)); })
      .Case([&](math::LogOp) { return std::log(in(0)); })
      .Case([&](math::TanhOp) { return std::tanh(in(0)); })
      .Case([&](math::SqrtOp) { return std::sqrt(in(0)); });
}

static Numbers evaluate(Block &body, const Numbers &arguments) {
  llvm::DenseMap<Value, double> values;
  for (auto [argument, number] : llvm::zip_equal(body.getArguments(), arguments)) {
    values[argument] = number;
  }
  for (Operation &op : body.without_terminator()) {
    double result = evaluateScalar(&op, [&](unsigned n) { return values.lookup(op.getOperand(n)); });
    values[op.getResult(0)] = result;
  }
  Numbers yields;
  for (Value value : body.getTerminator()->getOperands()) {
    yields.push_back(values.lookup(value));
  }
  return yields;
}

// The element at (k, t, c) of `count` operands from `first` on, behind `numbers`.
static void append(Numbers &numbers, const Frame &frame, unsigned first, unsigned count, int64_t k, int64_t t, int64_t c) {
  for (unsigned n = first; n < first + count; ++n) {
    numbers.push_back(frame.operand(n).row(k, t)[c]);
  }
}

// Calls `visit(k, c)` for each chain of positions.
static void forChains(const Tensor &like, llvm::function_ref<void(int64_t, int64_t)> visit) {
  for (int64_t k = 0; k < like.shape[0]; ++k) {
    for (int64_t c = 0; c < like.shape[2]; ++c) {
      visit(k, c);
    }
  }
}

static void evaluate(ScanOp op, Frame &frame) {
  unsigned n = op.getInputs().size();
  for (unsigned i = 0; i < n; ++i) {
    frame.result(frame.operand(0));
  }
  forChains(frame.operand(0), [&](int64_t k, int64_t c) {
    Numbers state;
    for (int64_t t = 0; t < frame.operand(0).shape[1]; ++t) {
      append(state, frame, 0, n, k, t, c);
      state = t == 0 ? state : evaluate(op.getCombine().front(), state);
      for (unsigned i = 0; i < n; ++i) {
        frame.results[i].row(k, t)[c] = state[i];
      }
    }
  });
}

static void evaluate(ScanGradOp op, Frame &frame) {
  unsigned n = op.getInputs().size();
  for (unsigned i = 0; i < n; ++i) {
    frame.result(frame.operand(0));
  }
  forChains(frame.operand(0), [&](int64_t k, int64_t c) {
    Numbers carried(n, 0.0);
    for (int64_t t = frame.operand(0).shape[1] - 1; t >= 0; --t) {
      Numbers right(n);
      for (unsigned i = 0; i < n; ++i) {
        right[i] = frame.operand(i).row(k, t)[c] + carried[i]; // l[t]
      }
      if (t > 0) {
        Numbers arguments;
        append(arguments, frame, n, n, k, t - 1, c);
        append(arguments, frame, 2 * n, n, k, t, c);
        arguments.insert(arguments.end(), right.begin(), right.end());
        Numbers grads = evaluate(op.getVjp().front(), arguments);
        carried.assign(grads.begin(), grads.begin() + n);
        right.assign(grads.begin() + n, grads.end());
      }
      for (unsigned i = 0; i < n; ++i) {
        frame.results[i].row(k, t)[c] = right[i];
      }
    }
  });
}

bool mblm::interpreter::evaluateScan(Frame &frame) {
  return llvm::TypeSwitch<Operation *, bool>(frame.op)
      .Case<ScanOp, ScanGradOp>([&](auto op) {
        evaluate(op, frame);
        return true;
      })
      .Default(false);
}
