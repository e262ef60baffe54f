// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes row programs (see dialects/Kernel/IR/KernelDialect.td) from C++.
#pragma once

#include "dialects/Kernel/IR/KernelOps.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <functional>

namespace mblm::kernel {

// The inside of a row program while it is being written.
class RowBody {
public:
  RowBody(mlir::OpBuilder builder, mlir::Location loc, mlir::Block &body)
      : b(loc, builder), body(body), at(rowIndices(body)) {}

  mlir::ImplicitLocOpBuilder b;
  mlir::Block &body;
  RowIndices at;

  mlir::Value load(unsigned tensor, mlir::ValueRange indices) { return loadFrom(body.getArgument(tensor), indices, false); }
  mlir::Value loadOrZero(unsigned tensor, mlir::ValueRange indices) {
    return loadFrom(body.getArgument(tensor), indices, true);
  }
  // The element of this very row and column; of [C] and [K, T] tensors, what belongs to the column or the row.
  mlir::Value here(unsigned tensor);

  // The position that this row is in its stage's sequence: P + origin + t, or t without an origin.
  mlir::Value positionFrom(std::optional<int64_t> origin) {
    return origin ? plus(plus(at.position, CallPositionOp::create(b)), *origin) : at.position;
  }

  mlir::Value index(int64_t n) { return mlir::arith::ConstantIndexOp::create(b, n); }
  mlir::Value number(double x) { return mlir::arith::ConstantOp::create(b, b.getF32FloatAttr(x)); }
  mlir::Value plus(mlir::Value x, mlir::Value y) { return mlir::arith::AddIOp::create(b, x, y); }
  mlir::Value plus(mlir::Value x, int64_t n) { return n ? plus(x, index(n)) : x; }
  mlir::Value minus(mlir::Value x, mlir::Value y) { return mlir::arith::SubIOp::create(b, x, y); }
  mlir::Value times(mlir::Value x, mlir::Value y) { return mlir::arith::MulIOp::create(b, x, y); }
  mlir::Value equal(mlir::Value x, int64_t n) {
    return mlir::arith::CmpIOp::create(b, mlir::arith::CmpIPredicate::eq, x, index(n));
  }
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no) {
    return mlir::arith::SelectOp::create(b, condition, yes, no);
  }
  mlir::Value add(mlir::Value x, mlir::Value y) { return mlir::arith::AddFOp::create(b, x, y); }
  mlir::Value sub(mlir::Value x, mlir::Value y) { return mlir::arith::SubFOp::create(b, x, y); }
  mlir::Value mul(mlir::Value x, mlir::Value y) { return mlir::arith::MulFOp::create(b, x, y); }
  mlir::Value div(mlir::Value x, mlir::Value y) { return mlir::arith::DivFOp::create(b, x, y); }
  mlir::Value rowSum(mlir::Value x) { return RowSumOp::create(b, b.getF32Type(), x); }

private:
  mlir::Value loadFrom(mlir::Value tensor, mlir::ValueRange indices, bool orZero);
};

using RowProgram = std::function<llvm::SmallVector<mlir::Value>(RowBody &)>;

// Columns as segments times width.
struct Columns {
  int64_t columns, segments, width;
  static Columns plain(int64_t n) { return {n, 1, n}; }
};

// Fills an empty region with a row program over `tensors`.
void buildRowProgram(mlir::OpBuilder &builder, mlir::Location loc, mlir::Region &region, mlir::TypeRange tensors,
                     const RowProgram &program);

// The row program that hands its one tensor through.
void buildIdentity(mlir::OpBuilder &builder, mlir::Location loc, mlir::Region &region, mlir::Type tensor);

RowsOp buildRows(mlir::OpBuilder &builder, mlir::Location loc, SpaceAttr space, Columns columns, mlir::ValueRange inputs,
                 mlir::TypeRange results, const RowProgram &program, llvm::ArrayRef<int64_t> blockSums = {});

} // namespace mblm::kernel
