// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loop over a product's depth: tiles of both factors come by cp.async into a ring in shared memory while the one before is
// multiplied.
#include "passes/LowerGPU/TileProduct.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

#include <numeric>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

void cuda::copyPiece(ThreadEmitter &e, Value from, Type fromElement, Value to, Type toElement, int64_t count, Value inside) {
  uint32_t bytes = count * toElement.getIntOrFloatBitWidth() / 8;
  if (fromElement == toElement && bytes >= 4) {
    auto modifier = bytes == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA;
    auto number = [&](int64_t n) { return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(n)).getResult(); };
    NVVM::CpAsyncOp::create(e.b, to, from, bytes, modifier, e.select(inside, number(bytes), number(0)));
    return;
  }
  for (int64_t n = 0; n < count; ++n) {
    Memory source{from, {}, fromElement, true}, target{to, {}, toElement, true};
    auto value = e.valueWhen(inside, [&] { return e.loadNumbers(source, e.index(n), /*wide=*/false); });
    e.storeNumbers(value, target, e.index(n));
  }
}

namespace {
constexpr int64_t tileDepth = productDepth;
// Tiles that there is room for: the more, the longer may a fetch take; two at least.
int64_t stagesFor(int64_t tileBytes) { return std::clamp<int64_t>((64 << 10) / tileBytes, 2, 4); }

// One factor's tiles in shared memory.
class Ring {
public:
  Ring(TileProduct &product, const Factor &factor, int64_t outer, int64_t depthFactor)
      : e(product.e), factor(factor), element(product.element()), outer(outer),
        inner(factor.depthInside ? tileDepth : outer), lines(factor.depthInside ? outer : tileDepth),
        stride(product.stride(inner, factor.depthInside)) {
    int64_t innerFactor = factor.depthInside ? depthFactor : factor.endFactor;
    piece = std::gcd(std::gcd(factor.stride, factor.baseFactor), std::gcd(innerFactor, 16 / size()));
  }

  int64_t bytes() const { return kernel::ceilDiv(lines * stride * size(), 128) * 128; }
  void allocate(int64_t stages) { base = e.shared(stages * bytes(), 128); }
  SharedTile tile(Value slot) { return {at(slot), stride, factor.depthInside}; }

  // Brings depths [k, k + tileDepth), those from `end` on as zeros.
  void fetch(Value slot, Value k, Value end) {
    Value to = at(slot), firstLine = factor.depthInside ? factor.first : k, lastLine = factor.depthInside ? factor.end : end;
    Value firstInner = factor.depthInside ? k : factor.first, lastInner = factor.depthInside ? end : factor.end;
    int64_t perLine = inner / piece;
    e.share(lines * perLine, [&](Value number) {
      Value line = e.div(number, perLine), column = e.mul(e.rem(number, e.index(perLine)), piece);
      Value row = e.add(firstLine, line), place = e.add(firstInner, column);
      Value inside = arith::AndIOp::create(e.b, e.less(row, lastLine), e.less(place, lastInner));
      Value from = e.select(inside, e.add(e.mul(row, factor.stride), place), e.index(0));
      copyPiece(e, e.at(factor.base, from, factor.element), factor.element,
                e.at(to, e.add(e.mul(line, stride), column), element), element, piece, inside);
    });
  }

private:
  int64_t size() const { return element.getIntOrFloatBitWidth() / 8; }
  Value at(Value slot) { return e.at(base, e.mul(slot, bytes()), e.b.getI8Type()); }

  ThreadEmitter &e;
  const Factor factor;
  const Type element;
  const int64_t outer, inner, lines, stride;
  int64_t piece;
  Value base;
};
} // namespace

// Multiplies the tiles of the rings, or of one ring and of what `resident` gives for a tile's number.
static TileProduct::Sums overTiles(TileProduct &product, Ring *left, Ring &right, const std::function<SharedTile(Value)> &resident,
                                   Value begin, Value end, ValueRange init) {
  ThreadEmitter &e = product.e;
  int64_t stages = stagesFor(right.bytes() + (left ? left->bytes() : 0));
  right.allocate(stages);
  if (left) {
    left->allocate(stages);
  }
  auto fetch = [&](Value number, Value slot) {
    Value k = e.add(begin, e.mul(number, tileDepth));
    right.fetch(slot, k, end);
    if (left) {
      left->fetch(slot, k, end);
    }
    NVVM::CpAsyncCommitGroupOp::create(e.b);
  };
  for (int64_t ahead = 0; ahead < stages - 1; ++ahead) {
    fetch(e.index(ahead), e.index(ahead));
  }
  Value tiles = e.ceilDiv(e.sub(end, begin), tileDepth);
  auto sums = e.loop(e.index(0), tiles, 1, init, [&](Value number, ValueRange so) {
    NVVM::CpAsyncWaitGroupOp::create(e.b, stages - 2);
    e.barrier(); // the tile is there for all, and all are done with the one before
    Value next = e.add(number, stages - 1), slot = e.rem(number, e.index(stages));
    fetch(next, e.rem(next, e.index(stages)));
    return product.multiply(so, left ? left->tile(slot) : resident(number), right.tile(slot), tileDepth);
  });
  NVVM::CpAsyncWaitGroupOp::create(e.b, 0);
  e.barrier();
  return sums;
}

TileProduct::Sums cuda::streamProduct(TileProduct &product, const Factor &a, const Factor &b, Value begin, Value end,
                                      int64_t depthFactor, ValueRange init) {
  Ring left(product, a, product.rows, depthFactor), right(product, b, product.columns, depthFactor);
  return overTiles(product, &left, right, {}, begin, end, init);
}

TileProduct::Sums cuda::residentProduct(TileProduct &product, const SharedTile &a, const Factor &b, Value begin, Value end,
                                        int64_t depthFactor, ValueRange init) {
  ThreadEmitter &e = product.e;
  Ring right(product, b, product.columns, depthFactor);
  auto slice = [&](Value number) {
    SharedTile tile = a;
    Value place = e.mul(number, a.depthInside ? tileDepth : tileDepth * a.stride);
    tile.base = e.at(a.base, place, product.element());
    return tile;
  };
  return overTiles(product, nullptr, right, slice, begin, end, init);
}

int64_t cuda::residentRing(int64_t columns, int64_t elementBytes) {
  int64_t tile = columns * (tileDepth * elementBytes + 16);
  return stagesFor(tile) * tile;
}
