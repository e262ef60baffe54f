// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Target/Evidence.h"

#include "runtime/Support/Error.h"

#include <gtest/gtest.h>

using namespace mblm;
using namespace mblm::target;

// What ptxas 13.0 wrote, shortened.
static const char *log13 = R"(ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'rows' for 'sm_80'
ptxas info    : Function properties for rows
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 17 registers, used 0 barriers
ptxas info    : Compile time = 2.604 ms
ptxas info    : Compiling entry function 'scan' for 'sm_80'
ptxas info    : Function properties for scan
    48 bytes stack frame, 16 bytes spill stores, 24 bytes spill loads
ptxas info    : Used 255 registers, used 2 barriers, 48 bytes cumulative stack size, 1024 bytes smem, 392 bytes cmem[0]
)";

TEST(Resources, FromTheLog) {
  std::map<std::string, Resources> kernels = parsePtxasLog(log13);
  ASSERT_EQ(kernels.size(), 2u);
  EXPECT_EQ(kernels["rows"].registers, 17);
  EXPECT_EQ(kernels["rows"].barriers, 0);
  EXPECT_EQ(kernels["rows"].sharedBytes, 0);
  EXPECT_EQ(kernels["scan"].registers, 255);
  EXPECT_EQ(kernels["scan"].spillStores, 16);
  EXPECT_EQ(kernels["scan"].spillLoads, 24);
  EXPECT_EQ(kernels["scan"].stack, 48);
  EXPECT_EQ(kernels["scan"].sharedBytes, 1024);
  EXPECT_EQ(kernels["scan"].barriers, 2);
}

// Against NVIDIA's occupancy calculator.
TEST(Occupancy, EachLimitInItsTurn) {
  Multiprocessor a100 = multiprocessorOf("sm_80"), h100 = multiprocessorOf("sm_90a");
  EXPECT_EQ(residentBlocks(a100, 128, 32, 0), 16);           // threads
  EXPECT_EQ(residentBlocks(a100, 32, 16, 0), 32);            // blocks
  EXPECT_EQ(residentBlocks(a100, 128, 209, 0), 2);           // registers
  EXPECT_EQ(residentBlocks(a100, 128, 128, 0), 4);           // registers, none left over
  EXPECT_EQ(residentBlocks(a100, 128, 32, 48 * 1024), 3);    // shared memory
  EXPECT_EQ(residentBlocks(a100, 128, 32, 163 * 1024), 1);   // all of it
  EXPECT_EQ(residentBlocks(a100, 128, 32, 163 * 1024 + 1), 0);
  EXPECT_EQ(residentBlocks(h100, 128, 32, 48 * 1024), 4);
  EXPECT_EQ(residentBlocks(h100, 384, 168, 131136), 1);
  EXPECT_EQ(residentBlocks(h100, 1024, 64, 0), 1);
}

static InstructionCounts countIn(const char *body) {
  PtxFunction function;
  function.text = body;
  return countInstructions(function);
}

TEST(Instructions, GlobalAccessesByWidth) {
  InstructionCounts counts = countIn(R"(
	ld.global.v4.b32 	{%r1, %r2, %r3, %r4}, [%rd1];
	ld.global.nc.v2.b64 	{%rd2, %rd3}, [%rd1];
	@%p1 ld.global.b128 %rq1, [%rd1];
	ld.global.L1::no_allocate.v2.b32 	{%r1, %r2}, [%rd1];
	ld.shared.v4.b32 	{%r1, %r2, %r3, %r4}, [%rd1];
	ld.param.b64 	%rd1, [p];
	st.global.v8.b16 	[%rd1], {%rs1};
	st.global.f32 	[%rd1], %f1;
	red.global.add.f32 	[%rd1], %f1; atom.global.add.f32 %f2, [%rd1], %f1;
	atom.shared.add.f32 %f2, [%rd1], %f1;)");
  EXPECT_EQ(counts.globalLoads.wide, 3);
  EXPECT_EQ(counts.globalLoads.narrow, 1);
  EXPECT_EQ(counts.globalStores.wide, 1);
  EXPECT_EQ(counts.globalStores.narrow, 1);
  EXPECT_EQ(counts.atomics, 2);
}

TEST(Instructions, CopiesAndProducts) {
  InstructionCounts counts = countIn(R"(
	cp.async.cg.shared.global [%r1], [%rd1], 16, %r2;
	cp.async.ca.shared.global.L2::128B [%r1], [%rd1], 8;
	cp.async.commit_group;
	cp.async.wait_group 	1;
	cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes [%r1], [%rd1, {%r4, %r4}], [%r2];
	cp.async.bulk.commit_group;
	{ .reg .pred p; @p wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%r6}, %rd1, %rd2, p, 1, 1, 0, 0; }
	wgmma.commit_group.sync.aligned;
	mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
	ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r2, %r3, %r4, %r5}, [%rd6]; // mma.sync)");
  EXPECT_EQ(counts.asyncCopies.wide, 1);
  EXPECT_EQ(counts.asyncCopies.narrow, 1);
  EXPECT_EQ(counts.bulkCopies, 1);
  EXPECT_EQ(counts.wgmma, 1);
  EXPECT_EQ(counts.mma, 1);
  EXPECT_EQ(counts.ldmatrix, 1);
}

TEST(Evidence, KernelWithoutAWordOfPtxas) {
  Cubin cubin;
  try {
    gatherEvidence(".version 8.0\n.visible .entry rows()\n{\n}\n", "sm_80", &cubin, {});
    FAIL() << "expected an error";
  } catch (const Error &error) {
    EXPECT_STREQ(error.what(), "internal error in code generation: ptxas said nothing of kernel 'rows'");
  }
}
