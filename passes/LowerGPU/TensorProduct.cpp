// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of bf16 tiles on tensor cores: ldmatrix brings 8 x 8 matrices into the registers of a warp as mma.sync wants them
// (PTX ISA, "Matrix fragments for mma.m16n8k16"). A thread's place in its warp is (group, pair) = (lane / 4, lane % 4).
#include "passes/LowerGPU/TileProduct.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

namespace {
class TensorProduct final : public TileProduct {
public:
  TensorProduct(ThreadEmitter &e, int64_t rows, int64_t columns) : TileProduct(e, rows, columns) {
    // The warps stand in a rectangle, such that each reads as little as possible; some may be left over.
    int64_t warps = e.threads / warpSize, least = rows + columns + 1, most = 0;
    for (int64_t down = 1; down <= warps; ++down) {
      for (int64_t across = 1; down * across <= warps; ++across) {
        if (rows / step % down != 0 || columns / step % across != 0) {
          continue;
        }
        int64_t read = rows / down + columns / across;
        if (down * across > most || (down * across == most && read < least)) {
          std::tie(warpsDown, warpsAcross, most, least) = std::make_tuple(down, across, down * across, read);
        }
      }
    }
    rowSteps = rows / step / warpsDown;
    columnSteps = columns / step / warpsAcross;
    Value number = e.rem(e.warp(), e.index(warpsDown * warpsAcross)), lane = e.lane();
    firstRow = e.mul(e.div(number, warpsAcross), rowSteps * step);
    firstColumn = e.mul(e.rem(number, e.index(warpsAcross)), columnSteps * step);
    group = e.div(lane, 4);
    pair = e.mul(e.rem(lane, e.index(4)), 2);
    inEight = e.rem(lane, e.index(8));
    secondEight = e.mul(e.rem(e.div(lane, 8), e.index(2)), 8);
    upperHalf = e.mul(e.div(lane, 16), 8);
  }

  Type element() const override { return e.b.getBF16Type(); }
  // An odd number of 16-byte pieces: eight rows of a matrix lie in eight different ones.
  int64_t stride(int64_t inner, bool) const override { return (kernel::ceilDiv(inner, 8) | 1) * 8; }
  int64_t depthStep() const override { return step; }

  Sums zeros() override { return Sums(rowSteps * columnSteps * 8, e.number(0)); }

  Sums multiply(ValueRange init, const SharedTile &a, const SharedTile &b, int64_t depth) override {
    Sums sums(init.begin(), init.end());
    for (int64_t k = 0; k < depth; k += step) {
      SmallVector<Sums> left, right;
      for (int64_t r = 0; r < rowSteps; ++r) {
        left.push_back(matrices(a, e.add(firstRow, r * step), k, /*outerFirst=*/true));
      }
      for (int64_t c = 0; c < columnSteps; ++c) {
        right.push_back(matrices(b, e.add(firstColumn, c * step), k, /*outerFirst=*/false));
      }
      for (int64_t r = 0; r < rowSteps; ++r) {
        for (int64_t c = 0; c < 2 * columnSteps; ++c) {
          ArrayRef<Value> factor = ArrayRef(right[c / 2]).slice(c % 2 * 2, 2);
          multiplyAdd(left[r], factor, MutableArrayRef(sums).slice((r * 2 * columnSteps + c) * 4, 4));
        }
      }
    }
    return sums;
  }

  void forPlaces(ValueRange sums, const Visit &visit) override {
    for (int64_t r = 0; r < rowSteps; ++r) {
      for (int64_t c = 0; c < 2 * columnSteps; ++c) {
        int64_t at = (r * 2 * columnSteps + c) * 4;
        Value row = e.add(firstRow, e.add(group, r * step)), column = e.add(firstColumn, e.add(pair, c * 8));
        visit(row, column, {sums[at], sums[at + 1]});
        visit(e.add(row, 8), column, {sums[at + 2], sums[at + 3]});
      }
    }
  }

  // Warps that are left over have worked out what others have.
  Value owner() override {
    int64_t busy = warpsDown * warpsAcross;
    return busy < e.threads / warpSize ? e.less(e.warp(), e.index(busy)) : Value();
  }

private:
  static constexpr int64_t step = 16;

  // The four matrices of a 16 x 16 square from (outer, k) on: with `outerFirst` the second one is beside the first in `outer`, as a
  // left factor wants them, else in k.
  Sums matrices(const SharedTile &tile, Value outer, int64_t k, bool outerFirst) {
    Value lowOuter = outerFirst ? secondEight : upperHalf, lowDepth = outerFirst ? upperHalf : secondEight;
    Value place;
    if (tile.depthInside) {
      place = e.add(e.mul(e.add(outer, e.add(inEight, lowOuter)), tile.stride), e.add(lowDepth, k));
    } else {
      place = e.add(e.mul(e.add(e.add(inEight, lowDepth), k), tile.stride), e.add(outer, lowOuter));
    }
    Type i32 = e.b.getI32Type();
    auto four = LLVM::LLVMStructType::getLiteral(e.b.getContext(), {i32, i32, i32, i32});
    Value loaded = NVVM::LdMatrixOp::create(e.b, four, e.at(tile.base, place, element()), 4,
                                            tile.depthInside ? NVVM::MMALayout::row : NVVM::MMALayout::col,
                                            NVVM::LdStMatrixShapeAttr::get(e.b.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
    Sums parts;
    for (int64_t n = 0; n < 4; ++n) {
      parts.push_back(LLVM::ExtractValueOp::create(e.b, loaded, n));
    }
    return parts;
  }

  void multiplyAdd(ArrayRef<Value> left, ArrayRef<Value> right, MutableArrayRef<Value> sums) {
    Type f32 = e.f32();
    auto result = LLVM::LLVMStructType::getLiteral(e.b.getContext(), {f32, f32, f32, f32});
    std::array<NVVM::MMATypes, 2> types{NVVM::MMATypes::bf16, NVVM::MMATypes::bf16};
    std::array<NVVM::MMALayout, 2> layouts{NVVM::MMALayout::row, NVVM::MMALayout::col};
    Value all = NVVM::MmaOp::create(e.b, result, left, right, ArrayRef<Value>(sums), {16, 8, 16}, std::nullopt, std::nullopt, types,
                                    layouts);
    for (int64_t n = 0; n < 4; ++n) {
      sums[n] = LLVM::ExtractValueOp::create(e.b, all, n);
    }
  }

  int64_t warpsDown = 1, warpsAcross = 1, rowSteps = 1, columnSteps = 1; // steps of 16
  Value firstRow, firstColumn; // of the warp
  Value group, pair;
  Value inEight, secondEight, upperHalf; // where the matrices' rows lie that this thread names
};
} // namespace

std::unique_ptr<TileProduct> cuda::tensorProduct(ThreadEmitter &e, int64_t rows, int64_t columns) {
  return std::make_unique<TensorProduct>(e, rows, columns);
}
