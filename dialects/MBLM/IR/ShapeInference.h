// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sizes of all values of a function as forms of B, M and P.
#pragma once

#include "dialects/MBLM/IR/SymbolicShape.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

#include <string>

namespace mblm {

// The module attribute with the number of bytes in one outermost slot (i64, default 1).
constexpr llvm::StringLiteral innerAttrName = "mblm.inner";

// [n*B*M, T, C]: `perSlot` = n sequences in each outermost slot.
SymbolicShape slotShape(mlir::RankedTensorType type, int64_t perSlot);

// The shape of a function's argument: of rank 2 with dynamic sizes per byte, [B, M * inner], or with the attribute `mblm.per_patch`
// per patch, [B, P]; with the attribute `mblm.per_slot` by slots; otherwise static. Absent where the type is none of these.
std::optional<SymbolicShape> argumentShape(mlir::func::FuncOp func, unsigned argument);

// Emits an error at the
// op (or the function) where a size is no such form, or is not the one that the type states.
llvm::FailureOr<llvm::DenseMap<mlir::Value, SymbolicShape>> inferShapes(mlir::func::FuncOp func);

// "[B*M, 8, 128]"
std::string describe(const SymbolicShape &shape);

} // namespace mblm
