// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CUDA kernels as host code: what runtime/Sim runs.
#pragma once

#include "mlir/IR/BuiltinOps.h"

namespace mblm::target {

// The gpu.modules in `module`, at phase nvvm, become the symbols of runtime/Sim/ABI.h at phase llvm. Error(Internal)
// names the operation that the simulator does not know, and its place.
void lowerToSimulation(mlir::ModuleOp module);

} // namespace mblm::target
