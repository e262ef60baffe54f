// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The text of mblm_metadata (runtime/ABI.h).
#pragma once

#include "compiler/Target/Machine.h"
#include "runtime/Program.h"

#include "mlir/IR/BuiltinOps.h"

namespace mblm::target {

// `module` has been through kernel-lower-cpu: it carries `mblm.entries` and `mblm.kernels`.
std::string metadataText(const rt::ModelInfo &info, mlir::ModuleOp module, const Machine &machine);

} // namespace mblm::target
