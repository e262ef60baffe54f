// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The words of the passes' options. A word that is none of those has an error at `loc` that lists them.
#pragma once

#include "passes/LowerGPU/KernelWriter.h"

#include "llvm/ADT/StringSwitch.h"

namespace mblm::cuda {

llvm::FailureOr<Architecture> architectureOf(mlir::Location loc, llvm::StringRef word);
llvm::FailureOr<Precision> precisionOf(mlir::Location loc, llvm::StringRef word);

template <typename Choice> // LocalLayers | Library
llvm::FailureOr<Choice> choiceOf(mlir::Location loc, llvm::StringRef option, llvm::StringRef word) {
  auto which = llvm::StringSwitch<std::optional<Choice>>(word)
                   .Case("never", Choice::Never)
                   .Case("pays", Choice::WhereItPays)
                   .Case("fits", Choice::WhereverItFits)
                   .Default(std::nullopt);
  if (!which) {
    return mlir::emitError(loc) << "expects " << option << " never, pays or fits, but got " << word;
  }
  return *which;
}

} // namespace mblm::cuda
