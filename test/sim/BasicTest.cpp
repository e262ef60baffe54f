// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads, barriers, plain memory.
#include "test/support/Simulated.h"

#include <gtest/gtest.h>

using namespace mblm;
using namespace mblm::test;

namespace {

constexpr const char *reverse = R"(
gpu.module @kernels {
  llvm.mlir.global external @mblm_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
  gpu.func @reverse(%x: !llvm.ptr<1>, %y: !llvm.ptr<1>) kernel {
    %t = gpu.thread_id x
    %b = gpu.block_id x
    %d = gpu.block_dim x
    %first = arith.muli %b, %d : index
    %i = arith.addi %first, %t : index
    %i64 = arith.index_cast %i : index to i64
    %t64 = arith.index_cast %t : index to i64
    %s = llvm.mlir.addressof @mblm_shared : !llvm.ptr<3>
    %from = llvm.getelementptr %x[%i64] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, f32
    %v = llvm.load %from : !llvm.ptr<1> -> f32
    %mine = llvm.getelementptr %s[%t64] : (!llvm.ptr<3>, i64) -> !llvm.ptr<3>, f32
    llvm.store %v, %mine : f32, !llvm.ptr<3>
    gpu.barrier
    %one = arith.constant 1 : index
    %last = arith.subi %d, %one : index
    %r = arith.subi %last, %t : index
    %r64 = arith.index_cast %r : index to i64
    %theirs = llvm.getelementptr %s[%r64] : (!llvm.ptr<3>, i64) -> !llvm.ptr<3>, f32
    %w = llvm.load %theirs : !llvm.ptr<3> -> f32
    %to = llvm.getelementptr %y[%i64] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, f32
    llvm.store %w, %to : f32, !llvm.ptr<1>
    gpu.return
  }
})";

std::vector<float> ramp(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    values[i] = float(i);
  }
  return values;
}

} // namespace

TEST(Sim, ReversesEachBlockThroughSharedMemory) {
  Simulated kernels(reverse);
  std::vector<float> x = ramp(512);
  float *in = kernels.upload(x), *out = kernels.upload(std::vector<float>(512));
  for (uint64_t seed : {0, 1, 2}) {
    kernels.device().setSeed(seed);
    kernels.launch("reverse", {4, 1}, 128, 512, in, out);
    std::vector<float> y = kernels.download(out, 512);
    for (size_t i = 0; i < 512; ++i) {
      ASSERT_EQ(y[i], x[i / 128 * 128 + 127 - i % 128]) << i;
    }
  }
}
