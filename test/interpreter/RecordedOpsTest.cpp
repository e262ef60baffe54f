// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recurrences and their gradients against runs of the references' operators. Those also take a first state and give
// the last one, with gradients of both; positions whose step is zero write and read them here.
#include "test/interpreter/OpHarness.h"

#include "runtime/Safetensors.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mblm;
using namespace mblm::test;

namespace {

constexpr double noStep = -1000; // softplus of it is zero, so the state stays
constexpr double tinyStep = -30; // so small a step that the state all but stays
const double tiny = std::log1p(std::exp(tinyStep));

double silu(double z) { return z / (1 + std::exp(-z)); }
double siluSlope(double z) {
  double s = 1 / (1 + std::exp(-z));
  return s * (1 + z * (1 - s));
}

struct Recorded {
  explicit Recorded(const std::string &name)
      : inputs("test/golden/megabyte/" + name + "/weights.safetensors"),
        outputs("test/golden/megabyte/" + name + "/io.safetensors") {}

  static Tensor read(const rt::SafetensorsFile &file, const std::string &name) {
    std::vector<float> values = file.floats(name);
    return Tensor::floats(file.get(name).shape, {values.begin(), values.end()});
  }
  Tensor in(const std::string &name) const { return read(inputs, name); }
  Tensor out(const std::string &name) const { return read(outputs, name); }

  rt::SafetensorsFile inputs, outputs;
};

// [K, C, T] to [K, T + more, C], `more` rows of `fill` behind or before.
Tensor placed(const Tensor &x, bool featuresFirst, int64_t before, int64_t after, double fill) {
  int64_t features = 1, positions = x.shape[featuresFirst ? 2 : 1];
  for (size_t n = 1; n < x.shape.size(); ++n) {
    features *= x.shape[n];
  }
  features /= positions;
  Tensor result = Tensor::floats({x.shape[0], before + positions + after, features});
  std::fill(result.f.begin(), result.f.end(), fill);
  for (int64_t k = 0; k < x.shape[0]; ++k) {
    for (int64_t t = 0; t < positions; ++t) {
      for (int64_t c = 0; c < features; ++c) {
        int64_t from = featuresFirst ? (k * features + c) * positions + t : (k * positions + t) * features + c;
        result.row(k, before + t)[c] = x.f[from];
      }
    }
  }
  return result;
}

// The largest difference at the recorded positions, relative to the largest recorded number.
void expectNear(const Tensor &got, const Tensor &expected, const std::string &what, int64_t before = 0) {
  double largest = 0, difference = 0;
  bool isSequence = expected.rank() == 3;
  for (int64_t n = 0; n < expected.elements(); ++n) {
    double value = isSequence ? got.row(n / (expected.shape[1] * expected.shape[2]),
                                        before + n / expected.shape[2] % expected.shape[1])[n % expected.shape[2]]
                              : got.f[n];
    largest = std::max(largest, std::abs(expected.f[n]));
    difference = std::max(difference, std::abs(value - expected.f[n]));
  }
  EXPECT_LE(difference, 5e-6 * largest) << what << ", largest " << largest;
}

TEST(RecordedOps, SelectiveScan) {
  Recorded recorded("op_selective_scan");
  Tensor a = recorded.in("A"), last = recorded.out("last_state"), lastGrad = recorded.out("dlast_state");
  int64_t features = a.shape[0], states = a.shape[1], positions = recorded.in("u").shape[2];
  double open = 1; // silu(open) = 1
  for (int n = 0; n < 50; ++n) {
    open -= (silu(open) - 1) / siluSlope(open);
  }
  Tensor x = placed(recorded.in("u"), true, 0, states, 0),
         delta = placed(recorded.in("delta"), true, 0, states, noStep);
  Tensor b = placed(recorded.in("B"), true, 0, states, 0), c = placed(recorded.in("C"), true, 0, states, 0);
  Tensor z = placed(recorded.in("z"), true, 0, states, open), grad = placed(recorded.out("dout"), true, 0, states, 0);
  Tensor bias = recorded.in("delta_bias");
  for (double &value : a.f) {
    value = std::log(-value);
  }
  int64_t batch = x.shape[0], all = positions + states;
  for (int64_t k = 0; k < batch; ++k) {
    for (int64_t t = 0; t < positions; ++t) {
      for (int64_t e = 0; e < features; ++e) {
        delta.row(k, t)[e] += bias.f[e];
      }
    }
    for (int64_t n = 0; n < states; ++n) { // reads number n of the states
      c.row(k, positions + n)[n] = 1;
      for (int64_t e = 0; e < features; ++e) {
        grad.row(k, positions + n)[e] = lastGrad.row(k, e)[n];
      }
    }
  }
  OpCase op{"mblm.selective_scan", {{}, {}, {}, {}, {}, {}, {}}, {{}}, ""};
  std::vector<Tensor> operands{x, delta, a, b, c, recorded.in("D"), z};
  for (size_t n = 0; n < operands.size(); ++n) {
    op.operands[n].shape = operands[n].shape;
  }
  op.results[0].shape = x.shape;
  OpFunction function(op);
  Tensor out = function.run(operands)[0];
  expectNear(out, placed(recorded.out("out"), true, 0, 0, 0), "out");
  Tensor read = Tensor::floats({batch, features, states});
  for (int64_t n = 0; n < read.elements(); ++n) {
    read.f[n] = out.row(n / (features * states), positions + n % states)[n / states % features];
  }
  expectNear(read, last, "last state");

  function.differentiate(1);
  std::vector<Tensor> grads = function.runVjp(operands, {grad});
  Tensor biasGrad = Tensor::floats({features}), aGrad = recorded.out("grad.A");
  for (int64_t row = 0; row < batch * all; ++row) {
    for (int64_t e = 0; e < features; ++e) {
      biasGrad.f[e] += grads[1].f[row * features + e];
    }
  }
  for (size_t n = 0; n < aGrad.f.size(); ++n) {
    aGrad.f[n] *= recorded.in("A").f[n]; // of a_log
  }
  expectNear(grads[0], placed(recorded.out("grad.u"), true, 0, 0, 0), "grad.u");
  expectNear(grads[1], placed(recorded.out("grad.delta"), true, 0, 0, 0), "grad.delta");
  expectNear(grads[2], aGrad, "grad.A");
  expectNear(grads[3], placed(recorded.out("grad.B"), true, 0, 0, 0), "grad.B");
  expectNear(grads[4], placed(recorded.out("grad.C"), true, 0, 0, 0), "grad.C");
  expectNear(grads[5], recorded.out("grad.D"), "grad.D");
  expectNear(grads[6], placed(recorded.out("grad.z"), true, 0, 0, 0), "grad.z");
  expectNear(biasGrad, recorded.out("grad.delta_bias"), "grad.delta_bias");
}

TEST(RecordedOps, Ssd) {
  Recorded recorded("op_ssd");
  Tensor first = recorded.in("initial_states"), lastGrad = recorded.out("dfinal_state"),
         last = recorded.out("final_state");
  int64_t batch = first.shape[0], heads = first.shape[1], width = first.shape[2], states = first.shape[3];
  int64_t groups = recorded.in("B").shape[2], positions = recorded.in("x").shape[1], end = states + positions;
  Tensor x = placed(recorded.in("x"), false, states, states, 0), z = placed(recorded.in("z"), false, states, states, 0);
  Tensor dt = placed(recorded.in("dt"), false, states, states, noStep), bias = recorded.in("dt_bias");
  Tensor b = placed(recorded.in("B"), false, states, states, 0), c = placed(recorded.in("C"), false, states, states, 0);
  Tensor gated = placed(recorded.out("dy"), false, states, states, 0), a = recorded.in("A"), grad = gated;
  for (double &value : a.f) {
    value = std::log(-value);
  }
  for (size_t n = 0; n < grad.f.size(); ++n) {
    grad.f[n] *= silu(z.f[n]); // the gate is not part of the op
  }
  auto state = [&](const Tensor &of, int64_t k, int64_t h, int64_t p, int64_t n) {
    return of.f[((k * heads + h) * width + p) * states + n];
  };
  for (int64_t k = 0; k < batch; ++k) {
    for (int64_t n = 0; n < states; ++n) { // position n writes number n of the states, position end + n reads it
      for (int64_t g = 0; g < groups; ++g) {
        b.row(k, n)[g * states + n] = 1;
        c.row(k, end + n)[g * states + n] = 1;
      }
      for (int64_t h = 0; h < heads; ++h) {
        dt.row(k, n)[h] = tinyStep - bias.f[h];
        for (int64_t p = 0; p < width; ++p) {
          x.row(k, n)[h * width + p] = state(first, k, h, p, n) / tiny;
          grad.row(k, end + n)[h * width + p] = state(lastGrad, k, h, p, n);
        }
      }
    }
  }
  OpCase op{"mblm.ssd", {{}, {}, {}, {}, {}, {}, {}}, {{}}, "groups = " + std::to_string(groups)};
  std::vector<Tensor> operands{x, dt, a, b, c, recorded.in("D"), bias};
  for (size_t n = 0; n < operands.size(); ++n) {
    op.operands[n].shape = operands[n].shape;
  }
  op.results[0].shape = x.shape;
  OpFunction function(op);
  Tensor out = function.run(operands)[0], y = out;
  for (size_t n = 0; n < y.f.size(); ++n) {
    y.f[n] *= silu(z.f[n]);
  }
  expectNear(y, placed(recorded.out("y"), false, 0, 0, 0), "y", states);

  function.differentiate(1);
  std::vector<Tensor> grads = function.runVjp(operands, {grad});
  Tensor read = last, firstGrad = last, aGrad = recorded.out("grad.A"), zGrad = gated, biasGrad = grads[6];
  for (int64_t k = 0; k < batch; ++k) {
    for (int64_t h = 0; h < heads; ++h) {
      for (int64_t n = 0; n < states; ++n) {
        biasGrad.f[h] -= grads[1].row(k, n)[h]; // steps that the reference has not
        for (int64_t p = 0; p < width; ++p) {
          int64_t element = ((k * heads + h) * width + p) * states + n;
          read.f[element] = out.row(k, end + n)[h * width + p];
          firstGrad.f[element] = grads[0].row(k, n)[h * width + p] / tiny;
        }
      }
    }
  }
  for (size_t n = 0; n < zGrad.f.size(); ++n) {
    zGrad.f[n] *= out.f[n] * siluSlope(z.f[n]);
  }
  for (size_t n = 0; n < aGrad.f.size(); ++n) {
    aGrad.f[n] *= recorded.in("A").f[n];
  }
  expectNear(read, last, "final state");
  expectNear(grads[0], placed(recorded.out("grad.x"), false, 0, 0, 0), "grad.x", states);
  expectNear(grads[1], recorded.out("grad.dt"), "grad.dt", states);
  expectNear(grads[2], aGrad, "grad.A");
  expectNear(grads[3], placed(recorded.out("grad.B"), false, 0, 0, 0), "grad.B", states);
  expectNear(grads[4], placed(recorded.out("grad.C"), false, 0, 0, 0), "grad.C", states);
  expectNear(grads[5], recorded.out("grad.D"), "grad.D");
  expectNear(zGrad, placed(recorded.out("grad.z"), false, 0, 0, 0), "grad.z", states);
  expectNear(biasGrad, recorded.out("grad.dt_bias"), "grad.dt_bias");
  expectNear(firstGrad, recorded.out("grad.initial_states"), "grad.initial_states");
}

} // namespace
