// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// First values of parameters: the same on every machine and thread count.
#pragma once

#include "runtime/Program.h"

namespace mblm::rt {

// The values of one parameter, the model's number `index`, from `seed` by its initial distribution. Error(Integrity) where
// that is none.
void drawInitial(const Parameter &parameter, uint32_t index, uint64_t seed, float *out);

} // namespace mblm::rt
