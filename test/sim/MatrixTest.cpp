// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products and loads of fragments against plain loops.
#include "test/sim/Kernels.h"

#include <cstring>
#include <random>

using namespace mblm;
using namespace mblm::test;

static uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Small integers, which every type holds exactly.
static std::vector<float> smallNumbers(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float &value : values) {
    value = float(int(random() % 17) - 8);
  }
  return values;
}

static uint32_t encoded(float value, const std::string &type) {
  if (type == "bf16") {
    return bitsOf(value) >> 16;
  }
  if (type == "f16") {
    _Float16 half = _Float16(value);
    uint16_t bits;
    std::memcpy(&bits, &half, sizeof bits);
    return bits;
  }
  return bitsOf(value);
}

// One product of a warp: D = A B + C, A row by row, B column by column; fragments as the PTX manual draws them.
static void expectProduct(const std::string &type, int depth) {
  std::vector<float> a = smallNumbers(16 * depth, 1), b = smallNumbers(8 * depth, 2), c = smallNumbers(16 * 8, 3);
  bool wide = type == "tf32";
  int perWord = wide ? 1 : 2;
  auto word = [&](const std::vector<float> &from, int row, int column) {
    uint32_t bits = 0;
    for (int i = 0; i < perWord; ++i) {
      bits |= encoded(from[row * depth + column + i], type) << 16 * i;
    }
    return bits;
  };
  std::vector<uint32_t> in(32 * 10);
  for (int lane = 0; lane < 32; ++lane) {
    int g = lane / 4, t = lane % 4 * perWord, half = depth / 2;
    uint32_t *mine = &in[lane * 10];
    mine[0] = word(a, g, t);
    mine[1] = word(a, g + 8, t);
    mine[2] = word(a, g, t + half);
    mine[3] = word(a, g + 8, t + half);
    mine[4] = word(b, g, t);
    mine[5] = word(b, g, t + half);
    for (int i = 0; i < 4; ++i) {
      mine[6 + i] = bitsOf(c[(g + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2]);
    }
  }
  std::string operand = type == "f16" ? "vector<2xf16>" : "i32", body = constant("%ten", 10) + constant("%four", 4) +
                                                                        "    %first = arith.muli %lane, %ten : i64\n"
                                                                        "    %out = arith.muli %lane, %four : i64\n";
  for (int i = 0; i < 10; ++i) {
    std::string n = std::to_string(i);
    body += constant("%n" + n, i) + "    %i" + n + " = arith.addi %first, %n" + n + " : i64\n" +
            load("%w" + n, "%x", "%i" + n, 1, i < 6 ? operand : "f32");
  }
  body += "    %d = nvvm.mma.sync A[%w0, %w1, %w2, %w3] B[%w4, %w5] C[%w6, %w7, %w8, %w9] {layoutA = "
          "#nvvm.mma_layout<row>, "
          "layoutB = #nvvm.mma_layout<col>, ";
  if (type != "f16") {
    body +=
        "multiplicandAPtxType = #nvvm.mma_type<" + type + ">, multiplicandBPtxType = #nvvm.mma_type<" + type + ">, ";
  }
  body += "shape = #nvvm.shape<m = 16, n = 8, k = " + std::to_string(depth) + ">} : (" + operand + ", " + operand +
          ", f32) -> !llvm.struct<(f32, f32, f32, f32)>\n";
  for (int i = 0; i < 4; ++i) {
    std::string n = std::to_string(i);
    body += "    %d" + n + " = llvm.extractvalue %d[" + n + "] : !llvm.struct<(f32, f32, f32, f32)>\n    %o" + n +
            " = arith.addi %out, %n" + n + " : i64\n" + store("%d" + n, "%y", "%o" + n, 1);
  }
  Simulated kernels(kernelText("%x: !llvm.ptr<1>, %y: !llvm.ptr<1>", body));
  uint32_t *x = kernels.upload(in);
  float *y = kernels.upload(std::vector<float>(128));
  kernels.launch("k", {1, 1}, 32, 0, x, y);
  std::vector<float> result = kernels.download(y, 128);
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) {
      int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      float exact = c[row * 8 + column];
      for (int k = 0; k < depth; ++k) {
        exact += a[row * depth + k] * b[column * depth + k];
      }
      EXPECT_EQ(result[lane * 4 + i], exact) << type << " " << row << " " << column;
    }
  }
  EXPECT_EQ(kernels.device().counters().at("k").mmaFlops, 2 * 16 * 8 * depth);
}

TEST(SimMatrix, ProductsOfBF16) { expectProduct("bf16", 16); }
TEST(SimMatrix, ProductsOfF16) { expectProduct("f16", 16); }
TEST(SimMatrix, ProductsOfTF32) { expectProduct("tf32", 8); }

// To 10 bits of mantissa: ties go away from zero, a carry into the exponent, and what is no number stays none.
TEST(SimMatrix, RoundsToTF32) {
  std::vector<uint32_t> in(32), want(32);
  const std::pair<uint32_t, uint32_t> pairs[] = {
      {0x3f800000, 0x3f800000}, {0x3f800fff, 0x3f800000}, {0x3f801000, 0x3f802000}, {0xbf801000, 0xbf802000},
      {0x3f803000, 0x3f804000}, {0x3ffff000, 0x40000000}, {0x7f7ff000, 0x7f800000}, {0x7f800000, 0x7f800000},
      {0xff800000, 0xff800000}, {0x00001000, 0x00002000}, {0x80000fff, 0x80000000}};
  size_t count = std::size(pairs);
  for (size_t i = 0; i < count; ++i) {
    std::tie(in[i], want[i]) = pairs[i];
  }
  in[count] = 0x7fffffff; // NaN
  std::string body = load("%v", "%x", "%t", 1) +
                     "    %r = nvvm.convert.float.to.tf32 %v {rnd = #nvvm.fp_rnd_mode<rna>}\n" + store("%r", "%y", "%t", 1, "i32");
  Simulated kernels(kernelText("%x: !llvm.ptr<1>, %y: !llvm.ptr<1>", body));
  uint32_t *x = kernels.upload(in), *y = kernels.upload(std::vector<uint32_t>(32));
  kernels.launch("k", {1, 1}, 32, 0, x, y);
  std::vector<uint32_t> result = kernels.download(y, 32);
  for (size_t i = 0; i < count; ++i) {
    EXPECT_EQ(result[i], want[i]) << std::hex << in[i];
  }
  EXPECT_EQ(result[count] & 0x7f800000, 0x7f800000u);
  EXPECT_NE(result[count] & 0x7fe000, 0u);
}

// 32 rows of 8 halfwords in shared memory, each lane with the address of one.
static void expectFragments(int count, bool transposed) {
  std::string rows = constant("%eight", 8) + "    %first = arith.muli %t, %eight : i64\n", results = "i32";
  for (int i = 0; i < 8; ++i) {
    std::string n = std::to_string(i);
    rows += constant("%n" + n, i) + "    %i" + n + " = arith.addi %first, %n" + n + " : i64\n" +
            load("%v" + n, "%x", "%i" + n, 1, "i16") + store("%v" + n, "%s", "%i" + n, 3, "i16");
  }
  std::string body = rows + "    gpu.barrier\n" + at("%row", "%s", "%first", 3, "i16");
  if (count > 1) {
    results = "!llvm.struct<(i32" + std::string(count == 2 ? ", i32" : ", i32, i32, i32") + ")>";
  }
  body += "    %m = nvvm.ldmatrix %row {num = " + std::to_string(count) + " : i32, layout = #nvvm.mma_layout<" +
          (transposed ? "col" : "row") +
          ">, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : "
          "(!llvm.ptr<3>) -> " +
          results + "\n" + constant("%count", count) + "    %out = arith.muli %t, %count : i64\n";
  for (int i = 0; i < count; ++i) {
    std::string n = std::to_string(i), value = count == 1 ? "%m" : "%m" + n;
    if (count > 1) {
      body += "    " + value + " = llvm.extractvalue %m[" + n + "] : " + results + "\n";
    }
    body += "    %o" + n + " = arith.addi %out, %n" + n + " : i64\n" + store(value, "%y", "%o" + n, 1, "i32");
  }
  Simulated kernels(kernelText("%x: !llvm.ptr<1>, %y: !llvm.ptr<1>", body));
  uint16_t *x = kernels.upload(counted<uint16_t>(256));
  uint32_t *y = kernels.upload(std::vector<uint32_t>(32 * count));
  kernels.launch("k", {1, 1}, 32, 512, x, y);
  std::vector<uint32_t> result = kernels.download(y, 32 * count);
  for (int lane = 0; lane < 32; ++lane) {
    for (int matrix = 0; matrix < count; ++matrix) {
      int row = lane / 4, column = lane % 4 * 2;
      auto element = [&](int i, int j) { return uint32_t(matrix * 64 + i * 8 + j); };
      uint32_t low = transposed ? element(column, row) : element(row, column);
      uint32_t high = transposed ? element(column + 1, row) : element(row, column + 1);
      EXPECT_EQ(result[lane * count + matrix], low | high << 16) << count << " " << lane << " " << matrix;
    }
  }
}

TEST(SimMatrix, LoadsOfFragments) {
  for (int count : {1, 2, 4}) {
    expectFragments(count, false);
    expectFragments(count, true);
  }
}
