// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model on a device: entries are lists of launches, which become graphs where the device has such.
#pragma once

#include "runtime/Gpu/Device.h"
#include "runtime/Metadata.h"

namespace mblm::rt::gpu {

// `library` is kept as long as the program; the device may have its code there. Error(Device) where the artifact has no code for
// the device's architecture.
std::unique_ptr<Program> makeProgram(Metadata metadata, std::unique_ptr<Device> device, std::shared_ptr<void> library,
                                     const std::string &where);

} // namespace mblm::rt::gpu
