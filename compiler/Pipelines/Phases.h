// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The named phases on the way from a spec to code. Each is one function here; the verifier runs behind every pass, and
// a failure becomes Error(Internal) with a reproducer file that `mblm-opt --run-reproducer` takes.
//   mblm    the model with its gradients
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <functional>

namespace mblm::pipelines {

// The frontend's module -> phase `mblm`: @gradients and @train_step beside the entries that were there.
void toModelPhase(mlir::ModuleOp module);

} // namespace mblm::pipelines
