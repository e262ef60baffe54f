// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products by the library against the same as written. The library's fake works column by column, as the real one.
#include "runtime/Gpu/Product.h"
#include "runtime/Support/Convert.h"
#include "test/cuda/Fixture.h"

#include <cmath>

using namespace mblm;
using rt::gpu::Element;
using rt::gpu::ProductCall;

namespace {

// Numbers in the host's memory, which is the fake device's too.
struct Matrix {
  Matrix(Element element, int64_t count, int seed) : element(element), bytes(count * 4) {
    for (int64_t i = 0; i < count; ++i) {
      float value = float((i * 7 + seed) % 23 - 11) / 8;
      if (element == Element::F32) {
        reinterpret_cast<float *>(bytes.data())[i] = value;
      } else {
        reinterpret_cast<uint16_t *>(bytes.data())[i] = rt::brainFromFloat(value);
      }
    }
  }
  float at(int64_t i) const {
    return element == Element::F32 ? reinterpret_cast<const float *>(bytes.data())[i]
                                   : rt::floatFromBrain(reinterpret_cast<const uint16_t *>(bytes.data())[i]);
  }
  Element element;
  std::vector<char> bytes;
};

class BlasLtTest : public test::CudaTest {
protected:
  void SetUp() override {
    CudaTest::SetUp();
    setenv("MBLM_CUBLASLT", FAKE_BLAS, 1);
  }

  // 3 x 5 from a depth of 4, rows further apart than they are long.
  ProductCall call(Element element, Element resultElement) {
    left.emplace(element, 3 * 6, 1);
    right.emplace(element, 5 * 7, 2);
    result.emplace(resultElement, 3 * 8, 3);
    bias.emplace(resultElement, 5, 4);
    ProductCall call;
    call.left = left->bytes.data();
    call.right = right->bytes.data();
    call.result = result->bytes.data();
    call.rows = 3;
    call.columns = 5;
    call.depth = 4;
    call.leftStride = 6;
    call.rightStride = 7;
    call.resultStride = 8;
    call.element = element;
    call.resultElement = resultElement;
    call.from = "/stages/0/ff";
    return call;
  }

  std::optional<Matrix> left, right, result, bias;
};

TEST_F(BlasLtTest, EqualsTheProductAsWritten) {
  auto device = open();
  for (auto [element, resultElement] :
       {std::pair{Element::BF16, Element::BF16}, {Element::BF16, Element::F32}, {Element::F32, Element::F32}}) {
    for (int epilogue = 0; epilogue < 4; ++epilogue) {
      ProductCall product = call(element, resultElement);
      product.bias = epilogue & 1 ? bias->bytes.data() : nullptr;
      product.gelu = epilogue & 2;
      Matrix want = *result;
      ASSERT_TRUE(device->product(product));
      product.result = want.bytes.data();
      rt::gpu::plainProduct(product);
      for (int64_t i = 0; i < 3 * 8; ++i) {
        EXPECT_NEAR(result->at(i), want.at(i), 1e-6) << i; // beyond the columns both leave what was there
      }
    }
  }
}

// 3 x 5 from a depth of 4, each factor either way round, added to what is there or to another matrix.
TEST_F(BlasLtTest, FactorsEitherWayRoundAndAddends) {
  auto device = open();
  for (int way = 0; way < 12; ++way) {
    ProductCall product = call(Element::BF16, Element::F32);
    product.leftDepthInside = way & 1;
    product.rightDepthInside = way & 2;
    Matrix addend(Element::F32, 3 * 8, 5);
    product.addend = way < 4 ? nullptr : way < 8 ? addend.bytes.data() : product.result;
    product.bias = bias->bytes.data();
    Matrix want = *result;
    ASSERT_TRUE(device->product(product));
    float expected = 0; // row 2, column 1
    for (int k = 0; k < 4; ++k) {
      expected += left->at(way & 1 ? 2 * 6 + k : k * 6 + 2) * right->at(way & 2 ? 1 * 7 + k : k * 7 + 1);
    }
    expected += bias->at(1) + (way < 4 ? 0 : way < 8 ? addend.at(2 * 8 + 1) : want.at(2 * 8 + 1));
    EXPECT_EQ(result->at(2 * 8 + 1), expected) << way; // few enough bits to be exact
    product.addend = way < 8 ? product.addend : want.bytes.data();
    product.result = want.bytes.data();
    rt::gpu::plainProduct(product);
    EXPECT_EQ(result->bytes, want.bytes) << way;
  }
}

TEST_F(BlasLtTest, ProductByHand) {
  float a[] = {1, 2, 3, 4}, b[] = {5, 6, 7, 8, 9, 10}, bias[] = {100, 200, -400}, got[6] = {};
  ProductCall call;
  call.left = a;  // [2, 2]
  call.right = b; // [3, 2]
  call.result = got;
  call.bias = bias;
  call.rows = 2;
  call.columns = 3;
  call.depth = call.leftStride = call.rightStride = 2;
  call.resultStride = 3;
  call.element = call.resultElement = Element::F32;
  rt::gpu::plainProduct(call);
  EXPECT_EQ(std::vector<float>(got, got + 6), (std::vector<float>{117, 223, -371, 139, 253, -333}));
  call.bias = nullptr;
  call.gelu = true;
  a[0] = a[1] = -0.0625f; // sums of -0.6875, -0.9375, -1.1875
  rt::gpu::plainProduct(call);
  for (int i = 0; i < 3; ++i) {
    double x = -0.6875 - 0.25 * i;
    EXPECT_NEAR(got[i], 0.5 * x * (1 + std::erf(x / std::sqrt(2))), 1e-3); // its tanh form is as close
  }
}

TEST_F(BlasLtTest, RoundedOperands) {
  float a = 1 + 0x1p-11f, b = 3, got = 0;
  ProductCall call;
  call.left = &a;
  call.right = &b;
  call.result = &got;
  call.rows = call.columns = call.depth = call.leftStride = call.rightStride = call.resultStride = 1;
  call.element = call.resultElement = Element::F32;
  rt::gpu::plainProduct(call);
  EXPECT_EQ(got, 3 * a);
  call.rounded = true;
  rt::gpu::plainProduct(call);
  EXPECT_EQ(got, 3 * (1 + 0x1p-10f));
  auto device = open();
  ASSERT_TRUE(device->product(call));
  EXPECT_EQ(fakeBlas.compute, 77);
  call.rounded = false;
  ASSERT_TRUE(device->product(call));
  EXPECT_EQ(fakeBlas.compute, 68);
}

TEST_F(BlasLtTest, OneSearchForEachForm) {
  auto device = open();
  ProductCall product = call(Element::BF16, Element::BF16);
  alignas(256) static char workspace[4096];
  product.workspace = workspace;
  product.workspaceBytes = 4096;
  EXPECT_TRUE(device->product(product));
  EXPECT_TRUE(device->product(product));
  EXPECT_EQ(fakeBlas.searches, 1);
  EXPECT_EQ(fakeBlas.products, 2);
  EXPECT_EQ(fakeBlas.preferences[1], 4096u);
  EXPECT_EQ(fakeBlas.preferences[3], 2u); // parts of sums meet in the workspace, in one order
  product.addend = product.result;
  EXPECT_TRUE(device->product(product));
  EXPECT_EQ(fakeBlas.searches, 2);
  product.rows = 2;
  EXPECT_TRUE(device->product(product));
  EXPECT_EQ(fakeBlas.searches, 3);
}

TEST_F(BlasLtTest, AlignmentOfOperands) {
  auto device = open();
  ProductCall product = call(Element::BF16, Element::BF16);
  alignas(256) static char memory[3][1024];
  product.right = memory[0] + 16;
  product.left = memory[1] + 64;
  product.result = memory[2];
  EXPECT_TRUE(device->product(product));
  EXPECT_EQ(fakeBlas.preferences[5], 16u);
  EXPECT_EQ(fakeBlas.preferences[6], 64u);
  EXPECT_EQ(fakeBlas.preferences[8], 256u);
}

TEST_F(BlasLtTest, NoLibrary) {
  setenv("MBLM_CUBLASLT", "/nowhere/libcublasLt.so", 1);
  EXPECT_FALSE(open()->product(call(Element::BF16, Element::BF16)));
  setenv("MBLM_CUBLASLT", FAKE_DRIVER, 1);
  EXPECT_FALSE(open()->product(call(Element::BF16, Element::BF16)));
  setenv("MBLM_CUBLASLT", "off", 1);
  EXPECT_FALSE(open()->product(call(Element::BF16, Element::BF16)));
}

TEST_F(BlasLtTest, NoAlgorithm) {
  auto device = open();
  fakeBlas.algorithms = 0;
  EXPECT_FALSE(device->product(call(Element::BF16, Element::BF16)));
  EXPECT_FALSE(device->product(call(Element::BF16, Element::BF16)));
  EXPECT_EQ(fakeBlas.searches, 1);
}

TEST_F(BlasLtTest, Failures) {
  auto device = open();
  fakeBlas.failures["cublasLtMatmul"] = 13;
  EXPECT_EQ(failure([&] { device->product(call(Element::BF16, Element::BF16)); }),
            "6: cuBLASLt cannot multiply 3 x 4 by 4 x 5 for /stages/0/ff: CUBLAS_STATUS_EXECUTION_FAILED; "
            "MBLM_CUBLASLT=off does without it");
}

// What it says before it has begun is a refusal: then the kernels do the work.
TEST_F(BlasLtTest, Refusals) {
  for (const char *function : {"cublasLtCreate", "cublasLtMatmulDescCreate", "cublasLtMatmulDescSetAttribute",
                               "cublasLtMatrixLayoutCreate", "cublasLtMatmulPreferenceCreate",
                               "cublasLtMatmulPreferenceSetAttribute"}) {
    fakeBlas.failures = {{function, 7}};
    auto device = open();
    EXPECT_FALSE(device->product(call(Element::BF16, Element::BF16))) << function;
    fakeBlas.failures.clear();
    EXPECT_FALSE(device->product(call(Element::BF16, Element::BF16))) << function; // it is not asked again
  }
}

} // namespace
