// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formulas of dialects/MBLM/IR/MBLMTrainingOps.td.
#include "compiler/Interpreter/Evaluate.h"
#include "runtime/Support/Error.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mblm;
using namespace mblm::interpreter;

// The byte that row [b, t] predicts; absent where it is `ignore`.
template <typename Op>
static std::optional<int64_t> target(Op op, const Tensor &ids, int64_t b, int64_t t) {
  int64_t y = ids.i[b * ids.shape[1] + t + op.getOffset()];
  return op.getIgnore() && y == static_cast<int64_t>(*op.getIgnore()) ? std::nullopt : std::optional<int64_t>(y);
}

static void checkTarget(int64_t y, int64_t vocab) {
  if (y < 0 || y >= vocab) {
    throw Error(Exit::BadInput, llvm::formatv("target id {0}: expected one in [0, {1})", y, vocab));
  }
}

static void evaluate(CrossEntropyOp op, Frame &frame) {
  const Tensor &logits = frame.operand(0), &ids = frame.operand(1);
  int64_t vocab = logits.shape[2];
  Tensor &loss = frame.result({logits.shape[0], logits.shape[1]}), &lse = frame.result(loss.shape);
  for (int64_t b = 0; b < logits.shape[0]; ++b) {
    for (int64_t t = 0; t < logits.shape[1]; ++t) {
      const double *row = logits.row(b, t);
      double largest = *std::max_element(row, row + vocab), sum = 0;
      for (int64_t v = 0; v < vocab; ++v) {
        sum += std::exp(row[v] - largest);
      }
      lse.row(b)[t] = largest + std::log(sum);
      if (auto y = target(op, ids, b, t)) {
        checkTarget(*y, vocab);
        loss.row(b)[t] = lse.row(b)[t] - row[*y];
      }
    }
  }
}

static void evaluate(CrossEntropyGradOp op, Frame &frame) {
  const Tensor &grad = frame.operand(0), &logits = frame.operand(1), &lse = frame.operand(2), &ids = frame.operand(3);
  Tensor &out = frame.result(logits);
  for (int64_t b = 0; b < logits.shape[0]; ++b) {
    for (int64_t t = 0; t < logits.shape[1]; ++t) {
      auto y = target(op, ids, b, t);
      if (!y) {
        continue;
      }
      checkTarget(*y, logits.shape[2]);
      for (int64_t v = 0; v < logits.shape[2]; ++v) {
        double probability = std::exp(logits.row(b, t)[v] - lse.row(b)[t]);
        out.row(b, t)[v] = grad.row(b)[t] * (probability - (v == *y ? 1 : 0));
      }
    }
  }
}

static void evaluate(MeanLossOp op, Frame &frame) {
  const Tensor &tokenLoss = frame.operand(0), &mask = frame.operand(1), &ids = frame.operand(2);
  double sum = 0, count = 0;
  for (int64_t b = 0; b < tokenLoss.shape[0]; ++b) {
    for (int64_t t = 0; t < tokenLoss.shape[1]; ++t) {
      double w = mask.row(b)[t + op.getOffset()], weighted = tokenLoss.row(b)[t] * w;
      sum += weighted;
      switch (op.getKind()) {
      case LossKind::Nonzero:
        count += weighted != 0;
        break;
      case LossKind::Targets:
        count += w != 0 && target(op, ids, b, t);
        break;
      case LossKind::Weighted:
        count += w;
        break;
      }
    }
  }
  if (op.getKind() == LossKind::Weighted) {
    count += 1e-6;
  }
  double none = op.getKind() == LossKind::Nonzero ? 0 : std::numeric_limits<double>::quiet_NaN();
  frame.results = {Tensor::scalar(count == 0 ? none : sum / count), Tensor::scalar(sum), Tensor::scalar(count)};
}

static void evaluate(MeanLossGradOp op, Frame &frame) {
  double grad = frame.operand(0).f[0], count = frame.operand(1).f[0];
  const Tensor &mask = frame.operand(2);
  Tensor &out = frame.result({mask.shape[0], mask.shape[1] - static_cast<int64_t>(op.getOffset())});
  for (int64_t b = 0; b < out.shape[0] && count != 0; ++b) {
    for (int64_t t = 0; t < out.shape[1]; ++t) {
      out.row(b)[t] = grad * mask.row(b)[t + op.getOffset()] / count;
    }
  }
}

static void evaluate(UpdateOp op, Frame &frame) {
  const std::vector<double> &hyper = frame.operand(0).f, &decay = frame.operand(1).f;
  double lr = hyper[0], beta1 = hyper[1], beta2 = hyper[2], eps = hyper[3], weightDecay = hyper[4], clip = hyper[5];
  double step = hyper[6];
  bool decoupled = hyper[7] != 0;
  Stores &stores = frame.stores;

  auto declared = op->getParentOfType<ModuleOp>().getOps<ParameterOp>();
  // Calls `visit(element of the flat buffers, entry of decay)` for every element of every parameter.
  auto forEachElement = [&](auto visit) {
    for (auto [n, parameter] : llvm::enumerate(declared)) {
      int64_t size = cast<RankedTensorType>(parameter.getType()).getNumElements();
      for (int64_t e = parameter.getOffset(); e < static_cast<int64_t>(parameter.getOffset()) + size; ++e) {
        visit(e, decay[n]);
      }
    }
  };
  double squares = 0;
  forEachElement([&](int64_t e, double) { squares += stores.gradients[e] * stores.gradients[e]; });
  double norm = std::sqrt(squares);
  double factor = clip > 0 ? std::min(1.0, clip / (norm + 1e-6)) : 1.0;
  forEachElement([&](int64_t e, double d) {
    double &p = stores.parameters[e], &m = stores.firstMoment[e], &v = stores.secondMoment[e];
    double g = stores.gradients[e] * factor;
    if (decoupled) {
      p -= lr * weightDecay * d * p;
    } else {
      g += weightDecay * d * p;
    }
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    p -= lr / (1 - std::pow(beta1, step)) * m / (std::sqrt(v / (1 - std::pow(beta2, step))) + eps);
    stores.gradients[e] = 0;
  });
  frame.results.push_back(Tensor::scalar(norm));
}

bool mblm::interpreter::evaluateTraining(Frame &frame) {
  return llvm::TypeSwitch<Operation *, bool>(frame.op)
      .Case<CrossEntropyOp, CrossEntropyGradOp, MeanLossOp, MeanLossGradOp, UpdateOp>([&](auto op) {
        evaluate(op, frame);
        return true;
      })
      .Default(false);
}
