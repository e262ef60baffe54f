// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A whole kernel: right under every order of threads, and wrong in the ways such kernels go wrong.
#include "test/sim/Gemm.h"
#include "test/sim/Kernels.h"

#include <algorithm>
#include <cstring>
#include <random>

using namespace mblm;
using namespace mblm::test;

namespace {

constexpr int rows = 128, columns = 192, depth = 160;

struct Problem {
  std::vector<uint16_t> a, b;
  std::vector<float> exact;

  Problem() {
    std::mt19937 random(1);
    std::vector<int> x(rows * depth), y(columns * depth);
    for (int &value : x) {
      value = int(random() % 17) - 8;
    }
    for (int &value : y) {
      value = int(random() % 17) - 8;
    }
    auto brain = [](int value) {
      float number = float(value);
      uint32_t bits;
      std::memcpy(&bits, &number, sizeof bits);
      return uint16_t(bits >> 16);
    };
    for (int value : x) {
      a.push_back(brain(value));
    }
    for (int value : y) {
      b.push_back(brain(value));
    }
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) {
        int sum = 0;
        for (int k = 0; k < depth; ++k) {
          sum += x[i * depth + k] * y[j * depth + k];
        }
        exact.push_back(float(sum));
      }
    }
  }
};

std::vector<float> product(Simulated &kernels, uint64_t seed) {
  static const Problem problem;
  kernels.device().setSeed(seed);
  uint16_t *a = kernels.upload(problem.a, "A"), *b = kernels.upload(problem.b, "B");
  float *c = kernels.upload(std::vector<float>(rows * columns), "C");
  kernels.launch("gemm", {columns / gemmTile, rows / gemmTile}, gemmThreads, gemmShared, a, b, c);
  std::vector<float> result = kernels.download(c, rows * columns);
  EXPECT_EQ(result, problem.exact);
  return result;
}

void expectCaught(const std::string &wrong, const std::vector<std::string> &whats) {
  Simulated kernels(wrong);
  for (uint64_t seed : {0, 1, 2, 3}) {
    try {
      product(kernels, seed);
      ADD_FAILURE() << "expected: " << whats[0];
    } catch (const Error &error) {
      EXPECT_TRUE(std::any_of(whats.begin(), whats.end(), [&](const std::string &what) {
        return std::string(error.what()).find(what) != std::string::npos;
      })) << error.what();
    }
  }
}

} // namespace

TEST(SimGemm, IsExactUnderEverySeed) {
  Simulated kernels(gemmKernel(columns, depth));
  for (uint64_t seed = 0; seed < 5; ++seed) {
    product(kernels, seed);
  }
  const sim::Counters &counters = kernels.device().counters().at("gemm");
  EXPECT_EQ(counters.mmaFlops, 5 * 2 * int64_t(rows) * columns * depth);
  EXPECT_EQ(counters.bytesWritten, 5 * 4 * rows * columns);
  EXPECT_EQ(counters.distinctWritten, 5 * 4 * rows * columns);
  EXPECT_EQ(counters.distinctRead, 5 * 2 * (rows + columns) * depth);
  EXPECT_EQ(counters.bytesRead, 5 * 2 * depth * (rows * (columns / 64) + columns * (rows / 64)));
  EXPECT_EQ(counters.bankConflicts, 0);
  EXPECT_EQ(counters.sectors, counters.leastSectors);
}

static std::string without(const std::string &from, const std::string &to = "") {
  return mutated(gemmKernel(columns, depth), from, to);
}

TEST(SimGemm, BarrierRemoved) {
  // Who reads before the others have copied at all reads nothing.
  expectCaught(without("    gpu.barrier // of each step\n"), {"race in shared memory", "which nobody has written"});
}

TEST(SimGemm, WaitRemoved) {
  expectCaught(without("    nvvm.cp.async.wait.group 1\n"), {"an asynchronous copy that was not waited for"});
}

TEST(SimGemm, WaitsForTooLittle) {
  expectCaught(without("wait.group 1", "wait.group 2"), {"an asynchronous copy that was not waited for"});
}

TEST(SimGemm, TooFewStages) { expectCaught(gemmKernel(columns, depth, 2), {"race in shared memory"}); }

TEST(SimGemm, WithoutTheSwizzleBanksConflict) {
  std::string text = gemmKernel(columns, depth);
  for (size_t at = 0; (at = text.find("arith.xori ", at)) != std::string::npos;) {
    size_t comma = text.find(',', at);
    std::string column = text.substr(at + 11, comma - at - 11);
    text.replace(at, text.find(':', at) - at, "arith.addi " + column + ", %none ");
  }
  text = mutated(text, "    %t.index", "    %none = arith.constant 0 : i64\n    %t.index");
  Simulated kernels(text);
  product(kernels, 0);
  EXPECT_GT(kernels.device().counters().at("gemm").bankConflicts, 0);
}
