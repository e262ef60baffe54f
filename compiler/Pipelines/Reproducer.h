// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a bug of ours leaves behind: one line with the place, and the module in a file that `mblm-opt` reads.
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mblm::pipelines {

// "FILE:LINE:COLUMN", or nothing.
std::string filePosition(mlir::Location location);
// "FILE:LINE:COLUMN: /stages/0/layers/1/attention", as far as it is known.
std::string placeText(mlir::Location location);

// The name of a new file, where the user stands or, failing that, among the temporary files.
std::string newReproducer();

// Runs `work` on the module. Where it fails by a bug, as Error(Internal) without a reproducer, as any other exception
// but one for want of memory, or as a fatal error of LLVM, the module's text is written down and named in the line. A
// fatal error cannot be caught: that line goes to stderr and the process ends with Exit::Internal.
void withReproducer(mlir::ModuleOp module, llvm::function_ref<void()> work);

} // namespace mblm::pipelines
