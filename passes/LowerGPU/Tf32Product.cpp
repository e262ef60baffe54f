// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of f32 tiles on tensor cores, which take factors with 10 bits of mantissa: each is rounded to the nearest such number as
// it comes from shared memory. On sm_90a too: wgmma wants tf32 factors with the depth inside, which gradients of weights do not
// have, and rounded in memory already.
#include "passes/LowerGPU/MmaProduct.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

namespace {
class Tf32Product final : public MmaProduct {
public:
  Tf32Product(ThreadEmitter &e, int64_t rows, int64_t columns) : MmaProduct(e, rows, columns, NVVM::MMATypes::tf32, 4) {}

  Type element() const override { return e.f32(); }
  // With the depth inside an odd number of 16-byte pieces, for ldmatrix. Else 8 or 24 banks further: a warp reads 8 numbers of 4
  // lines.
  int64_t stride(int64_t inner, bool depthInside) const override {
    return depthInside ? (kernel::ceilDiv(inner, piece) | 1) * piece : kernel::ceilDiv(inner - 8, 16) * 16 + 8;
  }

protected:
  Sums words(const SharedTile &tile, Value outer, int64_t k, bool outerFirst) override {
    Sums words = tile.depthInside ? loadMatrices(tile, outer, k, outerFirst) : loadNumbers(tile, outer, k, outerFirst);
    for (Value &word : words) {
      word = roundToTf32(e, word);
    }
    return words;
  }

private:
  // ldmatrix would take numbers apart.
  Sums loadNumbers(const SharedTile &tile, Value outer, int64_t k, bool outerFirst) {
    Value row = e.add(e.rem(e.lane(), e.index(4)), k), column = e.add(outer, e.div(e.lane(), 4));
    Sums numbers;
    for (int64_t n = 0; n < 4; ++n) {
      int64_t second = n % 2, upper = n / 2;
      Value line = e.add(row, piece * (outerFirst ? upper : second)), place = e.add(column, 8 * (outerFirst ? second : upper));
      numbers.push_back(e.load(e.at(tile.base, e.add(e.mul(line, tile.stride), place))));
    }
    return numbers;
  }
};
} // namespace

Value cuda::roundToTf32(ThreadEmitter &e, Value number) {
  if (!number.getType().isF32()) {
    number = LLVM::BitcastOp::create(e.b, e.f32(), number);
  }
  return NVVM::ConvertFloatToTF32Op::create(e.b, e.b.getI32Type(), number, NVVM::FPRoundingMode::RNA);
}

std::unique_ptr<TileProduct> cuda::tf32Product(ThreadEmitter &e, int64_t rows, int64_t columns) {
  return std::make_unique<Tf32Product>(e, rows, columns);
}
