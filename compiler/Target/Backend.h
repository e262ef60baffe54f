// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps through LLVM that all kinds of code take. Every failure is Error(Internal).
#pragma once

#include "runtime/Support/Error.h"

#include "mlir/IR/Operation.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/OptimizationLevel.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Target/TargetMachine.h"

#include <functional>
#include <string>
#include <vector>

namespace mblm::target {

Error codeError(const std::string &what);

// A module or gpu.module in the llvm and nvvm dialects.
std::unique_ptr<llvm::Module> toLLVMIR(mlir::Operation *module, llvm::LLVMContext &context);

// Throws where LLVM's verifier finds fault.
void requireValid(llvm::Module &module);

std::string emitFile(llvm::Module &module, llvm::TargetMachine &machine, llvm::OptimizationLevel level,
                     llvm::CodeGenFileType type);
std::string irText(llvm::Module &module);

// Runs LLVM's optimisations, as `emitFile` does first.
void optimise(llvm::Module &module, llvm::TargetMachine &machine, llvm::OptimizationLevel level);

// What `emit` makes of each of up to `count` pieces of the module, side by side. How the functions fall into pieces
// depends on the count alone, and each function's code on itself alone. `emit` runs on several threads at once.
std::vector<std::string> emitPieces(llvm::Module &module, int count,
                                    const std::function<std::string(llvm::Module &)> &emit);

} // namespace mblm::target
