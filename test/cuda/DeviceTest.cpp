// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the device asks of the driver, and what it says when the driver fails.
#include "test/cuda/Fixture.h"

#include <thread>

using namespace mblm;

namespace {

class DeviceTest : public test::CudaTest {
protected:
  void launch(rt::gpu::Device &device, const char *name, const char *from, uint32_t sharedBytes = 0) {
    int64_t value = 7;
    void *arguments[] = {&value};
    rt::gpu::Launch launch;
    launch.kernel = device.find(name, from);
    launch.grid[0] = 2;
    launch.grid[1] = 3;
    launch.threads = 128;
    launch.sharedBytes = sharedBytes;
    launch.arguments = arguments;
    device.launch(launch);
  }
};

using Calls = std::vector<std::string>;

TEST_F(DeviceTest, EveryCallInItsOrder) {
  {
    auto device = open();
    EXPECT_EQ(device->describe(), "Fake GPU, compute capability 9.0, code for sm_90a, driver for CUDA 13.0");
    EXPECT_EQ(device->freeBytes(), 1000000);
    fake.calls.clear();
    void *memory = device->allocate(64, "weights"), *other = device->allocate(64, "activations");
    std::vector<char> from(64, 'x'), to(64);
    device->upload(memory, from.data(), 64);
    device->copy(other, memory, 64);
    device->clear(memory, 32);
    launch(*device, "scale", "/stages/0");
    device->wait();
    device->download(to.data(), other, 64);
    EXPECT_EQ(to, from);
    device->download(to.data(), memory, 64);
    EXPECT_EQ(std::string(to.data(), 64), std::string(32, '\0') + std::string(32, 'x'));
    device->release(memory);
    device->release(other);
    device->release(nullptr);
    EXPECT_EQ(fake.calls,
              (Calls{"cuMemAllocAsync 64", "cuMemAllocAsync 64", "cuMemcpyHtoDAsync 64", "cuMemcpyDtoDAsync 64",
                     "cuMemsetD8Async 32", "cuModuleGetFunction scale", "cuLaunchKernel scale 2x3x1 128x1x1 0 7",
                     "cuStreamSynchronize", "cuMemcpyDtoHAsync 64", "cuStreamSynchronize", "cuMemcpyDtoHAsync 64",
                     "cuStreamSynchronize", "cuMemFreeAsync", "cuMemFreeAsync"}));
    fake.calls.clear();
  }
  EXPECT_EQ(fake.calls,
            (Calls{"cuStreamSynchronize", "cuStreamDestroy", "cuModuleUnload", "cuDevicePrimaryCtxRelease"}));
}

TEST_F(DeviceTest, KernelsAreLookedUpOnce) {
  auto device = open();
  rt::gpu::Kernel *kernel = device->find("scan", "/stages/0");
  EXPECT_EQ(device->find("scan", "/stages/0"), kernel);
  rt::gpu::Kernel *elsewhere = device->find("scan", "/stages/1");
  EXPECT_EQ(kernel->from, "/stages/0");
  EXPECT_EQ(elsewhere->from, "/stages/1");
  EXPECT_EQ(std::count(fake.calls.begin(), fake.calls.end(), "cuModuleGetFunction scan"), 2);
}

TEST_F(DeviceTest, UnknownKernel) {
  auto device = open();
  EXPECT_EQ(failure([&] { device->find("sacn", "/stages/0"); }),
            "6: there is no kernel 'sacn' (/stages/0) in the artifact's code for sm_90a; compile it again");
}

TEST_F(DeviceTest, SharedMemoryBeyondWhatIsGivenUnasked) {
  auto device = open();
  fake.calls.clear();
  launch(*device, "scan", "", 48 * 1024);
  launch(*device, "scan", "", 48 * 1024 + 1);
  launch(*device, "scan", "", 48 * 1024 + 1);
  launch(*device, "scan", "", 227 * 1024);
  EXPECT_EQ(std::count(fake.calls.begin(), fake.calls.end(), "cuFuncSetAttribute 49153"), 1);
  EXPECT_EQ(std::count(fake.calls.begin(), fake.calls.end(), "cuFuncSetAttribute 232448"), 1);
  EXPECT_EQ(failure([&] { launch(*device, "scan", "/stages/0", 227 * 1024 + 1); }),
            "6: Fake GPU: kernel 'scan' (/stages/0) needs 232449 bytes of shared memory in a block, expected at most "
            "232448 bytes; compile for an architecture of this device");
}

TEST_F(DeviceTest, TensorMap) {
  auto device = open();
  rt::gpu::TensorTile tile;
  tile.base = reinterpret_cast<void *>(0x1000);
  tile.size[0] = 512;
  tile.size[1] = 100;
  tile.rowBytes = 1040;
  tile.box[0] = 64;
  tile.box[1] = 128;
  tile.swizzled = true;
  rt::gpu::TensorMap map = device->encode(tile);
  EXPECT_EQ(*reinterpret_cast<uint64_t *>(map.bytes), 0x1000u);
  EXPECT_EQ(fake.calls.back(), "cuTensorMapEncodeTiled 9 rank 2 512x100 1040 box 64x128 steps 1x1 0320");
  tile.matrices = 7;
  device->encode(tile);
  EXPECT_EQ(fake.calls.back(), "cuTensorMapEncodeTiled 9 rank 3 512x100x7 1040x104000 box 64x128x1 steps 1x1x1 0320");
  tile.matrices = 0;
  tile.element = rt::gpu::Element::F32;
  tile.swizzled = false;
  device->encode(tile);
  EXPECT_EQ(fake.calls.back(), "cuTensorMapEncodeTiled 7 rank 2 512x100 1040 box 64x128 steps 1x1 0020");
  tile.rowBytes = 1036;
  EXPECT_EQ(
      failure([&] { device->encode(tile); }),
      "6: Fake GPU: cannot describe a tensor of 100 rows of 512 elements, 1036 bytes apart, in tiles of 128 x 64: "
      "CUDA_ERROR_INVALID_VALUE: invalid argument; --target cpu does without the device");
}

TEST_F(DeviceTest, NoMemory) {
  auto device = open();
  fake.failures["cuMemAllocAsync"] = rt::cuda::OutOfMemory;
  EXPECT_EQ(failure([&] { device->allocate(5000000, "the activations of entry 'train_step'"); }),
            "4: Fake GPU: cannot allocate 5000000 bytes for the activations of entry 'train_step': "
            "CUDA_ERROR_OUT_OF_MEMORY: out of memory; 1000000 bytes are free: use a smaller batch or context");
  fake.failures.clear();
  device->release(device->allocate(64, "less")); // it is as good as before
}

TEST_F(DeviceTest, LaunchThatIsRefused) {
  auto device = open();
  fake.failures["cuLaunchKernel"] = rt::cuda::LaunchOutOfResources;
  EXPECT_EQ(
      failure([&] { launch(*device, "scan", "/stages/0/layers/1/scan", 4096); }),
      "6: Fake GPU: cannot launch kernel 'scan' (/stages/0/layers/1/scan) on 2 x 3 blocks of 128 threads and 4096 "
      "bytes of shared memory: CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES: too many resources requested for launch; "
      "--target cpu does without the device");
  fake.failures.clear();
  launch(*device, "scale", "");
}

// Each call that can fail says what it was doing.
TEST_F(DeviceTest, EveryFailureSaysWhatWasAsked) {
  auto device = open();
  void *memory = device->allocate(64, "weights");
  char bytes[64] = {};
  struct Case {
    const char *function, *what;
    std::function<void()> work;
  };
  const Case cases[] = {
      {"cuMemcpyHtoDAsync", "copy 64 bytes to it", [&] { device->upload(memory, bytes, 64); }},
      {"cuMemcpyDtoHAsync", "copy 64 bytes from it", [&] { device->download(bytes, memory, 64); }},
      {"cuMemcpyDtoDAsync", "copy 32 bytes on it", [&] { device->copy(memory, memory, 32); }},
      {"cuMemsetD8Async", "clear 64 bytes", [&] { device->clear(memory, 64); }},
      {"cuStreamSynchronize", "wait for its kernels", [&] { device->wait(); }},
      {"cuCtxSetCurrent", "make its context current", [&] { device->wait(); }},
      {"cuModuleGetFunction", "find kernel 'scale' (/here)", [&] { device->find("scale", "/here"); }},
      {"cuFuncSetAttribute", "allow kernel 'scan' 65536 bytes of shared memory",
       [&] { launch(*device, "scan", "", 65536); }},
      {"cuStreamBeginCapture", "record launches", [&] { device->record([] {}); }},
  };
  for (const Case &one : cases) {
    fake.failures = {{one.function, 1}};
    EXPECT_EQ(failure(one.work), std::string("6: Fake GPU: cannot ") + one.what +
                                     ": CUDA_ERROR_INVALID_VALUE: invalid argument; --target cpu does without the "
                                     "device");
  }
  fake.failures.clear();
  device->release(memory);
}

TEST_F(DeviceTest, FailuresOfOpening) {
  const std::pair<const char *, const char *> cases[] = {
      {"cuDeviceGet", "CUDA device 0: cannot open it"},
      {"cuDeviceGetName", "CUDA device 0: cannot read its name"},
      {"cuDeviceGetAttribute", "Fake GPU: cannot read attribute 75"},
      {"cuDevicePrimaryCtxRetain", "Fake GPU: cannot retain its primary context"},
      {"cuStreamCreate", "Fake GPU: cannot create a stream"},
      {"cuModuleLoadDataEx", "Fake GPU: cannot load mblm_image_sm_90a"},
  };
  for (const auto &[function, what] : cases) {
    fake.failures = {{function, 1}};
    EXPECT_EQ(failure([&] { open(); }), std::string("6: ") + what +
                                            ": CUDA_ERROR_INVALID_VALUE: invalid argument; --target cpu does without "
                                            "the device");
    EXPECT_TRUE(fake.alive.empty()) << function;
  }
}

// A kernel's fault shows later, and the device is lost with it.
TEST_F(DeviceTest, LostDevice) {
  {
    auto device = open();
    void *memory = device->allocate(64, "weights");
    launch(*device, "scale", "/stages/0/norm");
    launch(*device, "scan", "/stages/0/scan");
    fake.failures["cuStreamSynchronize"] = rt::cuda::IllegalAddress;
    std::string line = "6: Fake GPU is lost to this process: CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was "
                       "encountered, in kernel 'scan' (/stages/0/scan) or one launched before it; found out when asked "
                       "to wait for its kernels; CUDA_LAUNCH_BLOCKING=1 finds the kernel, --target cpu does without "
                       "the device";
    EXPECT_EQ(failure([&] { device->wait(); }), line);
    fake.calls.clear();
    char byte;
    EXPECT_EQ(failure([&] { device->wait(); }), line);
    EXPECT_EQ(failure([&] { device->download(&byte, memory, 1); }), line);
    EXPECT_EQ(failure([&] { device->allocate(1, "more"); }), line);
    EXPECT_EQ(failure([&] { launch(*device, "scale", ""); }), line);
    EXPECT_EQ(failure([&] { device->record([] {}); }), line);
    device->release(memory);
    EXPECT_EQ(fake.calls, Calls());
  }
  // Such a context frees nothing before the process ends; the device must not hang or throw at its end.
  EXPECT_EQ(fake.memory.size(), 1u);
  std::free(reinterpret_cast<void *>(uintptr_t(fake.memory.begin()->first)));
  fake.memory.clear();
  fake.alive.clear();
}

TEST_F(DeviceTest, AnyThread) {
  auto device = open();
  std::thread([&] { device->wait(); }).join(); // contexts are made current thread by thread
}

} // namespace
