// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A CUDA GPU behind its driver.
#pragma once

#include "runtime/Cuda/Driver.h"
#include "runtime/Cuda/Images.h"
#include "runtime/Gpu/Device.h"

namespace mblm::rt::cuda {

// The first device, with the kernels of an artifact (null: none) loaded. Error(Device) where there is no driver, no
// device, or none that can run them. Error(Resource) where there is no room for them.
std::unique_ptr<gpu::Device> openDevice(const SymbolFinder &artifact, const std::string &driver = driverPath());

} // namespace mblm::rt::cuda
