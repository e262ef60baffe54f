// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the verifiers of all op families share: comparing sizes that may be dynamic, and one wording for what was
// expected and what came instead.
#pragma once

#include "dialects/MBLM/IR/MBLMOps.h"

#include "llvm/ADT/SmallString.h"

namespace mblm {

// A size that an operand must have, and where it comes from: {17, "dim(input, 1) + 1"}.
struct ExpectedSize {
  int64_t size;
  llvm::StringRef formula;
};

inline int64_t sizeOf(mlir::Value value, unsigned dim) {
  return llvm::cast<mlir::RankedTensorType>(value.getType()).getDimSize(dim);
}

// `size * factor + more`, dynamic where `size` is.
int64_t scaled(int64_t size, int64_t factor, int64_t more = 0);

// True where both sizes are static and differ.
bool clash(int64_t a, int64_t b);

// "expects dimension 1 of 'result' to be dim(input, 1) + 1 (17), but got 16"
llvm::LogicalResult expectSize(mlir::Operation *op, mlir::Value value, llvm::StringRef name, unsigned dim,
                               ExpectedSize expected);
llvm::LogicalResult expectShape(mlir::Operation *op, mlir::Value value, llvm::StringRef name,
                                llvm::ArrayRef<ExpectedSize> expected);

// "expects dimension 1 of 'input' to be static, but got a dynamic size"
llvm::LogicalResult expectStatic(mlir::Operation *op, mlir::Value value, llvm::StringRef name, unsigned dim);

// "expects 'before' to be at least 0, but got -1"
llvm::LogicalResult expectAtLeast(mlir::Operation *op, llvm::StringRef name, int64_t value, int64_t least);

// "expects 'skip' to be in [0, 257), but got 300"; an absent value or a dynamic bound fits.
llvm::LogicalResult expectBelow(mlir::Operation *op, llvm::StringRef name, std::optional<uint64_t> value,
                                int64_t bound);

// "expects 'scale' to be finite, but got inf"
llvm::LogicalResult expectFinite(mlir::Operation *op, llvm::StringRef name, const llvm::APFloat &value);

// "expects 'rate' to be in [0, 1), but got 1"; the site likewise. What an op with dropout draws with.
llvm::LogicalResult expectDropout(mlir::Operation *op, const llvm::APFloat &rate, uint64_t site);

// What a scan's region is: f32 arguments, that many yields, and only scalar arithmetic that has a derivative.
llvm::LogicalResult verifyScalarCode(mlir::Operation *op, llvm::StringRef name, mlir::Region &region, unsigned arguments,
                                     unsigned yields);

} // namespace mblm
