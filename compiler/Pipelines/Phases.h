// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The named phases on the way from a spec to code. Each is one function here; the verifier runs behind every pass, and
// a failure becomes Error(Internal) with a reproducer file that `mblm-opt --run-reproducer` takes.
//   mblm    the model with its gradients
//   kernel  fused kernels
//   loops   entries that launch kernels, kernels as loops over vectors
//   llvm    the same in the llvm dialect
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mblm::pipelines {

struct Fusion {
  bool joint = true; // kernels for several ops at once
};

// The frontend's module -> phase `mblm`: @gradients and @train_step beside the entries that were there.
void toModelPhase(mlir::ModuleOp module);

// mblm -> kernel.
void toKernelPhase(mlir::ModuleOp module, const Fusion &fusion);

// kernel -> loops, for a level of compiler/Target/Machine.h.
void toLoopsPhase(mlir::ModuleOp module, const std::string &level);

// loops -> llvm.
void toLLVMPhase(mlir::ModuleOp module);

} // namespace mblm::pipelines
