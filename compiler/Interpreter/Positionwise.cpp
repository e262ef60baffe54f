// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formulas of dialects/MBLM/IR/MBLMPositionwiseOps.td.
#include "compiler/Interpreter/Evaluate.h"
#include "runtime/Support/Error.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::interpreter;

// The table row that id [k, n] names.
static int64_t tableRow(const Tensor &ids, int64_t k, int64_t n, int64_t rows) {
  int32_t id = ids.i[k * ids.shape[1] + n];
  if (id < 0 || id >= rows) {
    throw Error(Exit::BadInput,
                llvm::formatv("id {0} at position {1} of sequence {2}: expected one in [0, {3})", id, n, k, rows));
  }
  return id;
}

static void evaluate(EmbedOp op, Frame &frame) {
  const Tensor &ids = frame.operand(0), &table = frame.operand(1);
  int64_t bytes = op.getBytes(), width = table.shape[1];
  Tensor &out = frame.result({ids.shape[0], ids.shape[1] / bytes, bytes * width});
  for (int64_t k = 0; k < out.shape[0]; ++k) {
    for (int64_t t = 0; t < out.shape[1]; ++t) {
      for (int64_t j = 0; j < bytes; ++j) {
        std::copy_n(table.row(tableRow(ids, k, t * bytes + j, table.shape[0])), width, out.row(k, t) + j * width);
      }
    }
  }
}

static void evaluate(EmbedGradOp op, Frame &frame) {
  const Tensor &ids = frame.operand(0), &grad = frame.operand(1);
  int64_t bytes = op.getBytes();
  Tensor &out = frame.result(frame.staticShape(0));
  int64_t width = out.shape[1];
  for (int64_t k = 0; k < grad.shape[0]; ++k) {
    for (int64_t t = 0; t < grad.shape[1]; ++t) {
      for (int64_t j = 0; j < bytes; ++j) {
        int64_t row = tableRow(ids, k, t * bytes + j, out.shape[0]);
        if (op.getSkip() && row == static_cast<int64_t>(*op.getSkip())) {
          continue;
        }
        for (int64_t d = 0; d < width; ++d) {
          out.row(row)[d] += grad.row(k, t)[j * width + d];
        }
      }
    }
  }
}

static void evaluate(EmbedBagOp op, Frame &frame) {
  const Tensor &ids = frame.operand(0), &table = frame.operand(1);
  int64_t bag = op.getBag();
  Tensor &out = frame.result({ids.shape[0], ids.shape[1] / bag, table.shape[1]});
  for (int64_t k = 0; k < out.shape[0]; ++k) {
    for (int64_t t = 0; t < out.shape[1]; ++t) {
      for (int64_t j = 0; j < bag; ++j) {
        const double *row = table.row(tableRow(ids, k, t * bag + j, table.shape[0]));
        for (int64_t d = 0; d < out.shape[2]; ++d) {
          out.row(k, t)[d] += row[d];
        }
      }
    }
  }
}

static void evaluate(EmbedBagGradOp op, Frame &frame) {
  const Tensor &ids = frame.operand(0), &grad = frame.operand(1);
  int64_t bag = op.getBag();
  Tensor &out = frame.result(frame.staticShape(0));
  for (int64_t k = 0; k < grad.shape[0]; ++k) {
    for (int64_t n = 0; n < ids.shape[1]; ++n) {
      double *row = out.row(tableRow(ids, k, n, out.shape[0]));
      for (int64_t d = 0; d < out.shape[1]; ++d) {
        row[d] += grad.row(k, n / bag)[d];
      }
    }
  }
}

static void evaluate(PositionOp op, Frame &frame) {
  const Tensor &in = frame.operand(0), &table = frame.operand(1);
  int64_t first = op.getOrigin() ? frame.sizes.position + *op.getOrigin() : 0;
  if (first + in.shape[1] > table.shape[0]) {
    throw Error(Exit::BadInput, llvm::formatv("{0} positions: expected no more than the {1} rows of the position table",
                                              first + in.shape[1], table.shape[0]));
  }
  Tensor &out = frame.result(in);
  for (int64_t k = 0; k < in.shape[0]; ++k) {
    for (int64_t t = 0; t < in.shape[1]; ++t) {
      for (int64_t c = 0; c < in.shape[2]; ++c) {
        out.row(k, t)[c] = in.row(k, t)[c] + table.row(first + t)[c];
      }
    }
  }
}

static void evaluate(LinearOp op, Frame &frame) {
  const Tensor &in = frame.operand(0), &weight = frame.operand(1);
  bool transposed = op.getTransposed();
  int64_t reduced = in.shape[2], width = weight.shape[transposed ? 1 : 0];
  // Where weight[n, c] is: n * nStride + c * cStride.
  int64_t nStride = transposed ? 1 : reduced, cStride = transposed ? width : 1;
  Tensor &out = frame.result({in.shape[0], in.shape[1], width});
  for (int64_t k = 0; k < in.shape[0]; ++k) {
    for (int64_t t = 0; t < in.shape[1]; ++t) {
      const double *x = in.row(k, t);
      for (int64_t n = 0; n < width; ++n) {
        const double *w = weight.f.data() + n * nStride;
        double sum = 0;
        for (int64_t c = 0; c < reduced; ++c) {
          sum += x[c] * w[c * cStride];
        }
        out.row(k, t)[n] = op.getBias() ? sum + frame.operand(2).f[n] : sum;
      }
    }
  }
}

static void evaluate(WeightGradOp op, Frame &frame) {
  const Tensor &grad = frame.operand(0), &in = frame.operand(1);
  Tensor &out = frame.result({grad.shape[2], in.shape[2]});
  for (int64_t k = 0; k < grad.shape[0]; ++k) {
    for (int64_t t = 0; t < grad.shape[1]; ++t) {
      for (int64_t n = 0; n < grad.shape[2]; ++n) {
        for (int64_t c = 0; c < in.shape[2]; ++c) {
          out.row(n)[c] += grad.row(k, t)[n] * in.row(k, t)[c];
        }
      }
    }
  }
}

namespace {

// One position's features, or a group of them, before gain and bias: xh = (x - mean) * factor.
struct NormalisedRow {
  std::vector<double> xh;
  double factor;
  bool clamped = false; // rms_clamp gave eps instead of the root mean square

  NormalisedRow(const double *x, int64_t width, NormKind kind, double eps) : xh(width) {
    double mean = 0, squares = 0;
    for (int64_t c = 0; c < width && kind == NormKind::Layer; ++c) {
      mean += x[c] / width;
    }
    for (int64_t c = 0; c < width; ++c) {
      squares += (x[c] - mean) * (x[c] - mean);
    }
    if (kind == NormKind::RmsClamp) {
      double root = std::sqrt(squares) * std::pow(width, -0.5);
      clamped = root < eps;
      factor = 1 / std::max(root, eps);
    } else {
      factor = 1 / std::sqrt(squares / width + eps);
    }
    for (int64_t c = 0; c < width; ++c) {
      xh[c] = (x[c] - mean) * factor;
    }
  }
};

} // namespace

static void evaluate(NormOp op, Frame &frame) {
  const Tensor &in = frame.operand(0), &gain = frame.operand(1);
  int64_t width = in.shape[2] / static_cast<int64_t>(op.getGroups()); // of a group
  Tensor &out = frame.result(in);
  for (int64_t k = 0; k < in.shape[0]; ++k) {
    for (int64_t t = 0; t < in.shape[1]; ++t) {
      for (int64_t from = 0; from < in.shape[2]; from += width) {
        NormalisedRow row(in.row(k, t) + from, width, op.getKind(), op.getEps().convertToDouble());
        for (int64_t c = 0; c < width; ++c) {
          double bias = op.getBias() ? frame.operand(2).f[from + c] : 0.0;
          out.row(k, t)[from + c] = row.xh[c] * gain.f[from + c] + bias;
        }
      }
    }
  }
}

static void evaluate(NormGradOp op, Frame &frame) {
  const Tensor &grad = frame.operand(0), &in = frame.operand(1), &gain = frame.operand(2);
  int64_t width = in.shape[2] / static_cast<int64_t>(op.getGroups()); // of a group
  Tensor &inputGrad = frame.result(in), &gainGrad = frame.result(gain);
  Tensor *biasGrad = op.getBiasGrad() ? &frame.result(gain) : nullptr;
  for (int64_t k = 0; k < in.shape[0]; ++k) {
    for (int64_t t = 0; t < in.shape[1]; ++t) {
      for (int64_t from = 0; from < in.shape[2]; from += width) {
        NormalisedRow row(in.row(k, t) + from, width, op.getKind(), op.getEps().convertToDouble());
        const double *g = grad.row(k, t) + from, *gains = gain.f.data() + from;
        double mean = 0, product = 0; // means of gg and of gg * xh
        for (int64_t c = 0; c < width; ++c) {
          mean += g[c] * gains[c] / width;
          product += g[c] * gains[c] * row.xh[c] / width;
          gainGrad.f[from + c] += g[c] * row.xh[c];
          if (biasGrad) {
            biasGrad->f[from + c] += g[c];
          }
        }
        for (int64_t c = 0; c < width; ++c) {
          double value = g[c] * gains[c];
          if (op.getKind() == NormKind::Layer) {
            value -= mean;
          }
          if (!row.clamped) {
            value -= row.xh[c] * product;
          }
          inputGrad.row(k, t)[from + c] = row.factor * value;
        }
      }
    }
  }
}

// sqrt(2 / pi) and the cubic coefficient of gelu_tanh; 1 / sqrt 2 for gelu.
static const double tanhScale = std::sqrt(2 / M_PI), cubic = 0.044715, halfRoot = std::sqrt(0.5);

static double activate(ActivationKind kind, double x) {
  switch (kind) {
  case ActivationKind::Gelu:
    return x / 2 * (1 + std::erf(x * halfRoot));
  case ActivationKind::GeluTanh:
    return x / 2 * (1 + std::tanh(tanhScale * (x + cubic * x * x * x)));
  case ActivationKind::Silu:
    return x / (1 + std::exp(-x));
  }
  llvm_unreachable("every kind has a formula");
}

static double activationSlope(ActivationKind kind, double x) {
  switch (kind) {
  case ActivationKind::Gelu:
    return 0.5 * (1 + std::erf(x * halfRoot)) + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
  case ActivationKind::GeluTanh: {
    double th = std::tanh(tanhScale * (x + cubic * x * x * x));
    return 0.5 * (1 + th) + x / 2 * (1 - th * th) * tanhScale * (1 + 3 * cubic * x * x);
  }
  case ActivationKind::Silu: {
    double s = 1 / (1 + std::exp(-x));
    return s * (1 + x * (1 - s));
  }
  }
  llvm_unreachable("every kind has a slope");
}

static void evaluate(ActivationOp op, Frame &frame) {
  const Tensor &in = frame.operand(0);
  Tensor &out = frame.result(in);
  for (size_t n = 0; n < in.f.size(); ++n) {
    out.f[n] = activate(op.getKind(), in.f[n]);
  }
}

static void evaluate(ActivationGradOp op, Frame &frame) {
  const Tensor &grad = frame.operand(0), &in = frame.operand(1);
  Tensor &out = frame.result(in);
  for (size_t n = 0; n < in.f.size(); ++n) {
    out.f[n] = grad.f[n] * activationSlope(op.getKind(), in.f[n]);
  }
}

static void evaluate(DropoutOp op, Frame &frame) {
  const Tensor &in = frame.operand(0), &key = frame.operand(1);
  Tensor &out = frame.result(in);
  double rate = op.getRate().convertToDouble();
  int64_t width = in.shape[2];
  for (int64_t row = 0; row < in.shape[0] * in.shape[1]; ++row) {
    for (int64_t c = 0; c < width; ++c) {
      out.f[row * width + c] = in.f[row * width + c] * dropoutFactor(key, rate, op.getSite(), row, c, width);
    }
  }
}

static void evaluate(AddOp op, Frame &frame) {
  const Tensor &lhs = frame.operand(0), &rhs = frame.operand(1);
  Tensor &out = frame.result(lhs);
  for (size_t n = 0; n < lhs.f.size(); ++n) {
    out.f[n] = lhs.f[n] + rhs.f[n];
  }
}

static void evaluate(MultiplyOp op, Frame &frame) {
  const Tensor &lhs = frame.operand(0), &rhs = frame.operand(1);
  Tensor &out = frame.result(lhs);
  for (size_t n = 0; n < lhs.f.size(); ++n) {
    out.f[n] = lhs.f[n] * rhs.f[n];
  }
}

static void evaluate(ReduceOp op, Frame &frame) {
  const Tensor &in = frame.operand(0);
  Tensor &out = frame.result(frame.staticShape(0));
  for (int64_t k = 0; k < in.shape[0]; ++k) {
    int64_t positions = op.getOver() == ReduceOver::Starts ? 1 : in.shape[1];
    for (int64_t t = 0; t < positions; ++t) {
      double *sum = op.getOver() == ReduceOver::Batch ? out.row(t) : out.f.data();
      for (int64_t c = 0; c < in.shape[2]; ++c) {
        sum[c] += in.row(k, t)[c];
      }
    }
  }
}

bool mblm::interpreter::evaluatePositionwise(Frame &frame) {
  return llvm::TypeSwitch<Operation *, bool>(frame.op)
      .Case<EmbedOp, EmbedGradOp, EmbedBagOp, EmbedBagGradOp, PositionOp, LinearOp, WeightGradOp, NormOp, NormGradOp, ActivationOp,
            ActivationGradOp, DropoutOp, AddOp, MultiplyOp, ReduceOp>([&](auto op) {
        evaluate(op, frame);
        return true;
      })
      .Default(false);
}
