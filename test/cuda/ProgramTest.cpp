// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A whole artifact on the driver's fake: what a model asks of the device, and what its failures look like from outside.
#include "runtime/Artifact.h"
#include "runtime/Support/Memory.h"
#include "test/cuda/Fixture.h"

#include <algorithm>

using namespace mblm;

namespace {

class ProgramTest : public test::CudaTest {
protected:
  void SetUp() override {
    CudaTest::SetUp();
    setenv("MBLM_CUDA_DRIVER", FAKE_DRIVER, 1);
    call.batch = 2;
    call.slots = 3;
    call.ids = ids.data();
    call.params = params.data();
    call.output = output.data();
  }
  void TearDown() override {
    unsetenv("MBLM_CUDA_DRIVER");
    unsetenv("MBLM_CUBLASLT");
    CudaTest::TearDown();
  }

  static std::unique_ptr<rt::Program> load(rt::RunOn runOn) { return rt::loadArtifact(FAKE_GPU_ARTIFACT, 1, runOn); }

  int64_t count(const std::string &begin) const {
    return std::count_if(fake.calls.begin(), fake.calls.end(),
                         [&](const std::string &made) { return made.rfind(begin, 0) == 0; });
  }

  std::vector<int32_t> ids = std::vector<int32_t>(24);
  std::vector<float> params = std::vector<float>(16), output = std::vector<float>(240, 1);
  rt::Call call;
};

TEST_F(ProgramTest, LaunchesThenReplays) {
  auto program = load(rt::RunOn::Cuda);
  fake.calls.clear();
  program->run(rt::Entry::Forward, call);
  EXPECT_EQ(count("cuLaunchKernel scale 8x2x1 128x1x1 65536"), 1);
  EXPECT_EQ(count("cuLaunchKernel scan 8x2x1 128x1x1 65536"), 1);
  EXPECT_EQ(count("cuFuncSetAttribute 65536"), 2);
  EXPECT_EQ(count("cuGraph"), 0);
  EXPECT_EQ(count("cuMemcpyDtoHAsync 960"), 1);
  program->run(rt::Entry::Forward, call); // recorded
  fake.calls.clear();
  program->run(rt::Entry::Forward, call);
  EXPECT_EQ(count("cuGraphLaunch"), 1);
  EXPECT_EQ(count("  scale"), 1);
  EXPECT_EQ(count("  scan"), 1);
  EXPECT_EQ(count("cuLaunchKernel") + count("cuMemAllocAsync"), 0);
}

TEST_F(ProgramTest, LargerCallsGetLargerBuffers) {
  auto program = load(rt::RunOn::Cuda);
  for (int times = 0; times < 2; ++times) {
    program->run(rt::Entry::Forward, call);
  }
  ids.resize(48);
  output.resize(480);
  call.ids = ids.data();
  call.output = output.data();
  call.slots = 6;
  fake.calls.clear();
  program->run(rt::Entry::Forward, call);
  EXPECT_GT(count("cuMemFreeAsync"), 0);
  EXPECT_EQ(count("cuGraphExecDestroy"), 1); // its pointers are of old
  EXPECT_EQ(count("cuLaunchKernel scale 16x2x1"), 1);
}

TEST_F(ProgramTest, NarrowCopiesAreMadeWhenParametersChange) {
  auto program = load(rt::RunOn::Cuda);
  rt::Call::Scalars scalars;
  call.scalars = &scalars;
  auto copies = [&] {
    fake.calls.clear();
    program->run(rt::Entry::Loss, call);
    return count("cuLaunchKernel scale");
  };
  EXPECT_EQ(copies(), 1);
  EXPECT_EQ(copies(), 0);
  program->hostAccess(call.params);
  EXPECT_EQ(copies(), 1);
  std::vector<float> others(params.size());
  call.params = others.data();
  EXPECT_EQ(copies(), 1);
  EXPECT_EQ(copies(), 0);
}

// As many slots at a time as the memory has room for.
TEST_F(ProgramTest, LoopsOverPieces) {
  auto program = load(rt::RunOn::Cuda);
  rt::Call::Scalars scalars;
  call.scalars = &scalars;
  fake.calls.clear();
  program->run(rt::Entry::Loss, call);
  EXPECT_EQ(count("cuLaunchKernel scan 24x1x1"), 1); // 2 sequences of 3 slots
  int64_t before = rt::memoryAccount().limit();
  rt::memoryAccount().setLimit(1);
  fake.calls.clear();
  program->run(rt::Entry::Loss, call);
  rt::memoryAccount().setLimit(before);
  EXPECT_EQ(count("cuLaunchKernel scan 4x1x1"), 6);
}

TEST_F(ProgramTest, LibraryProducts) {
  setenv("MBLM_CUBLASLT", FAKE_BLAS, 1);
  for (size_t n = 0; n < params.size(); ++n) {
    params[n] = float(n * n % 7);
  }
  auto program = load(rt::RunOn::Cuda);
  fake.calls.clear();
  program->run(rt::Entry::Hidden, call);
  EXPECT_EQ(fakeBlas.products, 1);
  EXPECT_EQ(fakeBlas.compute, 68);
  EXPECT_EQ(fakeBlas.workspaceBytes, uint64_t(32) << 20);
  EXPECT_EQ(count("cuLaunchKernel"), 1); // what comes behind the product
  EXPECT_EQ(count("cuLaunchKernel scale"), 1);
  // [0 1 4; 2 2 4] * [1 0; 1 4; 2 2] + [4 1]
  EXPECT_EQ(std::vector<float>(output.begin(), output.begin() + 4), (std::vector<float>{13, 13, 16, 17}));
  program->run(rt::Entry::Hidden, call); // recorded
  EXPECT_EQ(fakeBlas.products, 2);
  EXPECT_EQ(fakeBlas.searches, 1);
  fake.calls.clear();
  program->run(rt::Entry::Hidden, call);
  EXPECT_EQ(fakeBlas.products, 2);
  EXPECT_EQ(count("cuGraphLaunch"), 1);
  EXPECT_EQ(count("cuMemAllocAsync"), 0);
  call.batch = 1; // too little work for it
  program->run(rt::Entry::Hidden, call);
  EXPECT_EQ(fakeBlas.products, 2);
  EXPECT_EQ(count("cuLaunchKernel"), 3);
}

TEST_F(ProgramTest, KernelsWithoutTheLibrary) {
  for (const char *path : {"off", "/nowhere/libcublasLt.so", FAKE_BLAS}) {
    setenv("MBLM_CUBLASLT", path, 1);
    fakeBlas.algorithms = 0; // refused
    auto program = load(rt::RunOn::Cuda);
    for (int times = 0; times < 2; ++times) {
      fake.calls.clear();
      program->run(rt::Entry::Hidden, call);
      EXPECT_EQ(count("cuLaunchKernel"), 3) << path;
    }
    EXPECT_EQ(fakeBlas.products, 0);
  }
}

TEST_F(ProgramTest, TimesOfLibraryProducts) {
  setenv("MBLM_CUBLASLT", FAKE_BLAS, 1);
  auto program = load(rt::RunOn::Cuda);
  program->startProfile();
  program->run(rt::Entry::Hidden, call);
  std::vector<std::string> names;
  for (const rt::KernelTime &kernel : program->profile()) {
    names.push_back(kernel.name);
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"scale", "scale (library)"}));
}

TEST_F(ProgramTest, NoRoom) {
  auto program = load(rt::RunOn::Cuda);
  fake.failures["cuMemAllocAsync"] = rt::cuda::OutOfMemory;
  std::string line = failure([&] { program->run(rt::Entry::Forward, call); });
  EXPECT_EQ(line.rfind("4: Fake GPU: cannot allocate ", 0), 0u) << line;
  EXPECT_NE(line.find("entry 'forward' of fake with batch 2 and 3 slots"), std::string::npos) << line;
  fake.failures.clear();
  program->run(rt::Entry::Forward, call);
}

TEST_F(ProgramTest, KernelThatFails) {
  {
    auto program = load(rt::RunOn::Cuda);
    fake.failures["cuStreamSynchronize"] = rt::cuda::IllegalAddress;
    std::string line = failure([&] { program->run(rt::Entry::Forward, call); });
    EXPECT_NE(line.find("in kernel 'scan' (/stages/0/scan) or one launched before it"), std::string::npos) << line;
    EXPECT_EQ(failure([&] { program->run(rt::Entry::Forward, call); }), line);
  }
  for (const auto &[address, bytes] : fake.memory) { // a lost context frees nothing
    std::free(reinterpret_cast<void *>(uintptr_t(address)));
  }
  fake.memory.clear();
  fake.alive.clear();
}

TEST_F(ProgramTest, NoDriver) {
  setenv("MBLM_CUDA_DRIVER", "/nowhere/libcuda.so", 1);
  EXPECT_EQ(failure([] { load(rt::RunOn::Cuda); }).rfind("6: no CUDA driver: /nowhere/libcuda.so: ", 0), 0u);
}

TEST_F(ProgramTest, TheCpuNeedsNoDriver) {
  setenv("MBLM_CUDA_DRIVER", "/nowhere/libcuda.so", 1);
  load(rt::RunOn::Cpu)->run(rt::Entry::Forward, call);
  EXPECT_EQ(output[0], 7);
  EXPECT_TRUE(fake.calls.empty());
}

} // namespace
