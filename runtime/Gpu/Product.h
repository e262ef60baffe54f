// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product as written, on host memory: what the simulator does, and what tests compare with.
#pragma once

#include "runtime/Gpu/Device.h"

namespace mblm::rt::gpu {

// Sums in f32, each product rounded once with its sum, in the order of the depth. Operands that may be rounded are.
void plainProduct(const ProductCall &call);

} // namespace mblm::rt::gpu
