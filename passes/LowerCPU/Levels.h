// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each level of runtime/Level.h offers to kernels. All that is written for a machine goes by this description.
#pragma once

#include "passes/Emit/Emitter.h"

#include <optional>

namespace mblm::cpu {

// Nothing for a name that is no level.
std::optional<emit::Machine> machineOfLevel(llvm::StringRef level);

// "a, b, c", for messages.
std::string levelNames();

} // namespace mblm::cpu
