// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each level of runtime/Level.h offers to kernels. All that is written for a machine goes by this description.
#pragma once

#include "passes/Emit/Emitter.h"

namespace mblm::cpu {

// An error at `loc` for a name that is no level.
mlir::FailureOr<emit::Machine> machineOfLevel(mlir::Location loc, llvm::StringRef level);

} // namespace mblm::cpu
