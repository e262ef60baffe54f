// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the driver's library to a device with code on it.
#include "test/cuda/Fixture.h"

using namespace mblm;

namespace {

class DriverTest : public test::CudaTest {};

TEST_F(DriverTest, NoLibrary) {
  EXPECT_EQ(failure([] { rt::cuda::Driver("libnowhere.so.1"); }),
            "6: no CUDA driver: libnowhere.so.1: cannot open shared object file: No such file or directory; run on the "
            "CPU with --target cpu");
}

TEST_F(DriverTest, PathFromTheEnvironment) {
  setenv("MBLM_CUDA_DRIVER", "/nowhere/libcuda.so", 1);
  EXPECT_EQ(rt::cuda::driverPath(), "/nowhere/libcuda.so");
  unsetenv("MBLM_CUDA_DRIVER");
  EXPECT_EQ(rt::cuda::driverPath(), "libcuda.so.1");
}

TEST_F(DriverTest, AnotherLibrary) {
  EXPECT_EQ(failure([] { rt::cuda::Driver(FAKE_BLAS); }),
            "6: the CUDA driver '" FAKE_BLAS "' has no function cuInit, expected one for CUDA 12.0 or later (NVIDIA "
            "driver 525.60 or later); run on the CPU with --target cpu");
}

TEST_F(DriverTest, TooOld) {
  fake.version = 11080;
  EXPECT_EQ(failure([&] { open(); }),
            "6: the CUDA driver is for CUDA 11.8, expected one for CUDA 12.0 or later (NVIDIA "
            "driver 525.60 or later); run on the CPU with --target cpu");
}

TEST_F(DriverTest, NoDevice) {
  fake.failures["cuInit"] = rt::cuda::NoDevice;
  EXPECT_EQ(failure([&] { open(); }),
            "6: the CUDA driver cannot start: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected (a device is "
            "seen if nvidia-smi lists it and CUDA_VISIBLE_DEVICES admits it); run on the CPU with --target cpu");
  fake.failures.clear();
  fake.devices = 0;
  EXPECT_EQ(failure([&] { open(); }),
            "6: the CUDA driver sees no device; expected one that CUDA_VISIBLE_DEVICES admits; "
            "run on the CPU with --target cpu");
}

TEST_F(DriverTest, ErrorThatTheDriverCannotName) {
  fake.failures["cuInit"] = 4711;
  EXPECT_EQ(failure([&] { open(); }),
            "6: the CUDA driver cannot start: CUDA error 4711; run on the CPU with --target cpu");
}

TEST_F(DriverTest, FunctionsByTheirVersion) {
  rt::cuda::Driver driver(FAKE_DRIVER);
  EXPECT_EQ(fake.versions["cuMemcpyHtoDAsync"], 3020);
  EXPECT_EQ(fake.versions["cuTensorMapEncodeTiled"], 12000);
}

TEST_F(DriverTest, FunctionsFromTheLibraryItself) {
  fake.hasGetProcAddress = false;
  EXPECT_EQ(open()->architecture(), "sm_90a");
}

TEST_F(DriverTest, CodeByComputeCapability) {
  struct Case {
    int major, minor;
    std::string architecture, image;
  };
  for (const Case &one : {Case{9, 0, "sm_90a", "sm_90a"},
                          {8, 0, "sm_80", "sm_80"},
                          {8, 9, "sm_80", "sm_80"},
                          {10, 0, "sm_80", "ptx80"},
                          {12, 1, "sm_80", "ptx80"}}) {
    fake = test::FakeDriver();
    fake.major = one.major;
    fake.minor = one.minor;
    EXPECT_EQ(open()->architecture(), one.architecture);
    auto loaded = std::find_if(fake.calls.begin(), fake.calls.end(),
                               [](const std::string &call) { return call.rfind("cuModuleLoadDataEx ", 0) == 0; });
    ASSERT_NE(loaded, fake.calls.end());
    EXPECT_EQ(loaded->substr(19, one.image.size()), one.image);
  }
}

TEST_F(DriverTest, TextWhereMachineCodeIsMissing) {
  artifact.erase("mblm_image_sm_90a");
  EXPECT_EQ(open()->architecture(), "sm_90a");
  artifact.erase("mblm_ptx_sm_90a"); // machine code for 8.x does not run on 9.0
  EXPECT_EQ(open()->architecture(), "sm_80");
  EXPECT_EQ(fake.calls.at(fake.calls.size() - 5), "cuModuleLoadDataEx ptx80: scale scan");
}

TEST_F(DriverTest, TextWhereTheDriverRefusesMachineCode) {
  fake.refusals[artifact["mblm_image_sm_90a"]] = rt::cuda::NoBinaryForGpu;
  fake.refusals[artifact["mblm_ptx_sm_90a"]] = rt::cuda::UnsupportedPtxVersion;
  EXPECT_EQ(open()->architecture(), "sm_80");
}

TEST_F(DriverTest, NothingThatTheDriverTakes) {
  fake.major = 8;
  fake.refusals[artifact["mblm_image_sm_80"]] = rt::cuda::NoBinaryForGpu;
  fake.refusals[artifact["mblm_ptx_sm_80"]] = rt::cuda::UnsupportedPtxVersion;
  fake.log = "ptxas application ptx input, line 1; fatal   : Unsupported .version 8.0\nmore";
  EXPECT_EQ(failure([&] { open(); }),
            "6: Fake GPU with compute capability 8.0, driver for CUDA 13.0, takes none of the artifact's code; "
            "mblm_image_sm_80: CUDA_ERROR_NO_BINARY_FOR_GPU: no kernel image is available for execution on the device "
            "(ptxas application ptx input, line 1; fatal   : Unsupported .version 8.0); mblm_ptx_sm_80: "
            "CUDA_ERROR_UNSUPPORTED_PTX_VERSION: the provided PTX was compiled with an unsupported toolchain. (ptxas "
            "application ptx input, line 1; fatal   : Unsupported .version 8.0); expected a later driver");
}

TEST_F(DriverTest, ArtifactWithoutCode) {
  artifact.clear();
  EXPECT_EQ(failure([&] { open(); }),
            "6: the artifact has no code for Fake GPU with compute capability 9.0; compile it "
            "with --arch sm_90a");
  artifact["mblm_image_sm_90a"] = "sm_90a:";
  fake.major = 8;
  fake.minor = 6;
  EXPECT_EQ(failure([&] { open(); }),
            "6: the artifact has no code for Fake GPU with compute capability 8.6; compile it with --arch sm_80");
}

TEST_F(DriverTest, DeviceWithoutAnArtifact) {
  auto device = rt::cuda::openDevice(nullptr, FAKE_DRIVER);
  EXPECT_EQ(device->describe(), "Fake GPU, compute capability 9.0, driver for CUDA 13.0");
  device->release(device->allocate(64, "something"));
  EXPECT_EQ(failure([&] { device->find("scale", "/stages/0"); }),
            "6: there is no kernel 'scale' (/stages/0) in the artifact's code; compile it again");
}

TEST_F(DriverTest, TooOldADevice) {
  fake.major = 7;
  fake.minor = 5;
  EXPECT_EQ(failure([&] { open(); }),
            "6: Fake GPU has compute capability 7.5, expected 8.0 (A100) or later; run on the "
            "CPU with --target cpu");
}

// The stub of the toolkit, which programs are linked with where there is no driver.
TEST_F(DriverTest, Stub) {
  const char *home = std::getenv("CUDA_HOME");
  std::string stub = std::string(home ? home : "/usr/local/cuda") + "/lib64/stubs/libcuda.so";
  if (!rt::Library(stub)) {
    GTEST_SKIP() << "no CUDA toolkit";
  }
  std::string line = failure([&] { rt::cuda::Driver driver(stub); });
  EXPECT_EQ(line.rfind("6: the CUDA driver", 0), 0u) << line;
}

} // namespace
