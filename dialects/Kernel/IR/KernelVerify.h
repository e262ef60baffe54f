// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the verifiers of all kernel op families share.
#pragma once

#include "dialects/Kernel/IR/KernelOps.h"
#include "dialects/MBLM/IR/MBLMVerify.h"

namespace mblm::kernel {

inline mlir::RankedTensorType tensorOf(mlir::Value value) { return llvm::cast<mlir::RankedTensorType>(value.getType()); }

// The size that a dimension has where the form is a constant.
inline int64_t constantOf(const SymbolicDim &form) { return form.isConstant() ? form.one : mlir::ShapedType::kDynamic; }

llvm::LogicalResult expectRank(mlir::Operation *op, mlir::Value value, llvm::StringRef name, int64_t rank);

// `value` is [K, T] over `space`, with a width [K, T, width].
llvm::LogicalResult expectOver(mlir::Operation *op, mlir::Value value, llvm::StringRef name, SpaceAttr space,
                               std::optional<ExpectedSize> width = std::nullopt);

// Exactly this shape, every size of which is known.
llvm::LogicalResult expectStaticShape(mlir::Operation *op, mlir::Value value, llvm::StringRef name,
                                      llvm::ArrayRef<int64_t> shape);

} // namespace mblm::kernel
