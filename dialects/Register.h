// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialects that our modules may hold: our own, and the upstream ones that they are lowered to.
#pragma once

#include "mlir/IR/DialectRegistry.h"

namespace mblm {

void registerAllDialects(mlir::DialectRegistry &registry);

} // namespace mblm
