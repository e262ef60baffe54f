// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `mblm.selective_scan` and its gradients as kernels: against their formulas, in any order of work items, and far
// beyond 2^31 elements.
#include "test/kernels/Harness.h"
#include "test/support/Native.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace mblm;
using namespace mblm::test;

namespace {

struct Sizes {
  int64_t k, t, e, n; // sequences, positions, channels, states
  bool gated;

  int64_t rows() const { return k * t; }
  int64_t widthOfFirst() const { return 2 * e; }      // input, gate
  int64_t widthOfSecond() const { return e + 2 * n; } // delta, b, c
  int64_t skipAt() const { return (e * n + 15) / 16 * 16; }
  int64_t params() const { return skipAt() + e; }
};

std::string tensor(std::initializer_list<int64_t> shape) {
  std::string text = "tensor<";
  for (int64_t size : shape) {
    text += std::to_string(size) + "x";
  }
  return text + "f32>";
}

const std::vector<std::string> gradientNames = {"input_grad", "delta_grad", "a_log_grad", "b_grad",
                                                "c_grad",     "skip_grad",  "gate_grad"};

// Entry @result, and one for each gradient; those of a_log and skip go where gradients go.
std::string moduleText(const Sizes &s) {
  std::string rows = tensor({s.k, s.t, s.e}), states = tensor({s.k, s.t, s.n}), a = tensor({s.e, s.n}),
              skip = tensor({s.e});
  std::string first = tensor({s.k, s.t, s.widthOfFirst()}), second = tensor({s.k, s.t, s.widthOfSecond()});
  std::string begin = "(%xz: " + first + ", %dbc: " + second + ", %none: tensor<f32>, %dy: " + rows + ")";
  std::string operands = "%x, %d a %a b %b c %c skip %s" + std::string(s.gated ? " gate %z" : "");
  std::string types = rows + ", " + a + ", " + states + ", " + skip + (s.gated ? ", " + rows : "");
  std::string reads = "    %x, %z = mblm.split %xz : " + first + " -> " + rows + ", " + rows +
                      "\n    %d, %b, %c = mblm.split %dbc : " + second + " -> " + rows + ", " + states + ", " + states +
                      "\n    %a = mblm.load [@a_log] : " + a + "\n    %s = mblm.load [@skip] : " + skip + "\n";
  std::string text = "module attributes {mblm.inner = 1 : i64, mblm.name = \"scan\"} {\n";
  text += "  mblm.parameter @a_log at 0 : " + a + "\n  mblm.parameter @skip at " + std::to_string(s.skipAt()) + " : " +
          skip;
  text += "\n";
  text += "  func.func @result" + begin + " -> " + rows + " {\n" + reads;
  text += "    %y = mblm.selective_scan " + operands + " : " + types + "\n    return %y : " + rows + "\n  }\n";
  for (unsigned i = 0; i < gradientNames.size() - !s.gated; ++i) {
    bool ofParameter = i == 2 || i == 5;
    std::string type = i == 3 || i == 4 ? states : i == 2 ? a : i == 5 ? skip : rows, value = "%g#" + std::to_string(i);
    text += "  func.func @" + gradientNames[i] + begin + (ofParameter ? "" : " -> " + type) + " {\n" + reads;
    text += "    %g:" + std::to_string(s.gated ? 7 : 6) + " = mblm.selective_scan_grad %dy, " + operands + " : " +
            types + (s.gated ? " -> " + rows : "") + "\n";
    if (ofParameter) {
      text += "    mblm.gradient [@" + std::string(i == 2 ? "a_log" : "skip") + "], " + value + " : " + type +
              "\n    return\n  }\n";
    } else {
      text += "    return " + value + " : " + type + "\n  }\n";
    }
  }
  return text + "}\n";
}

// Results in the order of the gradients' names, the scan's own last.
struct Exact {
  std::vector<double> grads[7], result;
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

Exact formulas(const Sizes &s, const float *first, const float *second, const float *grad, const float *params) {
  Exact r;
  r.result.resize(s.rows() * s.e);
  for (int i : {0, 1, 6}) {
    r.grads[i].resize(s.rows() * s.e);
  }
  r.grads[3].resize(s.rows() * s.n);
  r.grads[4].resize(s.rows() * s.n);
  r.grads[2].resize(s.e * s.n);
  r.grads[5].resize(s.e);
  for (int64_t k = 0; k < s.k; ++k) {
    for (int64_t e = 0; e < s.e; ++e) {
      double skip = params[s.skipAt() + e];
      std::vector<double> h((s.t + 1) * s.n), carry(s.n);
      auto row = [&](int64_t t) { return k * s.t + t; };
      auto x = [&](int64_t t) { return double(first[row(t) * s.widthOfFirst() + e]); };
      auto z = [&](int64_t t) { return double(first[row(t) * s.widthOfFirst() + s.e + e]); };
      auto delta = [&](int64_t t) { return double(second[row(t) * s.widthOfSecond() + e]); };
      auto b = [&](int64_t t, int64_t n) { return double(second[row(t) * s.widthOfSecond() + s.e + n]); };
      auto c = [&](int64_t t, int64_t n) { return double(second[row(t) * s.widthOfSecond() + s.e + s.n + n]); };
      auto decay = [&](int64_t n) { return -std::exp(double(params[e * s.n + n])); };
      auto step = [&](int64_t t) { return std::log1p(std::exp(delta(t))); };
      for (int64_t t = 0; t < s.t; ++t) {
        double y = skip * x(t);
        for (int64_t n = 0; n < s.n; ++n) {
          h[(t + 1) * s.n + n] = std::exp(step(t) * decay(n)) * h[t * s.n + n] + step(t) * x(t) * b(t, n);
          y += h[(t + 1) * s.n + n] * c(t, n);
        }
        double dy = grad[row(t) * s.e + e], at = sigmoid(z(t));
        r.result[row(t) * s.e + e] = s.gated ? y * z(t) * at : y;
        r.grads[6][row(t) * s.e + e] = dy * y * at * (1 + z(t) * (1 - at));
      }
      for (int64_t t = s.t - 1; t >= 0; --t) {
        double g = grad[row(t) * s.e + e] * (s.gated ? z(t) * sigmoid(z(t)) : 1), d = step(t);
        double dx = skip * g, dd = 0;
        for (int64_t n = 0; n < s.n; ++n) {
          double l = g * c(t, n) + carry[n], w = std::exp(d * decay(n)), through = w * h[t * s.n + n];
          dx += d * l * b(t, n);
          dd += l * (decay(n) * through + b(t, n) * x(t));
          r.grads[2][e * s.n + n] += decay(n) * l * d * through;
          r.grads[3][row(t) * s.n + n] += l * d * x(t);
          r.grads[4][row(t) * s.n + n] += g * h[(t + 1) * s.n + n];
          carry[n] = w * l;
        }
        r.grads[0][row(t) * s.e + e] = dx;
        r.grads[1][row(t) * s.e + e] = dd * sigmoid(delta(t));
        r.grads[5][e] += g * x(t);
      }
    }
  }
  return r;
}

struct Inputs {
  explicit Inputs(const Sizes &s) : random(s.e * 1000 + s.t) {
    first = randomFloats(s.rows() * s.widthOfFirst(), random);
    second = randomFloats(s.rows() * s.widthOfSecond(), random);
    grad = randomFloats(s.rows() * s.e, random);
    params = randomFloats(s.params(), random);
    // Steps and decays from strong to nearly none, as in trained models.
    for (int64_t row = 0; row < s.rows(); ++row) {
      for (int64_t e = 0; e < s.e; ++e) {
        second[row * s.widthOfSecond() + e] = 3 * second[row * s.widthOfSecond() + e] - 2;
      }
    }
  }
  std::mt19937_64 random;
  std::vector<float> first, second, grad, params;
};

// The numbers of one entry: what it returns, or the gradients that it adds.
std::vector<float> run(const CompiledModule &module, const std::string &entry, Inputs &inputs, int64_t floats,
                       int64_t gradients, const Order &order) {
  std::vector<float> output(floats + 64), grads(gradients + 64);
  module.run(entry,
             {inputs.first.data(), inputs.second.data(), inputs.grad.data(), inputs.params.data(), grads.data(),
              output.data()},
             order);
  return floats ? output : grads;
}

struct ScanCase {
  Sizes sizes;
  std::string level;
};

class Scan : public testing::TestWithParam<ScanCase> {};

TEST_P(Scan, AgreesWithTheFormulas) {
  const Sizes &s = GetParam().sizes;
  CompiledModule module(moduleText(s), GetParam().level);
  Inputs inputs(s);
  Exact exact = formulas(s, inputs.first.data(), inputs.second.data(), inputs.grad.data(), inputs.params.data());
  auto check = [&](const std::string &entry, const std::vector<double> &expected, int64_t floats,
                   int64_t firstGradient) {
    int64_t gradients = s.skipAt() + s.e;
    std::vector<float> values = run(module, entry, inputs, floats, gradients, allAtOnce());
    expectClose(values.data() + firstGradient, expected, 3e-6, entry);
    std::vector<float> again = run(module, entry, inputs, floats, gradients, oneByOneBackwards());
    EXPECT_EQ(std::memcmp(values.data(), again.data(), values.size() * sizeof(float)), 0)
        << entry << " depends on the order of work items";
  };
  check("result", exact.result, s.rows() * s.e, 0);
  for (unsigned i = 0; i < gradientNames.size() - !s.gated; ++i) {
    bool ofParameter = i == 2 || i == 5;
    check(gradientNames[i], exact.grads[i], ofParameter ? 0 : exact.grads[i].size(), i == 5 ? s.skipAt() : 0);
  }
}

std::vector<ScanCase> scanCases() {
  // One of each; every number off the lanes; several chunks of positions; more sequences than parts; several channel
  // groups, of one and of two times 64 channels; the most states.
  const Sizes sizes[] = {{1, 1, 1, 1, true},     {2, 3, 5, 3, false},  {2, 65, 33, 17, true},
                         {3, 130, 16, 16, true}, {18, 9, 70, 4, true}, {2, 64, 130, 8, false},
                         {1, 70, 1100, 2, true}, {1, 5, 8, 256, true}, {1, 200, 20, 24, true}};
  std::vector<std::string> levels = hostLevels();
  std::vector<ScanCase> cases;
  size_t next = 0;
  for (const Sizes &s : sizes) {
    cases.push_back({s, levels[0]});
    if (levels.size() > 1) {
      cases.push_back({s, levels[1 + next++ % (levels.size() - 1)]});
    }
  }
  return cases;
}

std::string caseName(const testing::TestParamInfo<ScanCase> &info) {
  const Sizes &s = info.param.sizes;
  return std::to_string(s.k) + "x" + std::to_string(s.t) + "x" + std::to_string(s.e) + "x" + std::to_string(s.n) +
         (s.gated ? "_gated_" : "_") + info.param.level;
}

INSTANTIATE_TEST_SUITE_P(Sizes, Scan, testing::ValuesIn(scanCases()), caseName);

//===----------------------------------------------------------------------===//
// Beyond 2^31 elements
//===----------------------------------------------------------------------===//

TEST(FarScan, LastSequenceBeyondTwoToThe31IsAsAlone) {
  // 241 sequences are 15 parts of 16 and one of 1: the last. Only its work items run, on memory that is there only
  // where they touch it.
  const Sizes far{241, 139900, 64, 1, true}, alone{1, 139900, 64, 1, true};
  const int64_t before = (far.k - 1) * far.t;
  ASSERT_GT(before * far.e, int64_t(1) << 31);
  Inputs inputs(alone);
  CompiledModule farModule(moduleText(far), ""), aloneModule(moduleText(alone), "");
  SparseFloats first(far.rows() * far.widthOfFirst()), second(far.rows() * far.widthOfSecond());
  SparseFloats grad(far.rows() * far.e), output(far.rows() * far.e);
  auto place = [&](const std::vector<float> &from, SparseFloats &to, int64_t width) {
    std::memcpy(to.data() + before * width, from.data(), alone.t * width * sizeof(float));
  };
  place(inputs.first, first, far.widthOfFirst());
  place(inputs.second, second, far.widthOfSecond());
  place(inputs.grad, grad, far.e);
  // The last sequence of a scan, the last part of its gradients, the last rows of sums over channels; all of sums over
  // parts.
  Order lastSequence = [&](int64_t items, const auto &run) {
    int64_t blocks = (far.rows() + 47) / 48;
    if (items == far.k) {
      run(items - 1, items);
    } else if (items == blocks) {
      run(before / 48, items);
    } else if (items == 16) {
      run(15, 16);
    } else {
      ASSERT_LE(items, 4);
      run(0, items);
    }
  };
  auto check = [&](const std::string &entry, int64_t width, int64_t gradients) {
    std::vector<float> grads(far.skipAt() + far.e + 64);
    farModule.run(entry, {first.data(), second.data(), grad.data(), inputs.params.data(), grads.data(), output.data()},
                  lastSequence);
    std::vector<float> expected = run(aloneModule, entry, inputs, alone.t * width, far.skipAt() + far.e, allAtOnce());
    const float *values = width ? output.data() + before * width : grads.data();
    EXPECT_EQ(std::memcmp(values, expected.data(), (width ? alone.t * width : gradients) * sizeof(float)), 0) << entry;
  };
  check("result", far.e, 0);
  check("input_grad", far.e, 0);
  check("delta_grad", far.e, 0);
  check("gate_grad", far.e, 0);
  check("b_grad", far.n, 0);
  check("c_grad", far.n, 0);
  check("a_log_grad", 0, far.e * far.n);
  check("skip_grad", 0, far.skipAt() + far.e);
}

} // namespace
