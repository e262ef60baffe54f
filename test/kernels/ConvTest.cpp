// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Causal convolutions and the gradients of their taps as kernels, against their formulas.
#include "test/kernels/Harness.h"
#include "test/support/Native.h"

#include "llvm/Support/FormatVariadic.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace mblm;
using namespace mblm::test;

namespace {

struct ConvCase {
  int64_t k, t, c, w; // sequences, positions, channels, taps
  std::string level;
  bool fused;
};

std::string moduleText(const ConvCase &s) {
  return llvm::formatv(R"(
module attributes {{mblm.inner = 1 : i64, mblm.name = "conv"} {{
  mblm.parameter @weight at 0 : tensor<{2}x{3}xf32>
  mblm.parameter @bias at {4} : tensor<{2}xf32>
  func.func @forward(%x: tensor<{0}x{1}x{2}xf32>) -> tensor<{0}x{1}x{2}xf32> {{
    %w = mblm.load [@weight] : tensor<{2}x{3}xf32>
    %b = mblm.load [@bias] : tensor<{2}xf32>
    %y = mblm.causal_conv %x, %w, %b : tensor<{0}x{1}x{2}xf32>, tensor<{2}x{3}xf32>, tensor<{2}xf32>
    return %y : tensor<{0}x{1}x{2}xf32>
  }
  func.func @input_grad(%x: tensor<{0}x{1}x{2}xf32>, %g: tensor<{0}x{1}x{2}xf32>) -> tensor<{0}x{1}x{2}xf32> {{
    %w = mblm.load [@weight] : tensor<{2}x{3}xf32>
    %y = mblm.causal_conv %g, %w {{reverse} : tensor<{0}x{1}x{2}xf32>, tensor<{2}x{3}xf32>
    return %y : tensor<{0}x{1}x{2}xf32>
  }
  func.func @weight_grad(%x: tensor<{0}x{1}x{2}xf32>, %g: tensor<{0}x{1}x{2}xf32>) {{
    %w = mblm.causal_conv_weight_grad %g, %x : tensor<{0}x{1}x{2}xf32>, tensor<{0}x{1}x{2}xf32> -> tensor<{2}x{3}xf32>
    mblm.gradient [@weight], %w : tensor<{2}x{3}xf32>
    return
  }
})",
                       s.k, s.t, s.c, s.w, s.c * s.w);
}

class Conv : public testing::TestWithParam<ConvCase> {};

TEST_P(Conv, AgreesWithTheFormulas) {
  const ConvCase &s = GetParam();
  CompiledModule module(moduleText(s), s.level, {s.fused, -1});
  std::mt19937_64 random(s.c);
  int64_t rows = s.k * s.t, floats = rows * s.c;
  std::vector<float> x = randomFloats(floats, random), g = randomFloats(floats, random);
  std::vector<float> params = randomFloats(s.c * (s.w + 1), random);
  std::vector<double> result(floats), inputGrad(floats), weightGrad(s.c * s.w);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < s.c; ++c) {
      result[row * s.c + c] = params[s.c * s.w + c];
      for (int64_t i = 0; i < s.w; ++i) {
        int64_t distance = s.w - 1 - i;
        if (row % s.t >= distance) {
          result[row * s.c + c] += double(params[c * s.w + i]) * x[(row - distance) * s.c + c];
          inputGrad[(row - distance) * s.c + c] += double(params[c * s.w + i]) * g[row * s.c + c];
          weightGrad[c * s.w + i] += double(g[row * s.c + c]) * x[(row - distance) * s.c + c];
        }
      }
    }
  }
  auto check = [&](const std::string &entry, const std::vector<double> &exact, bool returned) {
    std::vector<float> values[2];
    Order orders[2] = {allAtOnce(), oneByOneBackwards()};
    for (int i = 0; i < 2; ++i) {
      std::vector<float> output(floats + 64), grads(s.c * s.w + 64);
      module.run(entry, {x.data(), g.data(), nullptr, params.data(), grads.data(), output.data()}, orders[i]);
      values[i] = returned ? output : grads;
    }
    expectClose(values[0].data(), exact, 2e-6, entry);
    EXPECT_EQ(std::memcmp(values[0].data(), values[1].data(), values[0].size() * sizeof(float)), 0) << entry;
  };
  check("forward", result, true);
  check("input_grad", inputGrad, true);
  check("weight_grad", weightGrad, false);
}

std::vector<ConvCase> convCases() {
  std::vector<std::string> levels = hostLevels();
  std::vector<ConvCase> cases;
  // Fewer positions than taps; one position, tap and channel; more than a block of sums.
  const ConvCase sizes[] = {
      {2, 3, 5, 4, "", true}, {1, 1, 1, 1, "", false}, {3, 40, 70, 4, "", true}, {1, 100, 33, 7, "", false}};
  for (const ConvCase &size : sizes) {
    cases.push_back(size);
    cases.back().level = levels[cases.size() % levels.size()];
  }
  return cases;
}

std::string caseName(const testing::TestParamInfo<ConvCase> &info) {
  const ConvCase &s = info.param;
  return std::to_string(s.k) + "x" + std::to_string(s.t) + "x" + std::to_string(s.c) + "x" + std::to_string(s.w) + "_" +
         s.level;
}

INSTANTIATE_TEST_SUITE_P(Sizes, Conv, testing::ValuesIn(convCases()), caseName);

} // namespace
