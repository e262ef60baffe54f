// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The work of a model per byte, from the ops' own counts.
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>

namespace mblm::driver {

struct Cost {
  double flops = 0; // a multiply-add is two
  double bytes =
      0; // of every op's operands and results, once each: the traffic of a run without fusion and without caches
};

// One call of a function (an entry such as "gradients") of a module at phase `mblm`, on `batch` sequences of `slots`
// outermost slots, cut into `patches` patches where the data decides these.
Cost costOf(mlir::ModuleOp module, llvm::StringRef function, int64_t batch, int64_t slots, int64_t patches = 0);

// Bytes of a patch on average, where nothing says more (BLT's).
constexpr double usualPatch = 4.5;

// Bytes of the weights that the linear maps of a function read.
double weightBytesOf(mlir::ModuleOp module, llvm::StringRef function);

} // namespace mblm::driver
