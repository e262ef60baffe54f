// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/MmaProduct.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

namespace {
// Both factors come by ldmatrix, either way round.
class TensorProduct final : public MmaProduct {
public:
  TensorProduct(ThreadEmitter &e, int64_t rows, int64_t columns) : MmaProduct(e, rows, columns, NVVM::MMATypes::bf16, 8) {}

  Type element() const override { return e.b.getBF16Type(); }
  // An odd number of 16-byte pieces: eight lines of a matrix lie in eight different ones.
  int64_t stride(int64_t inner, bool) const override { return (kernel::ceilDiv(inner, piece) | 1) * piece; }

protected:
  Sums words(const SharedTile &tile, Value outer, int64_t k, bool outerFirst) override {
    return loadMatrices(tile, outer, k, outerFirst);
  }
};
} // namespace

std::unique_ptr<TileProduct> cuda::tensorProduct(ThreadEmitter &e, int64_t rows, int64_t columns) {
  return std::make_unique<TensorProduct>(e, rows, columns);
}
