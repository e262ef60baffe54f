// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How much memory the interpreter will need, without running it.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstdint>

namespace mblm {

// Bytes of the values that live at the same time, at their peak, when `function` runs on `batch` sequences of
// `slots * inner` bytes. Throws mblm::Error where an op does not know its results' sizes.
int64_t peakValueBytes(mlir::func::FuncOp function, int64_t batch, int64_t slots);

} // namespace mblm
