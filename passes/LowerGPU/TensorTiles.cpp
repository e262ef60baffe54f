// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// On tensor cores. A warp has 16 rows; the products are mma.sync.m16n8k16 (bf16) or m16n8k8 (tf32), whose results a thread holds
// as: rows lane / 4 and 8 further, columns 2 * (lane % 4) and the next one of each 8.
#include "passes/LowerGPU/AttentionTiles.h"
#include "passes/LowerGPU/TileProduct.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

namespace {
class MmaTiles : public AttentionTiles {
public:
  // `piece`: elements of 16 bytes, a line of a matrix.
  MmaTiles(ThreadEmitter &e, const TileSizes &sizes, int64_t width, NVVM::MMATypes type, int64_t piece)
      : AttentionTiles(e, sizes, width), type(type), piece(piece), lane(e.lane()), firstRow(e.mul(e.warp(), 16)) {}

  Places rowsOfThread() override { return {e.add(firstRow, e.div(lane, 4)), {0, 8}}; }
  Places columnsOfThread(int64_t columns) override {
    Places places{e.mul(e.rem(lane, e.index(4)), 2), {}};
    for (int64_t c = 0; c < columns; c += 8) {
      places.offsets.append({c, c + 1});
    }
    return places;
  }
  int64_t threadsOfRow() const override { return 4; }

  double unit() const override { return llvm::numbers::log2e; }
  // One instruction; without `ftz` there are three more, for results below 2^-126.
  Value exponential(Value x) override {
    return LLVM::CallIntrinsicOp::create(e.b, e.f32(), e.b.getStringAttr("llvm.nvvm.ex2.approx.ftz.f32"), x).getResult(0);
  }

  Sums score(Value a, Value b) override {
    // Matrices of b: features k and those a piece further of rows j, then of rows j + 8.
    Value row = e.add(e.rem(lane, e.index(8)), e.mul(e.div(lane, 16), 8)),
          column = e.mul(e.rem(e.div(lane, 8), e.index(2)), piece);
    Value aRow = e.add(firstRow, e.rem(lane, e.index(16))), aColumn = e.mul(e.div(lane, 16), piece);
    Sums sums(2 * perRow(sizes.columns), e.number(0));
    for (int64_t k = 0; k < depth; k += 2 * piece) {
      Sums left = loadMatrices(a, aRow, e.add(aColumn, k), /*transposed=*/false);
      for (int64_t j = 0; j < sizes.columns; j += 16) {
        multiply(sums, left, loadMatrices(b, e.add(row, j), e.add(column, k), false), j, perRow(sizes.columns));
      }
    }
    return sums;
  }

protected:
  // A number as it comes from a tile, for tensor cores.
  virtual Value word(Value loaded) { return loaded; }

  // A thread's numbers in a row of `columns`.
  static int64_t perRow(int64_t columns) { return columns / 4; }

  // Four matrices of 8 x 8; the row that this lane points to begins at (row, column).
  Sums loadMatrices(Value tile, Value row, Value column, bool transposed) {
    Type i32 = e.b.getI32Type();
    auto four = LLVM::LLVMStructType::getLiteral(e.b.getContext(), SmallVector<Type>(4, i32));
    Value place = e.at(tile, e.add(e.mul(row, stride()), column), element());
    Value loaded =
        NVVM::LdMatrixOp::create(e.b, four, place, 4, transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
                                 NVVM::LdStMatrixShapeAttr::get(e.b.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
    Sums words = parts(loaded);
    llvm::for_each(words, [&](Value &loaded) { loaded = word(loaded); });
    return words;
  }

  Sums parts(Value four) {
    Sums values;
    for (int64_t n = 0; n < 4; ++n) {
      values.push_back(LLVM::ExtractValueOp::create(e.b, four, n));
    }
    return values;
  }

  // Adds to the columns [column, column + 16) of both rows; each row has `line` sums.
  void multiply(Sums &sums, ValueRange left, ValueRange right, int64_t column, int64_t line) {
    auto four = LLVM::LLVMStructType::getLiteral(e.b.getContext(), SmallVector<Type>(4, e.f32()));
    std::array<NVVM::MMATypes, 2> types{type, type};
    std::array<NVVM::MMALayout, 2> layouts{NVVM::MMALayout::row, NVVM::MMALayout::col};
    for (int64_t half : {0, 1}) {
      int64_t at = column / 4 + 2 * half;
      Value so[] = {sums[at], sums[at + 1], sums[line + at], sums[line + at + 1]};
      Value product = NVVM::MmaOp::create(e.b, four, left, right.slice(2 * half, 2), so, ArrayRef<int64_t>{16, 8, 2 * piece},
                                          std::nullopt, std::nullopt, types, layouts);
      Sums after = parts(product);
      sums[at] = after[0];
      sums[at + 1] = after[1];
      sums[line + at] = after[2];
      sums[line + at + 1] = after[3];
    }
  }

  const NVVM::MMATypes type;
  const int64_t piece;
  const Value lane, firstRow;
};

// Results of a score are, two by two, just what the left operand of the next product wants.
class TensorTiles final : public MmaTiles {
public:
  TensorTiles(ThreadEmitter &e, const TileSizes &sizes, int64_t width) : MmaTiles(e, sizes, width, NVVM::MMATypes::bf16, 8) {}

  Type element() const override { return e.b.getBF16Type(); }

  Sums mix(ValueRange before, ValueRange weights, Value b) override {
    Sums sums(before.begin(), before.end());
    int64_t line = perRow(sizes.columns);
    // Matrices of b, transposed: rows k and k + 8 of features c, then of features c + 8.
    Value row = e.rem(lane, e.index(16)), column = e.mul(e.div(lane, 16), 8);
    for (int64_t k = 0; k < sizes.columns; k += 16) {
      Sums left;
      for (int64_t half : {0, 2}) {
        for (int64_t r : {0, 1}) {
          int64_t at = r * line + k / 4 + half;
          left.push_back(pack(weights[at], weights[at + 1]));
        }
      }
      for (int64_t c = 0; c < depth; c += 16) {
        multiply(sums, left, loadMatrices(b, e.add(row, k), e.add(column, c), true), c, perRow(depth));
      }
    }
    return sums;
  }

private:
  Value pack(Value low, Value high) {
    Value both = vector::FromElementsOp::create(e.b, e.vec(2), ValueRange{low, high});
    Value rounded = arith::TruncFOp::create(e.b, VectorType::get({2}, element()), both);
    return LLVM::BitcastOp::create(e.b, e.b.getI32Type(), rounded);
  }
};

// Of each 8 depths of the second product, the left operand has 0, 2, 4, 6 first and then the odd ones: those whose weights a thread
// has. The right one has them in the same order.
class Tf32Tiles final : public MmaTiles {
public:
  Tf32Tiles(ThreadEmitter &e, const TileSizes &sizes, int64_t width) : MmaTiles(e, sizes, width, NVVM::MMATypes::tf32, 4) {}

  Type element() const override { return e.f32(); }

  Sums mix(ValueRange before, ValueRange weights, Value b) override {
    Sums sums(before.begin(), before.end());
    int64_t line = perRow(sizes.columns);
    Value row = e.mul(e.rem(lane, e.index(4)), 2), column = e.div(lane, 4);
    for (int64_t k = 0; k < sizes.columns; k += 8) {
      Sums left;
      for (int64_t odd : {0, 1}) {
        for (int64_t r : {0, 1}) {
          left.push_back(word(weights[r * line + k / 4 + odd]));
        }
      }
      for (int64_t c = 0; c < depth; c += 16) {
        Sums right;
        for (int64_t half : {0, 8}) {
          for (int64_t odd : {0, 1}) {
            Value place = e.add(e.mul(e.add(row, k + odd), stride()), e.add(column, c + half));
            right.push_back(word(e.load(e.at(b, place))));
          }
        }
        multiply(sums, left, right, c, perRow(depth));
      }
    }
    return sums;
  }

protected:
  Value word(Value loaded) override { return roundToTf32(e, loaded); }
};
} // namespace

std::unique_ptr<AttentionTiles> cuda::tensorTiles(ThreadEmitter &e, const TileSizes &sizes, int64_t width) {
  return std::make_unique<TensorTiles>(e, sizes, width);
}

std::unique_ptr<AttentionTiles> cuda::tf32Tiles(ThreadEmitter &e, const TileSizes &sizes, int64_t width) {
  return std::make_unique<Tf32Tiles>(e, sizes, width);
}
