// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The text of mblm_metadata (runtime/ABI.h).
#pragma once

#include "compiler/Target/Machine.h"
#include "runtime/Program.h"

#include "mlir/IR/BuiltinOps.h"

namespace mblm::target {

// What lowerings left on a module: `mblm.states`, and of kernel-lower-cpu `mblm.entries`, `mblm.kernels` and `mblm.prepared`.
struct LoweredInfo {
  LoweredInfo(mlir::ModuleOp module, const Machine &machine, const std::string &suffix = "");
  mlir::Attribute states, entries, kernels; // the last two are null without code for the CPU
  mlir::Attribute prepared;                 // null where entries read all weights as they are
  std::string level, suffix;                // as for `generateCode`
};
// `levels`: of one model, best first. `gpus`: the `mblm.gpu` of each architecture that there is code for.
std::string metadataText(const rt::ModelInfo &info, llvm::ArrayRef<LoweredInfo> levels, llvm::ArrayRef<mlir::Attribute> gpus);

} // namespace mblm::target
