// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of tiles with both factors in shared memory, in blocks of 64 x 64.
#include "passes/LowerGPU/BulkProduct.h"
#include "passes/LowerGPU/WarpGroup.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

namespace {
class WarpGroupProduct final : public TileProduct {
public:
  WarpGroupProduct(ThreadEmitter &e, int64_t rows, int64_t columns)
      : TileProduct(e, rows, columns), group(e.div(e.thread, WarpGroup::threads)) {}

  Type element() const override { return e.b.getBF16Type(); }
  int64_t stride(int64_t, bool) const override { return WarpGroup::lineElements; }
  int64_t depthStep() const override { return WarpGroup::step; }

  Sums zeros() override { return {WarpGroup::zeros(e, columns)}; }

  Sums multiply(ValueRange init, const SharedTile &a, const SharedTile &b, int64_t depth) override {
    constexpr int64_t blockBytes = WarpGroup::rows * WarpGroup::lineBytes;
    WarpGroup::fence(e);
    Value left = WarpGroup::further(e, WarpGroup::descriptor(e, a.base, blockBytes), group, blockBytes);
    Value right = WarpGroup::descriptor(e, b.base, blockBytes), sums = init[0];
    for (int64_t k = 0; k < depth; k += WarpGroup::step) {
      sums = WarpGroup::multiply(e, sums, WarpGroup::further(e, left, bytesTo(k, a)), a.depthInside,
                                 WarpGroup::further(e, right, bytesTo(k, b)), b.depthInside);
    }
    WarpGroup::commit(e);
    return {sums};
  }

protected:
  void forPlaces(ValueRange sums, const Visit &visit) override {
    Value lane = e.lane();
    Value row = e.add(e.mul(e.warp(), 16), e.div(lane, 4)), column = e.mul(e.rem(lane, e.index(4)), 2);
    for (int64_t n = 0; n < columns / 2; n += 4) {
      Value c = e.add(column, 2 * n);
      visit(row, c, {sums[n], sums[n + 1]});
      visit(e.add(row, 8), c, {sums[n + 2], sums[n + 3]});
    }
  }

private:
  // From a tile's begin to depth k of it.
  static int64_t bytesTo(int64_t k, const SharedTile &tile) { return k * (tile.depthInside ? 2 : WarpGroup::lineBytes); }

  const Value group;
};
} // namespace

std::unique_ptr<TileProduct> cuda::warpGroupProduct(ThreadEmitter &e, int64_t rows, int64_t columns) {
  return std::make_unique<WarpGroupProduct>(e, rows, columns);
}
