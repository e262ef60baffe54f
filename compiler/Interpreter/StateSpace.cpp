// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formulas of dialects/MBLM/IR/MBLMStateSpaceOps.td. Gradients keep every state of the sequence at hand.
#include "compiler/Interpreter/State.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::interpreter;

static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
static double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

//===----------------------------------------------------------------------===//
// Convolution
//===----------------------------------------------------------------------===//

// The position that tap i of the convolution at t reads; outside [0, positions) there are zeros.
static int64_t tapPosition(int64_t t, int64_t i, int64_t taps, bool reverse) {
  return reverse ? t + taps - 1 - i : t - taps + 1 + i;
}

static void evaluate(CausalConvOp op, Frame &frame) {
  const Tensor &in = frame.operand(0), &weight = frame.operand(1);
  int64_t positions = in.shape[1], taps = weight.shape[1];
  Tensor &out = frame.result(in);
  for (int64_t k = 0; k < in.shape[0]; ++k) {
    for (int64_t t = 0; t < positions; ++t) {
      for (int64_t c = 0; c < in.shape[2]; ++c) {
        double sum = op.getBias() ? frame.operand(2).f[c] : 0;
        for (int64_t i = 0; i < taps; ++i) {
          int64_t from = tapPosition(t, i, taps, op.getReverse());
          sum += from >= 0 && from < positions ? weight.row(c)[i] * in.row(k, from)[c] : 0;
        }
        out.row(k, t)[c] = sum;
      }
    }
  }
}

static void evaluate(CausalConvWeightGradOp op, Frame &frame) {
  const Tensor &grad = frame.operand(0), &in = frame.operand(1);
  Tensor &out = frame.result(frame.staticShape(0));
  int64_t taps = out.shape[1];
  for (int64_t k = 0; k < in.shape[0]; ++k) {
    for (int64_t t = 0; t < in.shape[1]; ++t) {
      for (int64_t c = 0; c < in.shape[2]; ++c) {
        for (int64_t i = 0; i < taps; ++i) {
          int64_t from = tapPosition(t, i, taps, /*reverse=*/false);
          out.row(c)[i] += from >= 0 ? grad.row(k, t)[c] * in.row(k, from)[c] : 0;
        }
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// Selective scan
//===----------------------------------------------------------------------===//

namespace {

// The operands of mblm.selective_scan, whose first one is operand `first` of an op, and the recurrence of one sequence.
struct SelectiveScan {
  const Tensor &x, &delta, &aLog, &b, &c, &skip;
  const Tensor *gate;
  int64_t positions, features, states;
  Tensor h;                // [E, T, N], of one sequence
  const State *initial = nullptr; // of a step that goes on
  int64_t sequence = 0;

  SelectiveScan(const Frame &frame, unsigned first, bool gated)
      : x(frame.operand(first)), delta(frame.operand(first + 1)), aLog(frame.operand(first + 2)),
        b(frame.operand(first + 3)), c(frame.operand(first + 4)), skip(frame.operand(first + 5)),
        gate(gated ? &frame.operand(first + 6) : nullptr), positions(x.shape[1]), features(x.shape[2]),
        states(aLog.shape[1]), h(Tensor::floats({features, positions, states})) {}

  double step(int64_t k, int64_t t, int64_t e) const { return softplus(delta.row(k, t)[e]); }
  double a(int64_t e, int64_t n) const { return -std::exp(aLog.row(e)[n]); }
  double decay(int64_t k, int64_t t, int64_t e, int64_t n) const { return std::exp(step(k, t, e) * a(e, n)); }
  double before(int64_t e, int64_t t, int64_t n) const {
    return t > 0 ? h.row(e, t - 1)[n] : initial ? initial->row(sequence, n)[e] : 0;
  }

  void run(int64_t k) {
    sequence = k;
    for (int64_t e = 0; e < features; ++e) {
      for (int64_t t = 0; t < positions; ++t) {
        for (int64_t n = 0; n < states; ++n) {
          h.row(e, t)[n] = decay(k, t, e, n) * before(e, t, n) + step(k, t, e) * x.row(k, t)[e] * b.row(k, t)[n];
        }
      }
    }
  }
  // Before the gate.
  double output(int64_t k, int64_t t, int64_t e) const {
    double sum = skip.f[e] * x.row(k, t)[e];
    for (int64_t n = 0; n < states; ++n) {
      sum += h.row(e, t)[n] * c.row(k, t)[n];
    }
    return sum;
  }
};

} // namespace

static void run(SelectiveScan &scan, Tensor &out, State *state) {
  for (int64_t k = 0; k < scan.x.shape[0]; ++k) {
    scan.run(k);
    for (int64_t t = 0; t < scan.positions; ++t) {
      for (int64_t e = 0; e < scan.features; ++e) {
        double z = scan.gate ? scan.gate->row(k, t)[e] : 0;
        out.row(k, t)[e] = scan.output(k, t, e) * (scan.gate ? z * sigmoid(z) : 1);
      }
    }
    for (int64_t e = 0; state && e < scan.features; ++e) {
      for (int64_t n = 0; n < scan.states; ++n) {
        state->row(k, n)[e] = scan.h.row(e, scan.positions - 1)[n];
      }
    }
  }
}

static void evaluate(SelectiveScanOp op, Frame &frame) {
  SelectiveScan scan(frame, 0, bool(op.getGate()));
  run(scan, frame.result(scan.x), nullptr);
}

static void evaluate(SelectiveScanStepOp op, Frame &frame) {
  SelectiveScan scan(frame, 1, bool(op.getGate()));
  State state(op.getState(), frame);
  scan.initial = frame.sizes.position > 0 ? &state : nullptr;
  run(scan, frame.result(scan.x), &state);
}

static void evaluate(SelectiveScanGradOp op, Frame &frame) {
  const Tensor &grad = frame.operand(0);
  SelectiveScan scan(frame, 1, bool(op.getGate()));
  Tensor &inputGrad = frame.result(scan.x), &deltaGrad = frame.result(scan.x), &aLogGrad = frame.result(scan.aLog),
         &bGrad = frame.result(scan.b), &cGrad = frame.result(scan.c), &skipGrad = frame.result(scan.skip);
  Tensor *gateGrad = scan.gate ? &frame.result(*scan.gate) : nullptr;
  for (int64_t k = 0; k < scan.x.shape[0]; ++k) {
    scan.run(k);
    for (int64_t e = 0; e < scan.features; ++e) {
      std::vector<double> adjoint(scan.states); // w[t+1] l[t+1]
      for (int64_t t = scan.positions - 1; t >= 0; --t) {
        double x = scan.x.row(k, t)[e], d = scan.step(k, t, e), g = grad.row(k, t)[e];
        if (gateGrad) {
          double z = scan.gate->row(k, t)[e], s = sigmoid(z);
          gateGrad->row(k, t)[e] = g * scan.output(k, t, e) * s * (1 + z * (1 - s));
          g *= z * s;
        }
        double toInput = 0, toStep = 0;
        for (int64_t n = 0; n < scan.states; ++n) {
          double b = scan.b.row(k, t)[n], a = scan.a(e, n), w = scan.decay(k, t, e, n), h = scan.before(e, t, n);
          double l = g * scan.c.row(k, t)[n] + adjoint[n];
          toInput += l * b;
          toStep += l * (a * w * h + b * x);
          bGrad.row(k, t)[n] += l * d * x;
          cGrad.row(k, t)[n] += g * scan.h.row(e, t)[n];
          aLogGrad.row(e)[n] += a * l * d * w * h;
          adjoint[n] = w * l;
        }
        inputGrad.row(k, t)[e] = scan.skip.f[e] * g + d * toInput;
        deltaGrad.row(k, t)[e] = sigmoid(scan.delta.row(k, t)[e]) * toStep;
        skipGrad.f[e] += g * x;
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// SSD
//===----------------------------------------------------------------------===//

namespace {

// The operands of mblm.ssd, whose first one is operand `first` of an op, and the recurrence of one head of one
// sequence.
struct Ssd {
  const Tensor &x, &dt, &aLog, &b, &c, &skip, &bias;
  double least, most; // dt_min, dt_max
  int64_t positions, heads, width, states, headsPerGroup;
  Tensor s;                       // [T, P, N], of one head
  const State *initial = nullptr; // of a step that goes on
  int64_t sequence = 0, head = 0;

  template <typename OpTy>
  Ssd(OpTy op, const Frame &frame, unsigned first)
      : x(frame.operand(first)), dt(frame.operand(first + 1)), aLog(frame.operand(first + 2)),
        b(frame.operand(first + 3)), c(frame.operand(first + 4)), skip(frame.operand(first + 5)),
        bias(frame.operand(first + 6)), least(op.getDtMin().convertToDouble()), most(op.getDtMax().convertToDouble()),
        positions(x.shape[1]), heads(dt.shape[2]), width(x.shape[2] / heads), states(b.shape[2] / op.getGroups()),
        headsPerGroup(heads / op.getGroups()), s(Tensor::floats({positions, width, states})) {}

  double raw(int64_t k, int64_t t, int64_t h) const { return dt.row(k, t)[h] + bias.f[h]; }
  double step(int64_t k, int64_t t, int64_t h) const { return std::min(std::max(softplus(raw(k, t, h)), least), most); }
  bool clamped(int64_t k, int64_t t, int64_t h) const { return step(k, t, h) != softplus(raw(k, t, h)); }
  double a(int64_t h) const { return -std::exp(aLog.f[h]); }
  double decay(int64_t k, int64_t t, int64_t h) const { return std::exp(step(k, t, h) * a(h)); }
  double before(int64_t t, int64_t p, int64_t n) const {
    return t > 0 ? s.row(t - 1, p)[n] : initial ? initial->row(sequence, n)[feature(head, p)] : 0;
  }
  // Where head h is in rows of x, of b and c, and which number of `skip` its feature p has.
  int64_t feature(int64_t h, int64_t p) const { return h * width + p; }
  int64_t state(int64_t h, int64_t n) const { return h / headsPerGroup * states + n; }
  int64_t skipOf(int64_t h, int64_t p) const { return skip.shape[0] == heads ? h : feature(h, p); }

  void run(int64_t k, int64_t h) {
    sequence = k;
    head = h;
    for (int64_t t = 0; t < positions; ++t) {
      for (int64_t p = 0; p < width; ++p) {
        for (int64_t n = 0; n < states; ++n) {
          s.row(t, p)[n] =
              decay(k, t, h) * before(t, p, n) + step(k, t, h) * x.row(k, t)[feature(h, p)] * b.row(k, t)[state(h, n)];
        }
      }
    }
  }
};

} // namespace

static void run(Ssd &ssd, Tensor &out, State *state) {
  for (int64_t k = 0; k < ssd.x.shape[0]; ++k) {
    for (int64_t h = 0; h < ssd.heads; ++h) {
      ssd.run(k, h);
      for (int64_t t = 0; t < ssd.positions; ++t) {
        for (int64_t p = 0; p < ssd.width; ++p) {
          double sum = ssd.skip.f[ssd.skipOf(h, p)] * ssd.x.row(k, t)[ssd.feature(h, p)];
          for (int64_t n = 0; n < ssd.states; ++n) {
            sum += ssd.s.row(t, p)[n] * ssd.c.row(k, t)[ssd.state(h, n)];
          }
          out.row(k, t)[ssd.feature(h, p)] = sum;
        }
      }
      for (int64_t p = 0; state && p < ssd.width; ++p) {
        for (int64_t n = 0; n < ssd.states; ++n) {
          state->row(k, n)[ssd.feature(h, p)] = ssd.s.row(ssd.positions - 1, p)[n];
        }
      }
    }
  }
}

static void evaluate(SsdOp op, Frame &frame) {
  Ssd ssd(op, frame, 0);
  run(ssd, frame.result(ssd.x), nullptr);
}

static void evaluate(SsdStepOp op, Frame &frame) {
  Ssd ssd(op, frame, 1);
  State state(op.getState(), frame);
  ssd.initial = frame.sizes.position > 0 ? &state : nullptr;
  run(ssd, frame.result(ssd.x), &state);
}

static void evaluate(SsdGradOp op, Frame &frame) {
  const Tensor &grad = frame.operand(0);
  Ssd ssd(op, frame, 1);
  Tensor &inputGrad = frame.result(ssd.x), &dtGrad = frame.result(ssd.dt), &aLogGrad = frame.result(ssd.aLog),
         &bGrad = frame.result(ssd.b), &cGrad = frame.result(ssd.c), &skipGrad = frame.result(ssd.skip),
         &dtBiasGrad = frame.result(ssd.bias);
  for (int64_t k = 0; k < ssd.x.shape[0]; ++k) {
    for (int64_t h = 0; h < ssd.heads; ++h) {
      ssd.run(k, h);
      std::vector<double> adjoint(ssd.width * ssd.states); // w[t+1] L[t+1]
      for (int64_t t = ssd.positions - 1; t >= 0; --t) {
        double d = ssd.step(k, t, h), w = ssd.decay(k, t, h);
        double written = 0, kept = 0; // <L, x b^T> and <L, S[t-1]>
        for (int64_t p = 0; p < ssd.width; ++p) {
          double x = ssd.x.row(k, t)[ssd.feature(h, p)], g = grad.row(k, t)[ssd.feature(h, p)], toInput = 0;
          for (int64_t n = 0; n < ssd.states; ++n) {
            int64_t column = ssd.state(h, n);
            double b = ssd.b.row(k, t)[column];
            double &carried = adjoint[p * ssd.states + n];
            double l = g * ssd.c.row(k, t)[column] + carried;
            toInput += l * b;
            written += l * x * b;
            kept += l * ssd.before(t, p, n);
            bGrad.row(k, t)[column] += d * l * x;
            cGrad.row(k, t)[column] += ssd.s.row(t, p)[n] * g;
            carried = w * l;
          }
          inputGrad.row(k, t)[ssd.feature(h, p)] = d * toInput + ssd.skip.f[ssd.skipOf(h, p)] * g;
          skipGrad.f[ssd.skipOf(h, p)] += g * x;
        }
        double slope = ssd.clamped(k, t, h) ? 0 : sigmoid(ssd.raw(k, t, h));
        dtGrad.row(k, t)[h] = slope * (written + ssd.a(h) * w * kept);
        dtBiasGrad.f[h] += dtGrad.row(k, t)[h];
        aLogGrad.f[h] += ssd.a(h) * d * w * kept;
      }
    }
  }
}

bool mblm::interpreter::evaluateStateSpace(Frame &frame) {
  return llvm::TypeSwitch<Operation *, bool>(frame.op)
      .Case<CausalConvOp, CausalConvWeightGradOp, SelectiveScanOp, SelectiveScanStepOp, SelectiveScanGradOp, SsdOp, SsdStepOp, SsdGradOp>([&](auto op) {
        evaluate(op, frame);
        return true;
      })
      .Default(false);
}
