// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formulas of dialects/MBLM/IR/MBLMDecodingOps.td.
#include "compiler/Interpreter/State.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::interpreter;

// The sequence's position that position t of a call is.
static int64_t positionOf(std::optional<int64_t> origin, int64_t t, const Frame &frame) {
  return origin ? frame.sizes.position + *origin + t : t;
}

static void evaluate(GetStateOp op, Frame &frame) {
  auto state = frame.symbols.lookup<StateOp>(op.getState());
  auto type = cast<RankedTensorType>(state.getType());
  int64_t positions = type.isDynamicDim(1) ? frame.sizes.slots + static_cast<int64_t>(state.getMore()) : type.getDimSize(1);
  // Only the shape: ops find the elements in the store.
  frame.results.push_back({{frame.sizes.batch, positions, type.getDimSize(2)}, {}, {}});
}

static void evaluate(ReadOp op, Frame &frame) {
  State state(op.getState(), frame);
  Tensor &out = frame.result({frame.sizes.batch, frame.staticSize(0, 1), state.width});
  for (int64_t k = 0; k < out.shape[0]; ++k) {
    for (int64_t t = 0; t < out.shape[1]; ++t) {
      std::copy_n(state.row(k, positionOf(op.getOrigin(), t, frame)), state.width, out.row(k, t));
    }
  }
}

static void evaluate(WriteOp op, Frame &frame) {
  State state(op.getState(), frame);
  const Tensor &value = frame.operand(1);
  for (int64_t k = 0; k < value.shape[0]; ++k) {
    for (int64_t t = std::max<int64_t>(0, value.shape[1] - state.positions); t < value.shape[1]; ++t) {
      std::copy_n(value.row(k, t), state.width, state.row(k, positionOf(op.getOrigin(), t, frame)));
    }
  }
}

static void evaluate(RecallOp op, Frame &frame) {
  State state(op.getState(), frame);
  const Tensor &in = frame.operand(1);
  int64_t n = state.positions;
  Tensor &out = frame.result({in.shape[0], n + in.shape[1], state.width});
  for (int64_t k = 0; k < out.shape[0]; ++k) {
    for (int64_t j = 0; j < out.shape[1]; ++j) {
      int64_t q = frame.sizes.position + j - n;
      if (j >= n) {
        std::copy_n(in.row(k, j - n), state.width, out.row(k, j));
      } else if (q >= 0) {
        std::copy_n(state.row(k, q), state.width, out.row(k, j));
      }
    }
  }
}

static void evaluate(CachedAttentionOp op, Frame &frame) {
  const Tensor &query = frame.operand(0);
  State key(op.getKey(), frame), value(op.getValue(), frame);
  int64_t heads = op.getHeads(), width = query.shape[2] / heads;
  double scale = op.getScale().convertToDouble();
  Tensor &out = frame.result(query);
  for (int64_t k = 0; k < query.shape[0]; ++k) {
    for (int64_t t = 0; t < query.shape[1]; ++t) {
      int64_t i = frame.sizes.position + t, first = op.getBlock() ? i - i % static_cast<int64_t>(*op.getBlock()) : 0;
      for (int64_t h = 0; h < heads; ++h) {
        std::vector<double> scores;
        for (int64_t j = first; j <= i; ++j) {
          double sum = 0;
          for (int64_t c = h * width; c < (h + 1) * width; ++c) {
            sum += query.row(k, t)[c] * key.row(k, j)[c];
          }
          scores.push_back(scale * sum);
        }
        double largest = *std::max_element(scores.begin(), scores.end()), total = 0;
        for (double score : scores) {
          total += std::exp(score - largest);
        }
        for (int64_t j = first; j <= i; ++j) {
          double p = std::exp(scores[j - first] - largest) / total;
          for (int64_t c = h * width; c < (h + 1) * width; ++c) {
            out.row(k, t)[c] += p * value.row(k, j)[c];
          }
        }
      }
    }
  }
}

bool mblm::interpreter::evaluateDecoding(Frame &frame) {
  return llvm::TypeSwitch<Operation *, bool>(frame.op)
      .Case<GetStateOp, ReadOp, WriteOp, RecallOp, CachedAttentionOp>([&](auto op) {
        evaluate(op, frame);
        return true;
      })
      .Default(false);
}
