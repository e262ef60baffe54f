// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of tiles by mma.sync.m16n8k16 (bf16) or m16n8k8 (tf32): a warp has a rectangle of the tile, and both factors as
// matrices of 8 lines of 16 bytes, a `piece` (PTX ISA, "Matrix fragments"). A thread's place in its warp is (group, pair) =
// (lane / 4, lane % 4).
#pragma once

#include "passes/LowerGPU/TileProduct.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mblm::cuda {

class MmaProduct : public TileProduct {
public:
  MmaProduct(ThreadEmitter &e, int64_t rows, int64_t columns, mlir::NVVM::MMATypes type, int64_t piece);

  int64_t depthStep() const override { return step; }
  Sums zeros() override { return Sums(rowSteps * columnSteps * 8, e.number(0)); }
  Sums multiply(mlir::ValueRange init, const SharedTile &a, const SharedTile &b, int64_t depth) override;
  void forPlaces(mlir::ValueRange sums, const Visit &visit) override;
  // Warps that are left over have worked out what others have.
  mlir::Value owner() override;

protected:
  // This thread's words of the four matrices from (outer, k) on that cover 16 outer indices and two pieces of the depth: with
  // `outerFirst` the second one is beside the first in `outer`, as a left factor wants them, else in k.
  virtual Sums words(const SharedTile &tile, mlir::Value outer, int64_t k, bool outerFirst) = 0;
  // The same by ldmatrix, which transposes matrices of 16-bit elements where the depth is outside.
  Sums loadMatrices(const SharedTile &tile, mlir::Value outer, int64_t k, bool outerFirst);

  static constexpr int64_t side = 16; // of what two products cover
  const int64_t piece, step;          // elements of 16 bytes; depths of a product

private:
  void multiplyAdd(mlir::ArrayRef<mlir::Value> left, mlir::ArrayRef<mlir::Value> right, mlir::MutableArrayRef<mlir::Value> sums);

  const mlir::NVVM::MMATypes type;
  int64_t warpsDown = 1, warpsAcross = 1, rowSteps = 1, columnSteps = 1; // steps of `side`
  mlir::Value firstRow, firstColumn;         // of the warp
  mlir::Value inEight, secondEight, upperHalf; // of the line that this thread names to ldmatrix: its matrix is n, in half n / 2
};

} // namespace mblm::cuda
