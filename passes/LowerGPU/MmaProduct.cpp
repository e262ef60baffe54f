// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/MmaProduct.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

MmaProduct::MmaProduct(ThreadEmitter &e, int64_t rows, int64_t columns, NVVM::MMATypes type, int64_t piece)
    : TileProduct(e, rows, columns), piece(piece), step(2 * piece), type(type) {
  // The warps stand in a rectangle, such that each reads as little as possible; some may be left over.
  int64_t warps = e.threads / warpSize, least = rows + columns + 1, most = 0;
  for (int64_t down = 1; down <= warps; ++down) {
    for (int64_t across = 1; down * across <= warps; ++across) {
      if (rows / side % down != 0 || columns / side % across != 0) {
        continue;
      }
      int64_t read = rows / down + columns / across;
      if (down * across > most || (down * across == most && read < least)) {
        std::tie(warpsDown, warpsAcross, most, least) = std::make_tuple(down, across, down * across, read);
      }
    }
  }
  rowSteps = rows / side / warpsDown;
  columnSteps = columns / side / warpsAcross;
  Value number = e.rem(e.warp(), e.index(warpsDown * warpsAcross)), lane = e.lane();
  firstRow = e.mul(e.div(number, warpsAcross), rowSteps * side);
  firstColumn = e.mul(e.rem(number, e.index(warpsAcross)), columnSteps * side);
  inEight = e.rem(lane, e.index(8));
  secondEight = e.rem(e.div(lane, 8), e.index(2));
  upperHalf = e.div(lane, 16);
}

TileProduct::Sums MmaProduct::multiply(ValueRange init, const SharedTile &a, const SharedTile &b, int64_t depth) {
  Sums sums(init.begin(), init.end());
  for (int64_t k = 0; k < depth; k += step) {
    SmallVector<Sums> left, right;
    for (int64_t r = 0; r < rowSteps; ++r) {
      left.push_back(words(a, e.add(firstRow, r * side), k, /*outerFirst=*/true));
    }
    for (int64_t c = 0; c < columnSteps; ++c) {
      right.push_back(words(b, e.add(firstColumn, c * side), k, /*outerFirst=*/false));
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

void MmaProduct::forPlaces(ValueRange sums, const Visit &visit) {
  Value group = e.div(e.lane(), 4), pair = e.mul(e.rem(e.lane(), e.index(4)), 2);
  for (int64_t r = 0; r < rowSteps; ++r) {
    for (int64_t c = 0; c < 2 * columnSteps; ++c) {
      int64_t at = (r * 2 * columnSteps + c) * 4;
      Value row = e.add(firstRow, e.add(group, r * side)), column = e.add(firstColumn, e.add(pair, c * 8));
      visit(row, column, {sums[at], sums[at + 1]});
      visit(e.add(row, 8), column, {sums[at + 2], sums[at + 3]});
    }
  }
}

Value MmaProduct::owner() {
  int64_t busy = warpsDown * warpsAcross;
  return busy < e.threads / warpSize ? e.less(e.warp(), e.index(busy)) : Value();
}

TileProduct::Sums MmaProduct::loadMatrices(const SharedTile &tile, Value outer, int64_t k, bool outerFirst) {
  // Eight lines along the outer index each, or along the depth.
  int64_t outerSize = 8, depthSize = piece;
  Value lowOuter = e.mul(outerFirst ? secondEight : upperHalf, outerSize);
  Value lowDepth = e.mul(outerFirst ? upperHalf : secondEight, depthSize);
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

void MmaProduct::multiplyAdd(ArrayRef<Value> left, ArrayRef<Value> right, MutableArrayRef<Value> sums) {
  Type f32 = e.f32();
  auto result = LLVM::LLVMStructType::getLiteral(e.b.getContext(), {f32, f32, f32, f32});
  std::array<NVVM::MMATypes, 2> types{type, type};
  std::array<NVVM::MMALayout, 2> layouts{NVVM::MMALayout::row, NVVM::MMALayout::col};
  Value all = NVVM::MmaOp::create(e.b, result, left, right, ArrayRef<Value>(sums), {16, 8, step}, std::nullopt, std::nullopt, types,
                                  layouts);
  for (int64_t n = 0; n < 4; ++n) {
    sums[n] = LLVM::ExtractValueOp::create(e.b, all, n);
  }
}
