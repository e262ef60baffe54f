// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the simulator of CUDA kernels takes: mblm-bench-simulator prints a line a kernel.
#include "test/sim/Gemm.h"
#include "test/sim/Kernels.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <ctime>

using namespace mblm;
using namespace mblm::test;

static double cpuNanoseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) * 1e9 + double(now.tv_nsec);
}

// The best of several runs, in nanoseconds of this thread alone.
template <class Run>
static double best(Run run) {
  double least = 1e30;
  for (int i = 0; i < 9; ++i) {
    double start = cpuNanoseconds();
    run();
    least = std::min(least, cpuNanoseconds() - start);
  }
  return least;
}

static void report(const std::string &what, double nanoseconds, double count, const std::string &unit) {
  llvm::outs() << llvm::formatv("{0,-44} {1,9:f2} ms {2,9:f2} ns a {3}\n", what, nanoseconds / 1e6, nanoseconds / count,
                                unit);
}

static void addVectors() {
  constexpr uint32_t count = 1 << 20;
  std::string body = constant("%n", 256) +
                     "    %first = arith.muli %b, %n : i64\n    %i = arith.addi %first, %t : i64\n" +
                     load("%v", "%x", "%i", 1) + load("%w", "%y", "%i", 1) + "    %sum = arith.addf %v, %w : f32\n" +
                     store("%sum", "%z", "%i", 1);
  Simulated kernels(kernelText("%x: !llvm.ptr<1>, %y: !llvm.ptr<1>, %z: !llvm.ptr<1>", body));
  float *x = kernels.upload(counted<float>(count)), *y = kernels.upload(counted<float>(count)),
        *z = kernels.upload(std::vector<float>(count));
  report("sum of two vectors of 2^20, no barriers", best([&] {
           kernels.launch("k", {count / 256, 1}, 256, 0, x, y, z);
         }),
         count, "thread");
}

static void meetAtBarriers() {
  constexpr uint32_t blocks = 64, rounds = 100, threads = 256;
  std::string loop = constant("%zero", 0) + constant("%one", 1) + constant("%rounds", rounds) +
                     "    scf.for %i = %zero to %rounds step %one : i64 {\n    gpu.barrier\n    }\n";
  Simulated kernels(kernelText("", loop));
  double time = best([&] { kernels.launch("k", {blocks, 1}, threads, 0); });
  const sim::Counters &counters = kernels.device().counters().at("k");
  report("barriers of 256 threads", time, double(counters.switches) / double(counters.launches), "switch");
}

static void shuffleWords() {
  constexpr uint32_t blocks = 64, rounds = 100, threads = 256;
  std::string loop = constant("%zero", 0) + constant("%one", 1) + constant("%rounds", rounds) +
                     constant("%o", 1, "i32") + constant("%m", 31, "i32") + constant("%all", -1, "i32") +
                     "    %r = scf.for %i = %zero to %rounds step %one iter_args(%v = %o) -> (i32) : i64 {\n"
                     "    %w = nvvm.shfl.sync bfly %all, %v, %o, %m : i32 -> i32\n    scf.yield %w : i32\n    }\n";
  Simulated kernels(kernelText("%x: !llvm.ptr<1>", mutated(loop, "    }\n", "    }\n" + constant("%last", 16384)) +
                                                       "    %f = arith.muli %b, %last : i64\n" +
                                                       "    %at = arith.addi %f, %t : i64\n" +
                                                       store("%r", "%x", "%at", 1, "i32")));
  uint32_t *x = kernels.upload(std::vector<uint32_t>(blocks * 16384));
  double time = best([&] { kernels.launch("k", {blocks, 1}, threads, 0, x); });
  report("shuffles of warps", time, double(blocks) * rounds * threads, "thread and shuffle");
}

static void multiply() {
  constexpr uint32_t size = 256;
  Simulated kernels(gemmKernel(size, size));
  uint16_t *a = kernels.upload(std::vector<uint16_t>(size * size, 0x3f80)),
           *b = kernels.upload(std::vector<uint16_t>(size * size, 0x3f80));
  float *c = kernels.upload(std::vector<float>(size * size));
  double time = best([&] {
    kernels.launch("gemm", {size / gemmTile, size / gemmTile}, gemmThreads, gemmShared, a, b, c);
  });
  report("product of 256^3, bf16 on mma.sync", time, double(size) * size * size, "multiply-add");
  llvm::outs() << kernels.device().countersText();
}

int main() {
  meetAtBarriers();
  shuffleWords();
  addVectors();
  multiply();
}
