// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tests against the fakes: each begins with new ones, and at its end nothing may be left of what it asked for.
#pragma once

#include "runtime/Cuda/CudaDevice.h"
#include "runtime/Support/Error.h"
#include "test/cuda/FakeBlasLt.h"
#include "test/cuda/FakeDriver.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace mblm::test {

class CudaTest : public testing::Test {
protected:
  void SetUp() override {
    fake = FakeDriver();
    fakeBlas = FakeBlasLt();
    unsetenv("MBLM_CUBLASLT");
  }
  void TearDown() override {
    EXPECT_TRUE(fake.memory.empty());
    EXPECT_EQ(fake.alive, std::multiset<std::string>());
    EXPECT_EQ(fakeBlas.alive, 0);
  }

  std::unique_ptr<rt::gpu::Device> open() {
    return rt::cuda::openDevice(
        [this](const std::string &symbol) -> const void * {
          auto found = artifact.find(symbol);
          return found == artifact.end() ? nullptr : found->second;
        },
        FAKE_DRIVER);
  }

  // What `work` throws, as "CODE: LINE".
  template <typename Work>
  static std::string failure(Work work) {
    try {
      work();
      return "nothing was thrown";
    } catch (const Error &error) {
      return std::to_string(int(error.code)) + ": " + error.what();
    }
  }

  template <typename T>
  static T &control(const char *path, const char *function) {
    static rt::Library library(path);
    return *reinterpret_cast<T *(*)()>(library.find(function))();
  }

  FakeDriver &fake = control<FakeDriver>(FAKE_DRIVER, "fakeDriver");
  FakeBlasLt &fakeBlas = control<FakeBlasLt>(FAKE_BLAS, "fakeBlasLt");
  std::map<std::string, const char *> artifact = {{"mblm_image_sm_80", "sm_80: scale scan"},
                                                  {"mblm_image_sm_90a", "sm_90a: scale scan tiles"},
                                                  {"mblm_ptx_sm_80", "ptx80: scale scan"},
                                                  {"mblm_ptx_sm_90a", "ptx90: scale scan tiles"}};
};

} // namespace mblm::test
