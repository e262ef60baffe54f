// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products by cuBLASLt, where the machine has it.
#pragma once

#include "runtime/Cuda/Api.h"
#include "runtime/Gpu/Device.h"

#include <memory>

namespace mblm::rt::cuda {

class BlasLt {
public:
  virtual ~BlasLt() = default;

  // Null without the library, or where it cannot start: MBLM_CUBLASLT (`off`: without), else the latest that goes with a driver of
  // this version. Needs the device's context to be current.
  static std::unique_ptr<BlasLt> open(int driverVersion);

  // False where the library has no way to compute it. A way once found is kept for calls of the same form.
  // Error(Device) where it fails at that.
  virtual bool run(const gpu::ProductCall &call, Stream stream) = 0;
};

} // namespace mblm::rt::cuda
