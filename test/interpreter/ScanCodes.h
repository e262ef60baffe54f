// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scalar code of scans, for the table of ops.
#pragma once

#include "mlir/IR/Builders.h"

namespace mblm::test {

void sumCode(mlir::OpBuilder &builder, mlir::Block &body);
void maximumCode(mlir::OpBuilder &builder, mlir::Block &body);
// h[t] = a[t] h[t-1] + b[t] as pairs (a, b), and its vector-Jacobian product.
void recurrenceCode(mlir::OpBuilder &builder, mlir::Block &body);
void recurrenceVjpCode(mlir::OpBuilder &builder, mlir::Block &body);
void logSumExpCode(mlir::OpBuilder &builder, mlir::Block &body);
// Every op that scans may hold; no matter that it is not associative.
void everyOpCode(mlir::OpBuilder &builder, mlir::Block &body);

} // namespace mblm::test
