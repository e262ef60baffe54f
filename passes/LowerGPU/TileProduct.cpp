// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/TileProduct.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

void TileProduct::visit(ValueRange sums, const Visit &visit) {
  Value owns = owner();
  owns ? e.when(owns, [&] { forPlaces(sums, visit); }) : forPlaces(sums, visit);
}

TileProduct::Sums TileProduct::map(ValueRange sums, const std::function<Value(Value, Value, Value)> &body) {
  Sums mapped;
  forPlaces(sums, [&](Value row, Value column, ArrayRef<Value> neighbours) {
    for (auto [n, value] : llvm::enumerate(neighbours)) {
      mapped.push_back(body(row, e.add(column, n), value));
    }
  });
  return mapped;
}

Value TileProduct::total(ValueRange sums, const std::function<Value(Value, Value, Value)> &body) {
  Value sum = e.number(0), owns = owner();
  for (Value value : map(sums, body)) {
    sum = e.addf(sum, value);
  }
  return owns ? e.select(owns, sum, e.number(0)) : sum;
}

void TileProduct::store(ValueRange sums, Value base, int64_t stride, Type element) {
  Memory rows{base, {}, element ? element : e.f32(), true};
  visit(sums, [&](Value row, Value column, ArrayRef<Value> neighbours) {
    WithLanes lanes(e, neighbours.size());
    Value vector = vector::FromElementsOp::create(e.b, e.vec(), SmallVector<Value>(neighbours));
    e.storeNumbers(vector, rows, e.add(e.mul(row, stride), column));
  });
}

namespace {
class ScalarProduct final : public TileProduct {
public:
  static constexpr int64_t side = scalarSide;

  ScalarProduct(ThreadEmitter &e, int64_t rows, int64_t columns)
      : TileProduct(e, rows, columns), rowSteps(rows / side), columnSteps(columns / side), i(e.div(e.thread, side)),
        j(e.rem(e.thread, e.index(side))) {}

  Type element() const override { return e.b.getF32Type(); }
  // Rows of vectors of four, an odd number of them.
  int64_t stride(int64_t inner, bool depthInside) const override {
    return depthInside ? (kernel::ceilDiv(inner, 4) | 1) * 4 : kernel::ceilDiv(inner, 4) * 4;
  }
  int64_t depthStep() const override { return vector; }

  Sums zeros() override { return Sums(rowSteps * columnSteps, e.number(0)); }

  Sums multiply(ValueRange init, const SharedTile &a, const SharedTile &b, int64_t depth) override {
    return e.loop(e.index(0), e.index(depth), vector, init, [&](Value k, ValueRange before) {
      Sums sums(before.begin(), before.end());
      auto left = factors(a, i, rowSteps, k), right = factors(b, j, columnSteps, k);
      for (int64_t v = 0; v < vector; ++v) {
        for (int64_t r = 0; r < rowSteps; ++r) {
          for (int64_t c = 0; c < columnSteps; ++c) {
            Value &sum = sums[r * columnSteps + c];
            sum = math::FmaOp::create(e.b, left[r][v], right[c][v], sum);
          }
        }
      }
      return sums;
    });
  }

  void forPlaces(ValueRange sums, const Visit &visit) override {
    for (int64_t r = 0; r < rowSteps; ++r) {
      for (int64_t c = 0; c < columnSteps; ++c) {
        visit(e.add(i, r * side), e.add(j, c * side), {sums[r * columnSteps + c]});
      }
    }
  }

private:
  static constexpr int64_t vector = 4;

  // Elements (first + side * step, k + v) by step and v.
  SmallVector<Sums> factors(const SharedTile &tile, Value first, int64_t steps, Value k) {
    SmallVector<Sums> values(steps);
    for (int64_t s = 0; s < steps; ++s) {
      Value outer = e.add(first, s * side);
      if (tile.depthInside) {
        Memory memory{tile.base, {}, e.f32(), true};
        WithLanes lanes(e, vector);
        Value four = e.loadNumbers(memory, e.add(e.mul(outer, tile.stride), k), /*wide=*/true);
        for (int64_t v = 0; v < vector; ++v) {
          values[s].push_back(e.extract(four, v));
        }
      } else {
        for (int64_t v = 0; v < vector; ++v) {
          values[s].push_back(e.load(e.at(tile.base, e.add(e.mul(e.add(k, v), tile.stride), outer))));
        }
      }
    }
    return values;
  }

  const int64_t rowSteps, columnSteps;
  const Value i, j;
};
} // namespace

std::unique_ptr<TileProduct> cuda::scalarProduct(ThreadEmitter &e, int64_t rows, int64_t columns) {
  return std::make_unique<ScalarProduct>(e, rows, columns);
}
