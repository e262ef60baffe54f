// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pieces of ops' text forms that both dialects have.
#pragma once

#include "dialects/MBLM/IR/MBLMOps.h"

namespace mblm {

// `causal`, or `block_causal, 4`
mlir::ParseResult parseMask(mlir::OpAsmParser &parser, MaskKindAttr &mask, mlir::IntegerAttr &block);
void printMask(mlir::OpAsmPrinter &printer, mlir::Operation *op, MaskKindAttr mask, mlir::IntegerAttr block);

} // namespace mblm
