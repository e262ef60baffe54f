// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the simulator counts, for accesses whose cost is known.
#include "test/sim/Kernels.h"

using namespace mblm;
using namespace mblm::test;

namespace {

// Thread t of one warp reads the element `index` of x, and writes the one of shared memory.
sim::Counters counters(const std::string &index, const std::string &body, uint32_t threads = 32) {
  Simulated kernels(kernelText("%x: !llvm.ptr<1>", index + body));
  float *x = kernels.upload(counted<float>(4096));
  kernels.launch("k", {1, 1}, threads, 16384, x);
  return kernels.device().counters().at("k");
}

std::string times(int64_t factor) { return constant("%factor", factor) + "    %i = arith.muli %t, %factor : i64\n"; }

// Volatile, as nobody uses what is read.
std::string read(const std::string &name, const std::string &base, const std::string &index, int space) {
  return mutated(load(name, base, index, space), "llvm.load", "llvm.load volatile");
}

const std::string readOne = read("%v", "%x", "%i", 1);
const std::string writeOne = "    %f = arith.constant 1.0 : f32\n" + store("%f", "%s", "%i", 3);

} // namespace

TEST(SimCounters, Sectors) {
  struct Case {
    int64_t apart, sectors, least;
  } cases[] = {{1, 4, 4}, {2, 8, 4}, {8, 32, 4}, {0, 1, 1}};
  for (const Case &each : cases) {
    sim::Counters counted = counters(times(each.apart), readOne);
    EXPECT_EQ(counted.sectors, each.sectors) << each.apart;
    EXPECT_EQ(counted.leastSectors, each.least) << each.apart;
    EXPECT_EQ(counted.distinctRead, 32 * each.sectors) << each.apart;
    EXPECT_EQ(counted.bytesRead, 128);
    EXPECT_EQ(counted.bytesWritten, 0);
  }
}

TEST(SimCounters, WideAccesses) {
  sim::Counters counted =
      counters(times(4), at("%a", "%x", "%i", 1) + "    %v = llvm.load volatile %a : !llvm.ptr<1> -> vector<4xf32>\n");
  EXPECT_EQ(counted.sectors, 16);
  EXPECT_EQ(counted.leastSectors, 16);
  EXPECT_EQ(counted.bytesRead, 512);
}

TEST(SimCounters, BankConflicts) {
  struct Case {
    int64_t apart, conflicts;
  } cases[] = {{1, 0}, {2, 1}, {3, 0}, {4, 3}, {32, 31}, {33, 0}};
  for (const Case &each : cases) {
    sim::Counters counted = counters(times(each.apart), writeOne);
    EXPECT_EQ(counted.sharedAccesses, 1) << each.apart;
    EXPECT_EQ(counted.bankConflicts, each.conflicts) << each.apart;
  }
}

TEST(SimCounters, WideSharedAccessesGoByQuarters) {
  auto wide = [](int64_t apart) {
    return counters(times(apart), "    %f = arith.constant dense<1.0> : vector<4xf32>\n" + at("%a", "%s", "%i", 3) +
                                      "    llvm.store %f, %a : vector<4xf32>, !llvm.ptr<3>\n");
  };
  EXPECT_EQ(wide(4).sharedAccesses, 4);
  EXPECT_EQ(wide(4).bankConflicts, 0);
  EXPECT_EQ(wide(32).bankConflicts, 4 * 7); // eight lanes of a quarter on the same four banks
}

TEST(SimCounters, BroadcastsDoNotConflict) {
  sim::Counters counted =
      counters(times(1), writeOne + "    gpu.barrier\n" + constant("%zero", 0) + read("%v", "%s", "%zero", 3));
  EXPECT_EQ(counted.sharedAccesses, 2);
  EXPECT_EQ(counted.bankConflicts, 0);
}

// Lanes that go different ways are still taken together, turn by turn.
TEST(SimCounters, DivergentLanes) {
  std::string halves = constant("%half", 16) +
                       "    %c = arith.cmpi slt, %t, %half : i64\n"
                       "    scf.if %c {\n" +
                       readOne + "    }\n" + read("%w", "%x", "%t", 1);
  sim::Counters counted = counters(times(1), halves);
  EXPECT_EQ(counted.sectors, 2 + 4);
  EXPECT_EQ(counted.leastSectors, 2 + 4);
  EXPECT_EQ(counted.distinctRead, 128);
  EXPECT_EQ(counted.bytesRead, 64 + 128);
}

TEST(SimCounters, AddUpOverLaunchesAndPrint) {
  Simulated kernels(kernelText("%x: !llvm.ptr<1>", times(1) + readOne));
  float *x = kernels.upload(counted<float>(4096));
  kernels.launch("k", {2, 1}, 32, 0, x);
  kernels.launch("k", {2, 1}, 32, 0, x);
  EXPECT_EQ(
      kernels.device().countersText(),
      "k: launches 2, blocks 4, threads 128, bytes read 512 (distinct 256), bytes written 0 (distinct 0), sectors 16 "
      "(least 16), shared wavefronts 0 and conflicts 0, mma flops 0\n");
}

TEST(SimDevice, GraphsRunWhatWasAskedFor) {
  std::string twice = load("%v", "%x", "%t", 1) + "    %w = arith.addf %v, %v : f32\n" + store("%w", "%x", "%t", 1);
  Simulated kernels(kernelText("%x: !llvm.ptr<1>", twice));
  float *x = kernels.upload(std::vector<float>(32, 1));
  auto graph = kernels.device().record([&] {
    kernels.launch("k", {1, 1}, 32, 0, x);
    kernels.launch("k", {1, 1}, 32, 0, x);
  });
  EXPECT_EQ(kernels.download(x, 32), std::vector<float>(32, 1));
  graph->run();
  graph->run();
  EXPECT_EQ(kernels.download(x, 32), std::vector<float>(32, 16));
}

TEST(SimDevice, CopiesStayWithinAllocations) {
  Simulated kernels(kernelText("", ""));
  float *x = kernels.upload(std::vector<float>(32), "weights");
  try {
    kernels.device().clear(x, 132);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.code, Exit::Device);
    EXPECT_STREQ(error.what(),
                 "simulator: clearing of 132 bytes leaves the device's allocations behind 'weights' of 128 bytes");
  }
  EXPECT_THROW(kernels.launch("other", {1, 1}, 32, 0), Error);
}
