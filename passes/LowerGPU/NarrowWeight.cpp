// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/NarrowWeight.h"
#include "passes/LowerGPU/Kernels.h"

#include <numeric>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

std::optional<NarrowWeight> cuda::narrowWeight(Value packed, Precision precision) {
  auto pack = packed.getDefiningOp<kernel::PackOp>();
  if (pack && pack.getType().getElementType().isF32()) {
    return std::nullopt;
  }
  auto weight = pack ? pack.getWeight().getDefiningOp<kernel::WeightOp>() : packed.getDefiningOp<kernel::WeightOp>();
  constexpr int64_t together = 8; // 16 bytes
  if (!weight || precision != Precision::BF16 || weight.getOffset() % together != 0) {
    return std::nullopt;
  }
  return NarrowWeight{static_cast<int64_t>(weight.getOffset()), cast<RankedTensorType>(weight.getType()).getNumElements()};
}

void cuda::emitNarrow(KernelWriter &writer, Location loc, int64_t elements, int64_t factor) {
  constexpr int64_t perThread = 8;
  int64_t lanes = std::gcd(perThread, std::gcd(elements, factor));
  writer.step(loc, 2, {SymbolicDim::constant(elements), blockThreads * lanes}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    WithLanes guard(e, lanes);
    Value i = e.mul(e.add(e.mul(e.blockX, blockThreads), e.thread), lanes);
    e.when(e.less(i, e.index(elements)), [&] {
      Value numbers = e.loadNumbers({s.pointers[0], {}, e.f32(), true}, i, /*wide=*/true);
      e.storeNumbers(numbers, {s.pointers[1], {}, e.b.getBF16Type(), true}, i);
    });
  });
}
