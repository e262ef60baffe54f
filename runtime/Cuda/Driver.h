// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CUDA driver of this machine, opened while the program runs.
#pragma once

#include "runtime/Cuda/Api.h"
#include "runtime/Support/Library.h"

#include <memory>
#include <string>

namespace mblm::rt::cuda {

// Where the driver is: MBLM_CUDA_DRIVER, else libcuda.so.1.
std::string driverPath();

class Driver {
public:
  // Error(Device) without a driver, with one older than CUDA 12.0, or with one that finds no device.
  explicit Driver(const std::string &path = driverPath());

  const DriverFunctions &call() const { return functions; }
  int version() const { return number; } // 12040: CUDA 12.4

  // "CUDA_ERROR_OUT_OF_MEMORY: out of memory"
  std::string describe(Result result) const;

private:
  Library library;
  DriverFunctions functions;
  int number = 0;
};

// "12.4" for 12040.
std::string versionText(int version);

// Whether the context is beyond use after such a result: every later call of the process would return it too.
bool isSticky(Result result);

} // namespace mblm::rt::cuda
