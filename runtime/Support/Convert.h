// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elements of stored tensors as numbers.
#pragma once

#include "runtime/Safetensors.h"

namespace mblm::rt {

float floatFromHalf(uint16_t bits);
float floatFromBrain(uint16_t bits);
uint16_t brainFromFloat(float value); // the nearest, ties to even
// Element `i` of raw little-endian data, which need not be aligned.
double elementAsDouble(DType type, const char *raw, int64_t i);
int64_t elementAsInteger(DType type, const char *raw, int64_t i); // integer types and BOOL only

} // namespace mblm::rt
