// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The module's states, one for each op (or value) and name, whichever step asks first.
#pragma once

#include "dialects/MBLM/IR/MBLMOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

namespace mblm::decode {

class StateTable {
public:
  // States are declared before `before`.
  StateTable(mlir::ModuleOp module, mlir::func::FuncOp before) : builder(module.getContext()) { builder.setInsertionPoint(before); }

  // `positions` are a constant, or M and some more; with `perPatch` they are patches.
  StateOp get(mlir::Operation *op, llvm::StringRef name, SymbolicDim positions, int64_t width, bool perPatch = false);

private:
  // "/stages/0/layers/1/attention/key"
  std::string uniqueName(mlir::Operation *op, llvm::StringRef name);

  mlir::OpBuilder builder;
  llvm::MapVector<std::pair<mlir::Operation *, mlir::StringAttr>, StateOp> states;
  llvm::StringSet<> names;
  SymbolicDim end; // of the buffer
};

} // namespace mblm::decode
