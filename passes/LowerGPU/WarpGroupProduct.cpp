// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wgmma.m64nNk16: four warps take 64 rows, with operands from shared memory. A tile is made of blocks of 64 x 64 whose lines of 128
// bytes are swizzled, eight lines (1024 bytes) together (PTX ISA, "Shared memory matrix layout"). A
// thread's place in its warp is (group, pair) = (lane / 4, lane % 4), and it has two neighbours of each 8 columns, in two rows.
#include "passes/LowerGPU/BulkProduct.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

namespace {
constexpr int64_t step = 16, groupRows = 64, groupThreads = 128;
constexpr int64_t lineBytes = 128, blockBytes = 64 * lineBytes;

class WarpGroupProduct final : public TileProduct {
public:
  WarpGroupProduct(ThreadEmitter &e, int64_t rows, int64_t columns)
      : TileProduct(e, rows, columns), group(e.div(e.thread, groupThreads)) {}

  Type element() const override { return e.b.getBF16Type(); }
  int64_t stride(int64_t, bool) const override { return lineBytes / 2; }
  int64_t depthStep() const override { return step; }

  Sums zeros() override { return {LLVM::ZeroOp::create(e.b, sumsType())}; }

  Sums multiply(ValueRange init, const SharedTile &a, const SharedTile &b, int64_t depth) override {
    NVVM::WgmmaFenceAlignedOp::create(e.b);
    Value left = add(descriptor(a.base), e.mul(group, groupRows * lineBytes / unit)), right = descriptor(b.base), sums = init[0];
    for (int64_t k = 0; k < depth; k += step) {
      sums = NVVM::WgmmaMmaAsyncOp::create(
          e.b, sumsType(), sums, add(left, e.index(k / step * stepUnits(a))), add(right, e.index(k / step * stepUnits(b))),
          NVVM::MMAShapeAttr::get(e.b.getContext(), groupRows, columns, step), NVVM::WGMMATypes::bf16, NVVM::WGMMATypes::bf16,
          NVVM::WGMMATypes::f32, NVVM::WGMMAScaleOut::one, NVVM::WGMMAScaleIn::one, NVVM::WGMMAScaleIn::one,
          a.depthInside ? NVVM::MMALayout::row : NVVM::MMALayout::col,
          b.depthInside ? NVVM::MMALayout::col : NVVM::MMALayout::row, NVVM::MMAIntOverflowAttr());
    }
    NVVM::WgmmaGroupSyncAlignedOp::create(e.b);
    return {sums};
  }

protected:
  void forPlaces(ValueRange sums, const Visit &visit) override {
    Value lane = e.lane();
    Value row = e.add(e.mul(e.warp(), step), e.div(lane, 4)), column = e.mul(e.rem(lane, e.index(4)), 2);
    for (int64_t n = 0; n < columns / 2; n += 4) {
      Value c = e.add(column, 2 * n);
      visit(row, c, {sums[n], sums[n + 1]});
      visit(e.add(row, 8), c, {sums[n + 2], sums[n + 3]});
    }
  }

private:
  static constexpr int64_t unit = 16; // bytes that descriptors count

  // From one step of depths to the next.
  static int64_t stepUnits(const SharedTile &tile) { return (tile.depthInside ? step * 2 : step * lineBytes) / unit; }

  Type sumsType() { return LLVM::LLVMStructType::getLiteral(e.b.getContext(), SmallVector<Type>(columns / 2, e.f32())); }
  Value add(Value descriptor, Value units) { return arith::AddIOp::create(e.b, descriptor, e.i64(units)); }

  // Distances of blocks (where the depth is outside) and of eight lines; swizzle of 128 bytes.
  Value descriptor(Value tile) {
    constexpr int64_t window = 0x3ffff, bits = blockBytes / unit << 16 | 8 * lineBytes / unit << 32 | int64_t(1) << 62;
    auto number = [&](int64_t n) { return arith::ConstantOp::create(e.b, e.b.getI64IntegerAttr(n)).getResult(); };
    Value address = LLVM::PtrToIntOp::create(e.b, e.b.getI64Type(), tile);
    Value units = arith::ShRUIOp::create(e.b, arith::AndIOp::create(e.b, address, number(window)), number(4));
    return arith::OrIOp::create(e.b, units, number(bits));
  }

  const Value group;
};
} // namespace

std::unique_ptr<TileProduct> cuda::warpGroupProduct(ThreadEmitter &e, int64_t rows, int64_t columns) {
  return std::make_unique<WarpGroupProduct>(e, rows, columns);
}

void cuda::waitForProducts(ThreadEmitter &e, int64_t pending) { NVVM::WgmmaWaitGroupSyncOp::create(e.b, uint64_t(pending)); }

TileProduct::Sums cuda::finishedSums(ThreadEmitter &e, Value underWay) {
  waitForProducts(e, 0);
  TileProduct::Sums sums;
  for (int64_t n : llvm::seq<int64_t>(cast<LLVM::LLVMStructType>(underWay.getType()).getBody().size())) {
    sums.push_back(LLVM::ExtractValueOp::create(e.b, underWay, n));
  }
  return sums;
}
