// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Options of passes that say where something is done: never, where it pays, or wherever it fits.
#pragma once

#include "mlir/IR/Diagnostics.h"
#include "mlir/Support/LogicalResult.h"
#include "llvm/ADT/StringSwitch.h"

#include <optional>

namespace mblm {

// Where kernels go together as one: CUDA layers (passes/LowerGPU/LocalLayer.h), runs on a CPU (passes/LowerCPU/Run.h).
enum class LocalLayers { Never, WhereItPays, WhereverItFits };

// A word that is none of these has an error at `loc` that lists them. Choice: an enum with Never, WhereItPays and WhereverItFits.
template <typename Choice>
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

} // namespace mblm
