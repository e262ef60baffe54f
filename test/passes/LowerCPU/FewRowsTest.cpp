// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of few rows, of weights in f32 and of their copies in int8; these bit by bit against the formula.
#include "dialects/Kernel/IR/KernelOps.h"
#include "dialects/Register.h"
#include "runtime/Support/Memory.h"
#include "runtime/Support/Random.h"
#include "test/support/Native.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

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

// @step_0() -> x w^T, where x is the parameter in front of w, or with w as its copy in int8 says.
std::string textOf(const Shape &s, bool int8) {
  std::string x = tensor({1, s.rows, s.depth}), w = tensor({s.columns, s.depth}), y = tensor({1, s.rows, s.columns});
  std::string numbers = tensor({s.columns, s.depth}, "i8"), scales = tensor({s.columns});
  std::string indices = "%k: index, %t: index, %j: index, %d: index, %c: index):\n", copies, read = "packed %w epilogue() : (" + x + ", " + w;
  std::string factors, scaled = "kernel.yield %p : f32\n";
  if (int8) {
    copies = "%q, %s = kernel.quantize %w : " + w + " -> " + numbers + ", " + scales + "\n";
    read = "packed %q epilogue(%s) : (" + x + ", " + numbers + ", " + scales;
    factors = "%factors: " + scales + ", ";
    scaled = "%f = kernel.load %factors[%c] : " + scales + " -> f32\n%r = arith.mulf %p, %f : f32\nkernel.yield %r : f32\n";
  }
  auto whole = [](int64_t n) { return std::to_string(n) + " in 1 x " + std::to_string(n); };
  return "mblm.parameter @x at 0 : " + tensor({s.rows, s.depth}) + "\nmblm.parameter @w at " + std::to_string(s.rows * s.depth) + " : " + w +
         "\nfunc.func @step_0() -> " + y + " {\n%x = kernel.weight [@x] at 0 : " + x + "\n%w = kernel.weight [@w] at " +
         std::to_string(s.rows * s.depth) + " : " + w + "\n" + copies + "%y = kernel.gemm <1 x " + std::to_string(s.rows) + "> depth " +
         whole(s.depth) + " columns " + whole(s.columns) + " (%x) " + read + ") -> " + y + " {\n^bb0(%in: " + x + ", " + indices +
         "%a = kernel.load %in[%k, %t, %c] : " + x + " -> f32\nkernel.yield %a : f32\n}, {\n^bb0(%product: " + y + ", " + factors + indices +
         "%p = kernel.load %product[%k, %t, %c] : " + y + " -> f32\n" + scaled + "}\nreturn %y : " + y + "\n}\n";
}

class FewRows : public testing::TestWithParam<Shape> {
protected:
  FewRows() : shape(GetParam()), params(weights() + shape.columns * shape.depth, "parameters") {
    for (int64_t n = 0; n < params.size(); ++n) {
      params.data()[n] = rt::unitFloat(rt::randomBlock(17, rt::Stream::Init, uint64_t(n), 0, 0)[0]) - 0.5f;
    }
  }

  int64_t weights() const { return shape.rows * shape.depth; }
  float *row(int64_t n) { return params.data() + weights() + n * shape.depth; }

  std::unique_ptr<rt::Program> compile(const std::string &level, bool int8 = true) { return compile(level, int8, shape); }
  std::unique_ptr<rt::Program> compile(const std::string &level, bool int8, const Shape &shape) {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    mlir::MLIRContext context(registry);
    auto module = mlir::parseSourceString<mlir::ModuleOp>(textOf(shape, int8), &context);
    EXPECT_TRUE(module) << textOf(shape, int8);
    rt::ModelInfo info;
    info.name = "product";
    info.vocab = 4;
    info.parameterElements = (shape.rows + shape.columns) * shape.depth;
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

TEST_P(FewRows, NumbersAndScales) {
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

TEST_P(FewRows, RowsThatAreNotFiniteShow) {
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

// What a step writes for parameters that may just have changed.
std::vector<float> outputOf(rt::Program &program, float *params, const Shape &shape) {
  std::vector<float> output(size_t(shape.rows * shape.columns));
  program.hostAccess(params);
  rt::Call call;
  call.batch = call.slots = 1;
  call.params = params;
  call.output = output.data();
  program.run(rt::Entry::Step, call);
  return output;
}

// Steps read what the parameters are, not what they were.
TEST_P(FewRows, ProductsFollowTheParameters) {
  for (bool int8 : {false, true}) {
    for (const std::string &level : test::hostLevels()) {
      auto program = compile(level, int8);
      for (float factor : {1.0f, -3.0f}) {
        for (int64_t n = weights(); n < params.size(); ++n) {
          params.data()[n] *= factor;
        }
        std::vector<float> output = outputOf(*program, params.data(), shape);
        for (int64_t n = 0; n < shape.columns; ++n) {
          std::vector<float> weight = int8 ? rounded(row(n)) : std::vector<float>(row(n), row(n) + shape.depth);
          for (int64_t r = 0; r < shape.rows; ++r) {
            double sum = 0, size = 0;
            for (int64_t c = 0; c < shape.depth; ++c) {
              double term = double(params.data()[r * shape.depth + c]) * weight[size_t(c)];
              sum += term;
              size += std::abs(term);
            }
            ASSERT_NEAR(output[size_t(r * shape.columns + n)], sum, 1e-6 * size)
                << level << (int8 ? ", int8" : "") << ", row " << r << ", column " << n;
          }
        }
      }
    }
  }
}

// Whatever tile a row falls into, its bits are the same.
TEST_P(FewRows, SameBitsForARowAlone) {
  Shape single{1, shape.columns, shape.depth};
  for (bool int8 : {false, true}) {
    for (const std::string &level : test::hostLevels()) {
      std::vector<float> output = outputOf(*compile(level, int8), params.data(), shape);
      auto alone = compile(level, int8, single);
      for (int64_t r = 0; r < shape.rows; ++r) {
        rt::Buffer own(shape.depth + shape.columns * shape.depth, "a row and the weights");
        std::copy_n(params.data() + r * shape.depth, shape.depth, own.data());
        std::copy_n(row(0), shape.columns * shape.depth, own.data() + shape.depth);
        std::vector<float> expected = outputOf(*alone, own.data(), single);
        ASSERT_EQ(std::memcmp(output.data() + r * shape.columns, expected.data(), expected.size() * sizeof(float)), 0)
            << level << (int8 ? ", int8" : "") << ", row " << r;
      }
    }
  }
}

const Shape shapes[] = {{1, 256, 256}, {1, 8, 1}, {2, 7, 37}, {6, 33, 16}, {7, 12, 515}, {64, 40, 24}, {1, 3, 70000}, {13, 19, 520}, {11, 5, 2056}};

INSTANTIATE_TEST_SUITE_P(Shapes, FewRows, testing::ValuesIn(shapes), [](const auto &info) {
  return std::to_string(info.param.rows) + "x" + std::to_string(info.param.columns) + "x" + std::to_string(info.param.depth);
});

} // namespace
