// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module of `mblm` functions as a program of the runtime, evaluated by the interpreter: what `--target reference`
// runs.
#pragma once

#include "runtime/Program.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>

namespace mblm {

// Entries are the module's functions of the entries' names. Takes the context's share, since the module lives in it.
// Parameters, gradients and moments stay in f64 between calls as long as the caller's f32 buffers still hold their
// rounding, so that training is exact in f64; a buffer that was changed is read anew.
std::unique_ptr<rt::Program> makeReferenceProgram(mlir::OwningOpRef<mlir::ModuleOp> module,
                                                  std::shared_ptr<mlir::MLIRContext> context, rt::ModelInfo info);

} // namespace mblm
