// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The words of the passes' options. A word that is none of those has an error at `loc` that lists them.
#pragma once

#include "passes/Choices.h"
#include "passes/LowerGPU/KernelWriter.h"

namespace mblm::cuda {

llvm::FailureOr<Architecture> architectureOf(mlir::Location loc, llvm::StringRef word);
llvm::FailureOr<Precision> precisionOf(mlir::Location loc, llvm::StringRef word);

} // namespace mblm::cuda
