// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the bodies of `kernel.integers`.
#pragma once

#include "dialects/Kernel/IR/KernelOps.h"
#include "dialects/MBLM/IR/MBLMOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <functional>

namespace mblm::kernel {

// The inside of a `kernel.integers` while it is being written.
class IntegerCode {
public:
  IntegerCode(mlir::OpBuilder builder, mlir::Location loc, mlir::Block &body)
      : b(loc, builder), body(body), k(body.getArgument(body.getNumArguments() - 2)), t(body.getArguments().back()) {}

  mlir::ImplicitLocOpBuilder b;
  mlir::Block &body;
  mlir::Value k, t; // the row

  mlir::Value index(int64_t n) { return mlir::arith::ConstantIndexOp::create(b, n); }
  mlir::Value word(uint64_t n) {
    return mlir::arith::ConstantOp::create(b, b.getI64IntegerAttr(static_cast<int64_t>(n)));
  }
  mlir::Value add(mlir::Value x, mlir::Value y) { return mlir::arith::AddIOp::create(b, x, y); }
  mlir::Value add(mlir::Value x, int64_t n) { return n ? add(x, index(n)) : x; }
  mlir::Value sub(mlir::Value x, mlir::Value y) { return mlir::arith::SubIOp::create(b, x, y); }
  mlir::Value mul(mlir::Value x, mlir::Value y) { return mlir::arith::MulIOp::create(b, x, y); }
  mlir::Value mul(mlir::Value x, int64_t n) { return n == 1 ? x : mul(x, index(n)); }
  mlir::Value min(mlir::Value x, mlir::Value y) { return mlir::arith::MinSIOp::create(b, x, y); }
  mlir::Value max(mlir::Value x, mlir::Value y) { return mlir::arith::MaxSIOp::create(b, x, y); }
  mlir::Value less(mlir::Value x, mlir::Value y) {
    return mlir::arith::CmpIOp::create(b, mlir::arith::CmpIPredicate::slt, x, y);
  }
  mlir::Value less(mlir::Value x, int64_t n) { return less(x, index(n)); }
  mlir::Value equal(mlir::Value x, int64_t n) {
    return mlir::arith::CmpIOp::create(b, mlir::arith::CmpIPredicate::eq, x, index(n));
  }
  mlir::Value either(mlir::Value x, mlir::Value y) { return mlir::arith::OrIOp::create(b, x, y); }
  mlir::Value both(mlir::Value x, mlir::Value y) { return mlir::arith::AndIOp::create(b, x, y); }
  mlir::Value always() { return mlir::arith::ConstantOp::create(b, b.getIntegerAttr(b.getI1Type(), 1)); }
  mlir::Value opposite(mlir::Value x) { return mlir::arith::XOrIOp::create(b, x, always()); }
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no) {
    return mlir::arith::SelectOp::create(b, condition, yes, no);
  }
  mlir::Value toWord(mlir::Value x) { return mlir::arith::IndexCastOp::create(b, b.getI64Type(), x); }
  mlir::Value toIndex(mlir::Value x) { return mlir::arith::IndexCastOp::create(b, b.getIndexType(), x); }

  mlir::Value get(unsigned input, mlir::Value column) {
    return GetIdOp::create(b, b.getIndexType(), body.getArgument(input), k, column);
  }
  mlir::Value getElement(unsigned input, mlir::Value column) {
    return GetElementOp::create(b, b.getF32Type(), body.getArgument(input), k, column);
  }
  // 0 where `there` does not hold; `column` may be anything then.
  mlir::Value getWhere(mlir::Value there, unsigned input, mlir::Value column) {
    return select(there, get(input, select(there, column, index(0))), index(0));
  }
  void set(mlir::Value column, mlir::Value value) { SetIdOp::create(b, value, body.getArgument(result()), k, column); }
  mlir::Value extent(unsigned tensor) { return ExtentOp::create(b, b.getIndexType(), body.getArgument(tensor)); }
  // Its number among the body's arguments; the inputs' are theirs.
  unsigned result() { return body.getNumArguments() - 3; }

  // Both numbers of range `n`.
  void setRange(mlir::Value n, mlir::Value first, mlir::Value end) {
    set(mul(n, 2), first);
    set(add(mul(n, 2), 1), end);
  }

  using Values = llvm::SmallVector<mlir::Value>;
  using Step = std::function<Values(mlir::Value, mlir::ValueRange)>;
  Values loop(mlir::Value from, mlir::Value to, mlir::ValueRange init, const Step &step) {
    auto loop = mlir::scf::ForOp::create(b, from, to, index(1), init);
    mlir::OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Values next = step(loop.getInductionVar(), loop.getRegionIterArgs());
    if (!next.empty()) { // else the loop has its end already
      mlir::scf::YieldOp::create(b, next);
    }
    return Values(loop.getResults());
  }
  void loop(mlir::Value from, mlir::Value to, const std::function<void(mlir::Value)> &step) {
    loop(from, to, {}, [&](mlir::Value i, mlir::ValueRange) {
      step(i);
      return Values();
    });
  }
};

// Each for one sequence.
void writePatchStarts(IntegerCode &c, PatchStartsOp op);
void writePatchLengths(IntegerCode &c);

} // namespace mblm::kernel
