// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/cuda/Fixture.h"

using namespace mblm;

namespace {

class GraphTest : public test::CudaTest {
protected:
  void launch(rt::gpu::Device &device, const char *name) {
    int64_t value = 7;
    void *arguments[] = {&value};
    rt::gpu::Launch launch;
    launch.kernel = device.find(name, "/stages/0");
    launch.threads = 32;
    launch.arguments = arguments;
    device.launch(launch);
  }
};

TEST_F(GraphTest, RunsWhatWasRecorded) {
  auto device = open();
  fake.calls.clear();
  auto graph = device->record([&] {
    launch(*device, "scale");
    launch(*device, "scan");
  });
  EXPECT_EQ(fake.calls,
            (std::vector<std::string>{"cuStreamBeginCapture", "cuModuleGetFunction scale", "cuLaunchKernel (recorded)",
                                      "cuModuleGetFunction scan", "cuLaunchKernel (recorded)", "cuStreamEndCapture",
                                      "cuGraphInstantiateWithFlags", "cuGraphDestroy"}));
  fake.calls.clear();
  graph->run();
  graph->run();
  std::vector<std::string> once = {"cuGraphLaunch", "  scale 1x1x1 32x1x1 0 7", "  scan 1x1x1 32x1x1 0 7"};
  std::vector<std::string> twice = once;
  twice.insert(twice.end(), once.begin(), once.end());
  EXPECT_EQ(fake.calls, twice);
}

TEST_F(GraphTest, FailureWhileRecording) {
  auto device = open();
  EXPECT_THROW(device->record([] { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(fake.alive.count("graph"), 0u);
  launch(*device, "scale"); // not recorded
  EXPECT_EQ(fake.calls.back(), "cuLaunchKernel scale 1x1x1 32x1x1 0 7");
}

TEST_F(GraphTest, FailuresOfTheDriver) {
  auto device = open();
  auto record = [&] { device->record([&] { launch(*device, "scale"); }); };
  fake.failures = {{"cuGraphInstantiateWithFlags", rt::cuda::OutOfMemory}};
  EXPECT_EQ(failure(record), "4: Fake GPU: cannot prepare the recorded launches up to kernel 'scale' (/stages/0): "
                             "CUDA_ERROR_OUT_OF_MEMORY: out of memory; 1000000 bytes are free: use a smaller batch or "
                             "context");
  EXPECT_EQ(fake.alive.count("graph"), 0u);
  fake.failures.clear();
  auto graph = device->record([&] { launch(*device, "scale"); });
  fake.failures = {{"cuGraphLaunch", 1}};
  EXPECT_EQ(failure([&] { graph->run(); }),
            "6: Fake GPU: cannot launch what was recorded, up to kernel 'scale' "
            "(/stages/0): CUDA_ERROR_INVALID_VALUE: invalid argument; --target cpu does "
            "without the device");
}

} // namespace
