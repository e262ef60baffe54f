// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A C header for programs that call a model's artifact without the runtime.
#pragma once

#include "runtime/Program.h"

#include <string>

namespace mblm::driver {

// The ABI, the model's sizes, and where each parameter stands in the flat buffer.
std::string headerText(const rt::ModelInfo &info);

} // namespace mblm::driver
