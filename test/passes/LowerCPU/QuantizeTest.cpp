// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies of weights in int8, bit by bit against the formula, and products that read them.
#include "dialects/Kernel/IR/KernelOps.h"
#include "dialects/Register.h"
#include "runtime/Support/Memory.h"
#include "runtime/Support/Random.h"
#include "test/support/Native.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mblm;

namespace {

struct Shape {
  int64_t rows, columns, depth; // of inputs, of outputs, of both
};

std::string tensor(std::initializer_list<int64_t> sizes, const char *element = "f32") {
  std::string text = "tensor<";
  for (int64_t size : sizes) {
    text += std::to_string(size) + "x";
  }
  return text + element + ">";
}

// @step_0() -> x w'^T, where x is the parameter in front of w.
std::string textOf(const Shape &s) {
  std::string x = tensor({1, s.rows, s.depth}), w = tensor({s.columns, s.depth}), y = tensor({1, s.rows, s.columns});
  std::string numbers = tensor({s.columns, s.depth}, "i8"), scales = tensor({s.columns});
  std::string indices = "%k: index, %t: index, %j: index, %d: index, %c: index):\n";
  auto whole = [](int64_t n) { return std::to_string(n) + " in 1 x " + std::to_string(n); };
  return "mblm.parameter @x at 0 : " + tensor({s.rows, s.depth}) + "\nmblm.parameter @w at " + std::to_string(s.rows * s.depth) + " : " + w +
         "\nfunc.func @step_0() -> " + y + " {\n%x = kernel.weight [@x] at 0 : " + x + "\n%w = kernel.weight [@w] at " +
         std::to_string(s.rows * s.depth) + " : " + w + "\n%q, %s = kernel.quantize %w : " + w + " -> " + numbers + ", " + scales +
         "\n%y = kernel.gemm <1 x " + std::to_string(s.rows) + "> depth " + whole(s.depth) + " columns " + whole(s.columns) +
         " (%x) packed %q epilogue(%s) : (" + x + ", " + numbers + ", " + scales + ") -> " + y + " {\n^bb0(%in: " + x + ", " + indices +
         "%a = kernel.load %in[%k, %t, %c] : " + x + " -> f32\nkernel.yield %a : f32\n}, {\n^bb0(%product: " + y + ", %factors: " + scales +
         ", " + indices + "%p = kernel.load %product[%k, %t, %c] : " + y + " -> f32\n%f = kernel.load %factors[%c] : " + scales +
         " -> f32\n%r = arith.mulf %p, %f : f32\nkernel.yield %r : f32\n}\nreturn %y : " + y + "\n}\n";
}

class Quantize : public testing::TestWithParam<Shape> {
protected:
  Quantize() : shape(GetParam()), params(weights() + shape.columns * shape.depth, "parameters") {
    for (int64_t n = 0; n < params.size(); ++n) {
      params.data()[n] = rt::unitFloat(rt::randomBlock(17, rt::Stream::Init, uint64_t(n), 0, 0)[0]) - 0.5f;
    }
  }

  int64_t weights() const { return shape.rows * shape.depth; }
  float *row(int64_t n) { return params.data() + weights() + n * shape.depth; }

  std::unique_ptr<rt::Program> compile(const std::string &level) {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    mlir::MLIRContext context(registry);
    auto module = mlir::parseSourceString<mlir::ModuleOp>(textOf(shape), &context);
    EXPECT_TRUE(module) << textOf(shape);
    rt::ModelInfo info;
    info.name = "product";
    info.vocab = 4;
    info.parameterElements = params.size();
    test::Native native;
    native.level = level;
    return test::compileKernels(*module, info, native);
  }

  // A row as steps read it.
  std::vector<float> rounded(const float *weight) const {
    float most = 0;
    for (int64_t c = 0; c < shape.depth; ++c) {
      most = std::max(most, std::abs(weight[c]));
    }
    float scale = most / 127.0f;
    std::vector<float> result;
    for (int64_t c = 0; c < shape.depth; ++c) { // nearbyint rounds ties to even
      float number = scale == 0 ? 0 : std::min(std::max(std::nearbyint(weight[c] / scale), -127.0f), 127.0f);
      result.push_back(scale * number);
    }
    return result;
  }

  Shape shape;
  rt::Buffer params;
};

TEST_P(Quantize, NumbersAndScales) {
  const float special[][4] = {{0, 0, 0, 0},
                              {127, 0.5f, 1.5f, -2.5f},    // a scale of 1: ties
                              {-3.4e38f, 3.3e38f, 1, 0},
                              {1e-40f, -5e-41f, 0, 0},     // subnormal
                              {1e-45f, 0, 0, 0},           // whose scale is zero
                              {-0.0f, -1, 0, 1}};
  for (int64_t n = 0; n < std::min<int64_t>(shape.columns, std::size(special)); ++n) {
    std::fill_n(row(n), shape.depth, 0.0f);
    std::copy_n(special[n], std::min<int64_t>(shape.depth, 4), row(n));
  }
  for (const std::string &level : test::hostLevels()) {
    rt::Buffer got(params.size(), "quantised");
    std::copy_n(params.data(), params.size(), got.data());
    auto program = compile(level);
    ASSERT_TRUE(program->quantizes());
    program->quantize(got.data());
    EXPECT_TRUE(std::equal(got.data(), got.data() + weights(), params.data())) << "other parameters changed";
    for (int64_t n = 0; n < shape.columns; ++n) {
      std::vector<float> expected = rounded(row(n));
      for (int64_t c = 0; c < shape.depth; ++c) {
        ASSERT_EQ(got.data()[weights() + n * shape.depth + c], expected[size_t(c)]) << level << ", row " << n << ", column " << c;
      }
    }
  }
}

TEST_P(Quantize, RowsThatAreNotFiniteShow) {
  float *first = row(0), *last = row(shape.columns - 1);
  first[shape.depth - 1] = INFINITY;
  last[0] = NAN;
  for (const std::string &level : test::hostLevels()) {
    rt::Buffer got(params.size(), "quantised");
    std::copy_n(params.data(), params.size(), got.data());
    compile(level)->quantize(got.data());
    for (int64_t n = 0; n < shape.columns; ++n) {
      bool finite = n > 0 && n < shape.columns - 1;
      for (int64_t c = 0; c < shape.depth; ++c) {
        ASSERT_EQ(std::isfinite(got.data()[weights() + n * shape.depth + c]), finite) << level << ", row " << n << ", column " << c;
      }
    }
  }
}

// Steps read what the parameters are, not what they were.
TEST_P(Quantize, ProductsFollowTheParameters) {
  std::vector<float> output(size_t(shape.rows * shape.columns));
  for (const std::string &level : test::hostLevels()) {
    auto program = compile(level);
    for (float factor : {1.0f, -3.0f}) {
      for (int64_t n = weights(); n < params.size(); ++n) {
        params.data()[n] *= factor;
      }
      program->hostAccess(params.data());
      rt::Call call;
      call.batch = call.slots = 1;
      call.params = params.data();
      call.output = output.data();
      program->run(rt::Entry::Step, call);
      for (int64_t n = 0; n < shape.columns; ++n) {
        std::vector<float> weight = rounded(row(n));
        for (int64_t r = 0; r < shape.rows; ++r) {
          double sum = 0, size = 0;
          for (int64_t c = 0; c < shape.depth; ++c) {
            double term = double(params.data()[r * shape.depth + c]) * weight[size_t(c)];
            sum += term;
            size += std::abs(term);
          }
          ASSERT_NEAR(output[size_t(r * shape.columns + n)], sum, 1e-6 * size) << level << ", row " << r << ", column " << n;
        }
      }
    }
  }
}

const Shape shapes[] = {{1, 256, 256}, {1, 8, 1}, {2, 7, 37}, {6, 33, 16}, {7, 12, 515}, {64, 40, 24}, {1, 3, 70000}};

INSTANTIATE_TEST_SUITE_P(Shapes, Quantize, testing::ValuesIn(shapes), [](const auto &info) {
  return std::to_string(info.param.rows) + "x" + std::to_string(info.param.columns) + "x" + std::to_string(info.param.depth);
});

} // namespace
