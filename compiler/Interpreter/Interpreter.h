// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The naive f64 executor of the `mblm` dialect: one plain loop nest per op, written from the ops' formulas alone. It is
// the oracle of every numeric test, so nothing here is clever.
#pragma once

#include "compiler/Interpreter/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"

namespace mblm {

// The flat buffers that parameters' offsets address. Any may be empty where the program never touches it.
struct Stores {
  std::vector<double> parameters, gradients, firstMoment, secondMoment, state;
};

// What a call's sizes and positions are forms of.
struct CallSizes {
  int64_t batch = 1; // B; that of the ids where there are any
  int64_t slots = 1; // M
  int64_t position = 0; // of a step
};

class Interpreter {
public:
  explicit Interpreter(mlir::ModuleOp module);

  // Elements of the flat buffers: the end of the last parameter.
  int64_t parameterElements() const { return elements; }
  Stores &stores() { return buffers; }

  // Runs a function of one block on its arguments. Values are freed after their last use. Throws mblm::Error.
  std::vector<Tensor> call(mlir::func::FuncOp function, std::vector<Tensor> arguments, CallSizes sizes = {});
  std::vector<Tensor> call(llvm::StringRef function, std::vector<Tensor> arguments, CallSizes sizes = {});

  // Whether the module has a function of that name.
  bool has(llvm::StringRef function);

private:
  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  int64_t elements = 0;
  Stores buffers;
};

} // namespace mblm
