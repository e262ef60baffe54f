// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/AttentionTiles.h"
#include "passes/LowerGPU/TileProduct.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

namespace {
// The weights of a row go through shared memory, where only threads of one warp need them.
class ScalarTiles final : public AttentionTiles {
public:
  ScalarTiles(ThreadEmitter &e, const TileSizes &sizes, int64_t width)
      : AttentionTiles(e, sizes, width), scores(scalarProduct(e, sizes.rows, sizes.columns)),
        mixed(scalarProduct(e, sizes.rows, depth)), line(scores->stride(sizes.columns, /*depthInside=*/true)),
        lines(e.shared(sizes.rows * line * 4)) {}

  Type element() const override { return e.f32(); }
  Places rowsOfThread() override { return steps(e.div(e.thread, scalarSide), sizes.rows); }
  Places columnsOfThread(int64_t columns) override { return steps(e.rem(e.thread, e.index(scalarSide)), columns); }
  int64_t threadsOfRow() const override { return scalarSide; }

  double unit() const override { return 1; }
  Value exponential(Value x) override { return math::ExpOp::create(e.b, x); }

  Sums score(Value a, Value b) override {
    int64_t used = kernel::ceilDiv(width, scores->depthStep()) * scores->depthStep();
    return scores->multiply(scores->zeros(), {a, stride(), true}, {b, stride(), true}, used);
  }

  Sums mix(ValueRange sums, ValueRange weights, Value b) override {
    scores->store(weights, lines, line);
    syncWarp();
    Sums after = mixed->multiply(sums, {lines, line, true}, {b, stride(), false}, sizes.columns);
    syncWarp();
    return after;
  }

private:
  static Places steps(Value first, int64_t count) {
    Places places{first, {}};
    for (int64_t n = 0; n < count; n += scalarSide) {
      places.offsets.push_back(n);
    }
    return places;
  }
  void syncWarp() { NVVM::SyncWarpOp::create(e.b, arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(-1))); }

  std::unique_ptr<TileProduct> scores, mixed;
  const int64_t line;
  const Value lines;
};
} // namespace

std::unique_ptr<AttentionTiles> cuda::scalarTiles(ThreadEmitter &e, const TileSizes &sizes, int64_t width) {
  return std::make_unique<ScalarTiles>(e, sizes, width);
}
