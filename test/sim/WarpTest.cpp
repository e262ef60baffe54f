// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations of warps against plain loops.
#include "test/sim/Kernels.h"

using namespace mblm;
using namespace mblm::test;

// Each of 64 threads has its number plus one; what `body` makes of %v (i32), as %r (i32).
static std::vector<uint32_t> perThread(const std::string &body) {
  Simulated kernels(kernelText("%x: !llvm.ptr<1>, %y: !llvm.ptr<1>", load("%v", "%x", "%t", 1, "i32") +
                                                                         constant("%all", -1, "i32") + body +
                                                                         store("%r", "%y", "%t", 1, "i32")));
  uint32_t *x = kernels.upload(counted<uint32_t>(64, 1)), *y = kernels.upload(std::vector<uint32_t>(64));
  std::vector<uint32_t> first;
  for (uint64_t seed : {0, 5}) {
    kernels.device().setSeed(seed);
    kernels.launch("k", {1, 1}, 64, 0, x, y);
    std::vector<uint32_t> result = kernels.download(y, 64);
    EXPECT_TRUE(first.empty() || first == result);
    first = result;
  }
  return first;
}

static std::string shuffle(const std::string &kind, int offset, int clamp) {
  return constant("%o", offset, "i32") + constant("%c", clamp, "i32") + "    %r = nvvm.shfl.sync " + kind +
         " %all, %v, %o, %c : i32 -> i32\n";
}

TEST(SimWarp, Shuffles) {
  struct Case {
    const char *kind;
    int offset, clamp;
    int (*source)(int lane);
  } cases[] = {
      {"bfly", 5, 31, [](int lane) { return lane ^ 5; }},
      {"up", 3, 0, [](int lane) { return lane >= 3 ? lane - 3 : lane; }},
      {"down", 7, 31, [](int lane) { return lane + 7 < 32 ? lane + 7 : lane; }},
      {"idx", 9, 31, [](int) { return 9; }},
      // Segments of eight lanes: the segment's mask is in bits 8 to 12.
      {"down", 3, 0x1807 | 7, [](int lane) { return lane % 8 + 3 < 8 ? lane + 3 : lane; }},
      {"up", 2, 0x1800, [](int lane) { return lane % 8 >= 2 ? lane - 2 : lane; }},
      {"idx", 2, 0x181f, [](int lane) { return lane / 8 * 8 + 2; }},
  };
  for (const Case &each : cases) {
    std::vector<uint32_t> result = perThread(shuffle(each.kind, each.offset, each.clamp));
    for (int t = 0; t < 64; ++t) {
      EXPECT_EQ(result[t], uint32_t(t / 32 * 32 + each.source(t % 32) + 1)) << each.kind << " " << t;
    }
  }
}

TEST(SimWarp, ShufflesSayWhetherTheSourceIsInRange) {
  std::vector<uint32_t> result = perThread(R"(    %o = arith.constant 4 : i32
    %c = arith.constant 31 : i32
    %p = nvvm.shfl.sync down %all, %v, %o, %c {return_value_and_is_valid} : i32 -> !llvm.struct<(i32, i1)>
    %valid = llvm.extractvalue %p[1] : !llvm.struct<(i32, i1)>
    %r = llvm.zext %valid : i1 to i32
)");
  for (int t = 0; t < 64; ++t) {
    EXPECT_EQ(result[t], uint32_t(t % 32 < 28)) << t;
  }
}

TEST(SimWarp, VotesAndReductions) {
  std::string odd = constant("%one", 1, "i32") + "    %bit = arith.andi %v, %one : i32\n"
                                                 "    %odd = arith.trunci %bit : i32 to i1\n";
  EXPECT_EQ(perThread(odd + "    %r = nvvm.vote.sync ballot %all, %odd -> i32\n"),
            std::vector<uint32_t>(64, 0x55555555));
  auto vote = [&](const std::string &kind) {
    return perThread(odd + "    %q = nvvm.vote.sync " + kind +
                     " %all, %odd -> i1\n    %r = llvm.zext %q : i1 to i32\n");
  };
  EXPECT_EQ(vote("any"), std::vector<uint32_t>(64, 1));
  EXPECT_EQ(vote("all"), std::vector<uint32_t>(64, 0));
  EXPECT_EQ(vote("uni"), std::vector<uint32_t>(64, 0));
  auto reduce = [&](const std::string &kind) {
    return perThread("    %r = nvvm.redux.sync " + kind + " %v, %all : i32 -> i32\n");
  };
  std::vector<uint32_t> sums = reduce("add"), largest = reduce("umax"), smallest = reduce("min"), any = reduce("or"),
                        differing = reduce("xor");
  for (uint32_t t = 0; t < 64; ++t) {
    uint32_t low = t / 32 * 32 + 1, high = low + 31, every = 0, parity = 0;
    for (uint32_t v = low; v <= high; ++v) {
      every |= v;
      parity ^= v;
    }
    EXPECT_EQ(sums[t], (low + high) * 16);
    EXPECT_EQ(largest[t], high);
    EXPECT_EQ(smallest[t], low);
    EXPECT_EQ(any[t], every);
    EXPECT_EQ(differing[t], parity);
  }
}

TEST(SimWarp, ElectsOneLane) {
  std::vector<uint32_t> result = perThread("    %q = nvvm.elect.sync -> i1\n    %r = llvm.zext %q : i1 to i32\n");
  for (int t = 0; t < 64; ++t) {
    EXPECT_EQ(result[t], uint32_t(t % 32 == 0)) << t;
  }
}
