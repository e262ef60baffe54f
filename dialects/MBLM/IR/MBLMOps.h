// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `mblm` dialect: its ops, attributes and interfaces.
#pragma once

#include "dialects/MBLM/IR/StepStates.h"
#include "dialects/MBLM/IR/SymbolicShape.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/MBLM/IR/MBLMDialect.h.inc"
#include "dialects/MBLM/IR/MBLMEnums.h.inc"
#include "dialects/MBLM/IR/MBLMInterfaces.h.inc"

namespace mblm {
// On the op that makes a layer's result: the number of its stage (i64). Between two such ops stands one layer.
constexpr llvm::StringLiteral layerEndAttrName = "mblm.layer_end";
// At arguments and results of a function that runs by pieces (i64): how many sequences one outermost slot has there.
constexpr llvm::StringLiteral perSlotAttrName = "mblm.per_slot";
// Of an argument of ids: one for each patch, not for each byte.
constexpr llvm::StringLiteral perPatchAttrName = "mblm.per_patch";
// Of an argument of ids: ranges that the caller of a step makes, as the op whose attributes these are would.
constexpr llvm::StringLiteral rangesAttrName = "mblm.ranges";
// Of an argument of ids: 1 for each byte that attention may see, 0 for the others.
constexpr llvm::StringLiteral visibleAttrName = "mblm.visible";
// Of a module: sequences go through it whole, so that there are no steps.
constexpr llvm::StringLiteral wholeAttrName = "mblm.whole";
// Of an argument of ids: what each byte predicts.
constexpr llvm::StringLiteral targetsAttrName = "mblm.targets";
// Of an argument of numbers: the entropy of what follows each byte.
constexpr llvm::StringLiteral entropiesAttrName = "mblm.entropies";
} // namespace mblm

#define GET_ATTRDEF_CLASSES
#include "dialects/MBLM/IR/MBLMAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/MBLM/IR/MBLMOps.h.inc"
