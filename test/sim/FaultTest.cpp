// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For each check a kernel that is right, and the mutation that only this check must see, at the right place.
#include "test/sim/Kernels.h"

using namespace mblm;
using namespace mblm::test;

namespace {

struct Shape {
  uint32_t grid = 1, threads = 64, shared = 1024;
};

// What a launch with x[256] = 0, 1, .. and y[256] says; empty where it runs through.
std::string complaint(const std::string &text, const Shape &shape, uint64_t seed = 0) {
  Simulated &kernels = compiled(text);
  kernels.device().setSeed(seed);
  float *x = kernels.upload(counted<float>(256), "x"), *y = kernels.upload(std::vector<float>(256), "y");
  try {
    kernels.launch("k", {shape.grid, 1}, shape.threads, shape.shared, x, y);
  } catch (const Error &error) {
    EXPECT_EQ(error.code, Exit::Internal);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "";
}

std::string kernel(const std::string &body) { return kernelText("%x: !llvm.ptr<1>, %y: !llvm.ptr<1>", body); }

// `right` runs under every seed, in the same way; with `from` replaced by `to` it is refused with `what`, at the line
// that holds `place`.
void expectCaught(const std::string &right, const std::string &from, const std::string &to, const std::string &what,
                  const std::string &place, const Shape &shape = {}) {
  for (uint64_t seed : {0, 1, 2}) {
    EXPECT_EQ(complaint(right, shape, seed), "");
  }
  std::string wrong = mutated(right, from, to);
  for (uint64_t seed : {0, 1, 2}) {
    std::string said = complaint(wrong, shape, seed);
    EXPECT_NE(said.find(what), std::string::npos) << "expected: " << what << "\nsaid: " << said;
    EXPECT_NE(said.find(lineOf(wrong, place)), std::string::npos)
        << "expected: " << lineOf(wrong, place) << " " << place << "\nsaid: " << said;
    EXPECT_NE(said.find("kernel 'k', block (0, 0), thread "), std::string::npos) << said;
  }
}

const std::string one = "    %f = arith.constant 1.0 : f32\n";
const std::string neighbour = constant("%far", 32) + "    %o = arith.xori %t, %far : i64\n"; // in the other warp
const std::string copyThrough = load("%v", "%x", "%t", 1) + store("%v", "%y", "%t", 1);

std::string onlyIf(const std::string &condition, const std::string &body) {
  return "    %c = arith.cmpi " + condition + " : i64\n    scf.if %c {\n" + body + "    }\n";
}

} // namespace

TEST(SimFault, ReadAfterWriteWithoutBarrier) {
  std::string exchange = kernel(one + store("%f", "%s", "%t", 3) + "    gpu.barrier // first\n" +
                                load("%v", "%x", "%t", 1) + store("%v", "%s", "%t", 3) + "    gpu.barrier // second\n" +
                                neighbour + load("%w", "%s", "%o", 3) + store("%w", "%y", "%t", 1));
  expectCaught(exchange, "    gpu.barrier // second\n", "", "race in shared memory: llvm.", "llvm.load %w.at");
}

TEST(SimFault, WriteAfterReadWithoutBarrier) {
  std::string twice =
      kernel(one + store("%f", "%s", "%t", 3) + "    gpu.barrier // first\n" + neighbour + load("%w", "%s", "%o", 3) +
             "    gpu.barrier // second\n" + store("%w", "%s", "%t", 3) + store("%w", "%y", "%t", 1));
  expectCaught(twice, "    gpu.barrier // second\n", "", "race in shared memory: llvm.", "llvm.load %w.at");
}

TEST(SimFault, LanesNeedTheirSync) {
  std::string within =
      kernel(load("%v", "%x", "%t", 1) + store("%v", "%s", "%t", 3) + constant("%all", -1, "i32") +
             "    nvvm.bar.warp.sync %all : i32\n" + constant("%one", 1) + "    %o = arith.xori %t, %one : i64\n" +
             load("%w", "%s", "%o", 3) + store("%w", "%y", "%t", 1));
  // A reduction brings the lanes together, but orders no memory.
  expectCaught(within, "nvvm.bar.warp.sync %all : i32", "%u = nvvm.redux.sync add %all, %all : i32 -> i32",
               "race in shared memory: llvm.load", "llvm.load %w.at");
}

TEST(SimFault, ReadOfUnwrittenSharedMemory) {
  std::string exchange = kernel(load("%v", "%x", "%t", 1) + store("%v", "%s", "%t", 3) + "    gpu.barrier\n" +
                                neighbour + load("%w", "%s", "%o", 3) + store("%w", "%y", "%t", 1));
  expectCaught(exchange, "constant 32", "constant 64", "unwritten: llvm.load", "llvm.load %w.at");
}

TEST(SimFault, GlobalOutOfBounds) {
  std::string right = kernel(constant("%n", 192) + "    %o = arith.addi %t, %n : i64\n" + load("%v", "%x", "%o", 1) +
                             store("%v", "%y", "%o", 1));
  expectCaught(right, "constant 192", "constant 193", "out of bounds: llvm.load", "llvm.load %v.at");
  expectCaught(right, "constant 192", "constant -1", "touches 4 bytes of global memory", "llvm.load %v.at");
}

TEST(SimFault, SharedOutOfBounds) {
  std::string right = kernel(constant("%n", 192) + "    %o = arith.addi %t, %n : i64\n" + load("%v", "%x", "%t", 1) +
                             store("%v", "%s", "%o", 3));
  expectCaught(right, "constant 192", "constant 193",
               "touches 4 bytes at offset 1024; the launch has 1024 bytes of shared memory", "llvm.store %v");
}

TEST(SimFault, Misaligned) {
  std::string right =
      kernel(constant("%n", 16) + "    %o = arith.muli %t, %n : i64\n" + constant("%k", 0) +
             "    %p = arith.addi %o, %k : i64\n" + at("%a", "%x", "%p", 1, "i8") +
             "    %v = llvm.load %a : !llvm.ptr<1> -> vector<4xf32>\n" + store("%v", "%s", "%t", 3, "vector<4xf32>"));
  Shape shape{1, 32, 1024};
  expectCaught(right, "constant 0", "constant 4", "misaligned: llvm.load", "llvm.load %a", shape);
  EXPECT_NE(complaint(mutated(right, "constant 0", "constant 4"), shape).find("needs 16-byte alignment"),
            std::string::npos);
}

TEST(SimFault, DivergentShuffle) {
  std::string shuffle = constant("%z", 1, "i32") + constant("%m", 31, "i32") + constant("%all", -1, "i32") +
                        "    %u = nvvm.shfl.sync bfly %all, %z, %z, %m : i32 -> i32\n";
  std::string right = kernel(constant("%half", 64) + onlyIf("slt, %t, %half", shuffle));
  expectCaught(right, "constant 64", "constant 48", "divergent warp:", "nvvm.shfl.sync");
}

TEST(SimFault, ShuffleWithTheWrongMask) {
  std::string right = kernel(constant("%z", 1, "i32") + constant("%m", 31, "i32") + constant("%all", -1, "i32") +
                             "    %u = nvvm.shfl.sync bfly %all, %z, %z, %m : i32 -> i32\n");
  expectCaught(right, "constant -1", "constant 65535", "divergent warp:", "nvvm.shfl.sync");
}

TEST(SimFault, MismatchedBarriers) {
  std::string right = kernel(constant("%half", 64) +
                             "    %c = arith.cmpi slt, %t, %half : i64\n"
                             "    scf.if %c {\n    gpu.barrier // one\n" +
                             copyThrough + "    } else {\n    gpu.barrier // other\n    }\n");
  expectCaught(right, "constant 64", "constant 32", "mismatched barrier:", "gpu.barrier // one");
}

TEST(SimFault, NamedBarriersWithDifferentCounts) {
  std::string right = kernel(constant("%id", 1, "i32") + constant("%all", 128, "i32") + constant("%count", 128, "i32") +
                             constant("%half", 64) +
                             "    %c = arith.cmpi slt, %t, %half : i64\n    scf.if %c {\n"
                             "    nvvm.barrier.arrive id = %id number_of_threads = %count\n    } else {\n"
                             "    nvvm.barrier id = %id number_of_threads = %all\n    }\n");
  expectCaught(right, "%count = arith.constant 128", "%count = arith.constant 96",
               "mismatched barrier:", "nvvm.barrier id", {1, 128, 0});
}

TEST(SimFault, DivergentBarrier) {
  std::string right = kernel(constant("%bit", 32) + constant("%id", 1, "i32") + constant("%count", 32, "i32") +
                             "    %q = arith.andi %t, %bit : i64\n" + constant("%zero", 0) +
                             onlyIf("eq, %q, %zero", "    nvvm.barrier id = %id number_of_threads = %count\n"));
  // Sixteen lanes of each warp.
  expectCaught(right, "%bit = arith.constant 32", "%bit = arith.constant 16", "divergent barrier", "nvvm.barrier id");
}

TEST(SimFault, Deadlock) {
  std::string right = kernel(constant("%id", 3, "i32") + constant("%count", 32, "i32") + constant("%half", 32) +
                             onlyIf("slt, %t, %half", "    nvvm.barrier id = %id number_of_threads = %count\n"));
  expectCaught(right, "%count = arith.constant 32", "%count = arith.constant 64",
               "deadlock: 32 threads (first 0) wait for a barrier at nvvm.barrier", "nvvm.barrier id");
}

static std::string asyncCopies(const std::string &between) {
  return kernel(at("%from", "%x", "%t", 1) + at("%to", "%s", "%t", 3) +
                "    nvvm.cp.async.shared.global %to, %from, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>\n"
                "    nvvm.cp.async.commit.group\n" +
                between + load("%w", "%s", "%o", 3) + store("%w", "%y", "%t", 1));
}

TEST(SimFault, WaitGroupRemoved) {
  std::string right = asyncCopies("    nvvm.cp.async.wait.group 0\n    gpu.barrier\n" + neighbour);
  expectCaught(right, "    nvvm.cp.async.wait.group 0\n", "", "an asynchronous copy that was not waited for at",
               "nvvm.cp.async.shared");
  expectCaught(right, "wait.group 0", "wait.group 1", "race in shared memory: llvm.load", "llvm.load %w.at");
}

TEST(SimFault, SingleBuffered) {
  // The second copy goes to the other half of the buffer, or else where the first is still read.
  std::string right =
      asyncCopies("    nvvm.cp.async.wait.group 0\n    gpu.barrier\n" + neighbour + constant("%n", 64) +
                  "    %next = arith.addi %t, %n : i64\n" + at("%to2", "%s", "%next", 3) + load("%w0", "%s", "%o", 3) +
                  "    nvvm.cp.async.shared.global %to2, %from, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>\n");
  right = mutated(right, load("%w", "%s", "%o", 3), "    %w = arith.addf %w0, %w0 : f32\n");
  expectCaught(right, "%n = arith.constant 64", "%n = arith.constant 0 ",
               "race in shared memory:", "nvvm.cp.async.shared.global %to2");
}

TEST(SimFault, TwoBlocksWriteOnePlace) {
  std::string right = kernel(constant("%n", 64) +
                             "    %first = arith.muli %b, %n : i64\n"
                             "    %i = arith.addi %first, %t : i64\n" +
                             load("%v", "%x", "%i", 1) + store("%v", "%y", "%i", 1));
  Shape shape{2, 64, 0};
  for (uint64_t seed : {0, 1, 2}) {
    EXPECT_EQ(complaint(right, shape, seed), "");
    std::string wrong = mutated(right, "constant 64", "constant 63"), said = complaint(wrong, shape, seed);
    EXPECT_NE(said.find("race in global memory: llvm.store at " + lineOf(wrong, "llvm.store %v")), std::string::npos)
        << said;
    EXPECT_NE(said.find(" of block ("), std::string::npos) << said;
  }
}

TEST(SimFault, BlocksReadWhatOthersWrite) {
  std::string right = kernel(constant("%n", 128) +
                             "    %first = arith.muli %b, %n : i64\n"
                             "    %i = arith.addi %first, %t : i64\n" +
                             constant("%k", 64) + "    %o = arith.addi %i, %k : i64\n" + load("%v", "%y", "%o", 1) +
                             store("%v", "%y", "%i", 1));
  Shape shape{2, 64, 0};
  for (uint64_t seed : {0, 1, 2}) {
    EXPECT_EQ(complaint(right, shape, seed), "");
    std::string wrong = mutated(right, "constant 128", "constant 64"), said = complaint(wrong, shape, seed);
    EXPECT_NE(said.find("race in global memory: llvm."), std::string::npos) << said;
    EXPECT_NE(said.find(lineOf(wrong, "llvm.load %v.at")), std::string::npos) << said;
    EXPECT_NE(said.find(lineOf(wrong, "llvm.store %v")), std::string::npos) << said;
  }
}

TEST(SimFault, ThreadsOfABlockRaceInGlobalMemory) {
  std::string right = kernel(load("%v", "%x", "%t", 1) + store("%v", "%y", "%t", 1) + "    gpu.barrier\n" + neighbour +
                             load("%w", "%y", "%o", 1) + store("%w", "%s", "%t", 3));
  expectCaught(right, "    gpu.barrier\n", "", "race in global memory: llvm.", "llvm.load %w.at");
}

TEST(SimFault, BytesOfOneWordDoNotRace) {
  std::string halves =
      kernel(load("%v", "%x", "%t", 1, "i16") + store("%v", "%s", "%t", 3, "i16") + store("%v", "%y", "%t", 1, "i16"));
  EXPECT_EQ(complaint(halves, {}), "");
}

TEST(SimFault, AFaultLeavesTheDeviceUsable) {
  std::string text = kernel(load("%v", "%x", "%t", 1) + store("%v", "%s", "%t", 3) + "    gpu.barrier\n" + neighbour +
                            load("%w", "%s", "%o", 3) + store("%w", "%y", "%t", 1));
  Simulated kernels(text);
  float *x = kernels.upload(counted<float>(64), "x"), *y = kernels.upload(std::vector<float>(64), "y");
  EXPECT_THROW(kernels.launch("k", {1, 1}, 64, 128, x, y), Error);
  for (int i = 0; i < 2; ++i) {
    kernels.launch("k", {1, 1}, 64, 256, x, y);
    std::vector<float> result = kernels.download(y, 64);
    for (int t = 0; t < 64; ++t) {
      EXPECT_EQ(result[t], float(t ^ 32));
    }
  }
}

TEST(SimFault, UnknownOperations) {
  try {
    Simulated kernels(kernel("    nvvm.cluster.arrive\n"));
    FAIL();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("the simulator does not know 'nvvm.cluster.arrive' at kernels.mlir:11:"),
              std::string::npos)
        << error.what();
  }
}

TEST(SimFault, LaunchesThatNoGPUWouldTake) {
  Simulated kernels(kernel(copyThrough));
  float *x = kernels.upload(counted<float>(64)), *y = kernels.upload(std::vector<float>(64));
  auto refusal = [&](uint32_t threads, uint32_t shared) {
    try {
      kernels.launch("k", {1, 1}, threads, shared, x, y);
    } catch (const Error &error) {
      EXPECT_EQ(error.code, Exit::Device);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refusal(64, 0), "");
  EXPECT_EQ(refusal(1056, 0), "simulator: cannot launch kernel 'k': 1056 threads in a block; expected 1 to 1024");
  EXPECT_EQ(refusal(64, 200 * 1024),
            "simulator: cannot launch kernel 'k': 204800 bytes of shared memory; sm_80 has 166912");

  Simulated small(kernelText("%x: !llvm.ptr<1>, %y: !llvm.ptr<1>", copyThrough, "nvvm.maxntid = array<i32: 32>"));
  try {
    small.launch("k", {1, 1}, 64, 0, x, y);
    FAIL();
  } catch (const Error &error) {
    EXPECT_STREQ(error.what(),
                 "simulator: cannot launch kernel 'k': 64 threads in a block; it was made for at most 32");
  }
}
