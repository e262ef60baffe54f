// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formulas of dialects/MBLM/IR/MBLMSequenceOps.td.
#include "compiler/Interpreter/Evaluate.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mblm;
using namespace mblm::interpreter;

static void evaluate(TokenShiftOp op, Frame &frame) {
  const Tensor &in = frame.operand(0);
  int64_t positions = in.shape[1], width = in.shape[2], kept = (width + 1) / 2;
  Tensor &out = frame.result(in);
  for (int64_t k = 0; k < in.shape[0]; ++k) {
    for (int64_t t = 0; t < positions; ++t) {
      int64_t from = op.getReverse() ? t + 1 : t - 1;
      for (int64_t c = 0; c < width; ++c) {
        if (c < kept) {
          out.row(k, t)[c] = in.row(k, t)[c];
        } else if (from >= 0 && from < positions) {
          out.row(k, t)[c] = in.row(k, from)[c];
        }
      }
    }
  }
}

static void evaluate(RopeOp op, Frame &frame) {
  const Tensor &in = frame.operand(0);
  int64_t heads = op.getHeads(), width = in.shape[2] / heads, rotated = op.getRotated() ? op.getRotated() : width, half = rotated / 2;
  bool interleaved = op.getPairing() == Pairing::Interleaved;
  double base = op.getBase().convertToDouble();
  Tensor &out = frame.results.emplace_back(in);
  int64_t first = op.getOrigin() ? frame.sizes.position + *op.getOrigin() : 0;
  for (int64_t t = 0; t < in.shape[1]; ++t) {
    for (int64_t pair = 0; pair < half; ++pair) {
      // Frequency and angle are f32 numbers by definition; everything after them is not.
      float frequency = static_cast<float>(std::pow(base, -2.0 * pair / rotated));
      float angle = static_cast<float>(first + t) * frequency;
      double cosine = std::cos(static_cast<double>(angle));
      double sine = std::sin(static_cast<double>(angle)) * (op.getInverse() ? -1 : 1);
      int64_t first = interleaved ? 2 * pair : pair, second = interleaved ? 2 * pair + 1 : pair + half;
      for (int64_t k = 0; k < in.shape[0]; ++k) {
        for (int64_t h = 0; h < heads; ++h) {
          double x = in.row(k, t)[h * width + first], y = in.row(k, t)[h * width + second];
          out.row(k, t)[h * width + first] = x * cosine - y * sine;
          out.row(k, t)[h * width + second] = y * cosine + x * sine;
        }
      }
    }
  }
}

static void evaluate(HiddenKeysOp op, Frame &frame) {
  const Tensor &visible = frame.operand(0);
  int64_t bytes = op.getBytes(), positions = visible.shape[1] / bytes;
  std::vector<int32_t> hidden(visible.shape[0] * positions);
  for (size_t n = 0; n < hidden.size(); ++n) {
    auto first = visible.i.begin() + n * bytes, last = first + bytes;
    auto isVisible = [](int32_t byte) { return byte != 0; };
    hidden[n] = op.getAll() ? !std::all_of(first, last, isVisible) : std::none_of(first, last, isVisible);
  }
  frame.results.push_back(Tensor::ids({visible.shape[0], positions}, std::move(hidden)));
}

namespace {

// What the forward and the backward attention share: the mask's intervals and the scores.
struct Scores {
  const Tensor &query, &key;
  const Tensor *hidden = nullptr; // null: no key is
  int64_t heads, width; // features of a head
  double scale;
  MaskKind mask;
  int64_t block;

  template <typename Op>
  Scores(Op op, const Frame &frame, const Tensor &query, const Tensor &key)
      : query(query), key(key), heads(op.getHeads()), width(query.shape[2] / heads), scale(op.getScale().convertToDouble()),
        mask(op.getMask()), block(op.getBlock().value_or(1)) {
    if (op.getHidden()) { // behind it comes the dropout key alone
      hidden = frame.operands[frame.operands.size() - (op.getDropoutKey() ? 2 : 1)];
    }
  }

  int64_t firstKey(int64_t i) const { return mask == MaskKind::BlockCausal ? i - i % block : 0; }
  int64_t lastKey(int64_t i) const { return mask == MaskKind::Full ? query.shape[1] - 1 : i; }
  bool isHidden(int64_t k, int64_t j) const { return hidden && hidden->i[k * hidden->shape[1] + j] != 0; }
  bool allHidden(int64_t k) const {
    bool all = hidden != nullptr;
    for (int64_t j = 0; j < query.shape[1] && all; ++j) {
      all = isHidden(k, j);
    }
    return all;
  }
  // The positions that i sees.
  std::vector<int64_t> keys(int64_t k, int64_t i) const {
    std::vector<int64_t> seen;
    bool all = allHidden(k);
    for (int64_t j = firstKey(i); j <= lastKey(i); ++j) {
      if (all || !isHidden(k, j)) {
        seen.push_back(j);
      }
    }
    return seen;
  }
  double scaleIn(int64_t k) const { return allHidden(k) ? 0 : scale; }
  double operator()(int64_t k, int64_t h, int64_t i, int64_t j) const {
    const double *q = query.row(k, i) + h * width, *other = key.row(k, j) + h * width;
    double sum = 0;
    for (int64_t c = 0; c < width; ++c) {
      sum += q[c] * other[c];
    }
    return scaleIn(k) * sum;
  }
  // m[i, j]
  template <typename Op>
  double factor(Op op, const Frame &frame, int64_t k, int64_t h, int64_t i, int64_t j) const {
    if (!op.getDropoutKey()) {
      return 1;
    }
    int64_t length = query.shape[1];
    return dropoutFactor(*frame.operands.back(), op.getRate()->convertToDouble(), *op.getSite(),
                         (k * heads + h) * length + i, j, length);
  }
  // Calls `visit(k, h, i)` for each query.
  template <typename Visit>
  void forEachQuery(Visit visit) const {
    for (int64_t k = 0; k < query.shape[0]; ++k) {
      for (int64_t h = 0; h < heads; ++h) {
        for (int64_t i = 0; i < query.shape[1]; ++i) {
          visit(k, h, i);
        }
      }
    }
  }
};

} // namespace

static void evaluate(AttentionOp op, Frame &frame) {
  const Tensor &value = frame.operand(2);
  Scores scores(op, frame, frame.operand(0), frame.operand(1));
  int64_t width = scores.width;
  Tensor &out = frame.result(value);
  Tensor &lse = frame.result({value.shape[0], value.shape[1], scores.heads});
  scores.forEachQuery([&](int64_t k, int64_t h, int64_t i) {
    std::vector<int64_t> keys = scores.keys(k, i);
    std::vector<double> s;
    for (int64_t j : keys) {
      s.push_back(scores(k, h, i, j));
    }
    // The largest score is taken out so that no exponential overflows.
    double largest = *std::max_element(s.begin(), s.end()), sum = 0;
    for (double score : s) {
      sum += std::exp(score - largest);
    }
    double logSum = largest + std::log(sum);
    lse.row(k, i)[h] = logSum;
    for (size_t n = 0; n < s.size(); ++n) {
      int64_t j = keys[n];
      const double *v = value.row(k, j) + h * width;
      double p = std::exp(s[n] - logSum) * scores.factor(op, frame, k, h, i, j);
      for (int64_t c = 0; c < width; ++c) {
        out.row(k, i)[h * width + c] += p * v[c];
      }
    }
  });
}

static void evaluate(AttentionGradOp op, Frame &frame) {
  const Tensor &grad = frame.operand(0), &query = frame.operand(1), &key = frame.operand(2), &value = frame.operand(3);
  const Tensor &result = frame.operand(4), &lse = frame.operand(5);
  Scores scores(op, frame, query, key);
  int64_t width = scores.width;
  Tensor &queryGrad = frame.result(query), &keyGrad = frame.result(query), &valueGrad = frame.result(query);
  scores.forEachQuery([&](int64_t k, int64_t h, int64_t i) {
    int64_t head = h * width;
    const double *g = grad.row(k, i) + head;
    double weighted = 0; // D[i]
    for (int64_t c = 0; c < width; ++c) {
      weighted += g[c] * result.row(k, i)[head + c];
    }
    for (int64_t j : scores.keys(k, i)) {
      double p = std::exp(scores(k, h, i, j) - lse.row(k, i)[h]), m = scores.factor(op, frame, k, h, i, j), product = 0;
      for (int64_t c = 0; c < width; ++c) {
        product += g[c] * value.row(k, j)[head + c];
      }
      double ds = p * (m * product - weighted) * scores.scaleIn(k);
      for (int64_t c = head; c < head + width; ++c) {
        valueGrad.row(k, j)[c] += m * p * grad.row(k, i)[c];
        queryGrad.row(k, i)[c] += ds * key.row(k, j)[c];
        keyGrad.row(k, j)[c] += ds * query.row(k, i)[c];
      }
    }
  });
}

bool mblm::interpreter::evaluateSequence(Frame &frame) {
  return llvm::TypeSwitch<Operation *, bool>(frame.op)
      .Case<TokenShiftOp, RopeOp, HiddenKeysOp, AttentionOp, AttentionGradOp>([&](auto op) {
        evaluate(op, frame);
        return true;
      })
      .Default(false);
}
