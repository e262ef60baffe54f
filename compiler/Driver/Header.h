// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A C header for programs that call a model's artifact without the runtime.
#pragma once

#include "compiler/Target/Machine.h"
#include "runtime/Program.h"

#include <string>
#include <vector>

namespace mblm::driver {

// The ABI, the model's sizes, where each parameter stands in the flat buffer, and the artifact's `entries` for each of the machines.
std::string headerText(const rt::ModelInfo &info, const std::vector<std::string> &entries, const std::vector<target::Machine> &machines);

} // namespace mblm::driver
