// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/SsdBlock.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

SsdBlock::SsdBlock(KernelWriter &writer, KernelWriter::Step &step, const SsdPlan &plan, ArrayRef<Value> pointers, ValueRange operands)
    : writer(writer), s(step), e(step.e), plan(plan), shape(this->plan.shape),
      tileElement(makeProduct(writer, e, tileSide, tileSide)->element()) {
  for (unsigned n = 0; n < 7; ++n) {
    sources[n] = {pointers[n], {}, cast<RankedTensorType>(operands[n].getType()).getElementType(), true};
  }
}

void SsdBlock::setChunk(Value number) {
  first = e.mul(number, shape.chunk);
  count = e.min(e.index(shape.chunk), e.sub(positions(), first));
}

void SsdBlock::setSlice(Value number) {
  sequence = e.div(number, plan.blocks());
  Value within = e.rem(number, e.index(plan.blocks()));
  head = e.div(within, plan.slices());
  firstColumn = e.mul(e.rem(within, e.index(plan.slices())), plan.slice);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

SsdBlock::Tile SsdBlock::allocate(int64_t rows, int64_t columns, int64_t leastBytes) {
  int64_t stride = makeProduct(writer, e, tileSide, tileSide)->stride(padded(columns), /*depthInside=*/true);
  int64_t bytes = padded(rows) * stride * tileElement.getIntOrFloatBitWidth() / 8;
  Value base = e.shared(std::max(bytes, leastBytes), 128);
  return {base, padded(rows), padded(columns), stride};
}

void SsdBlock::put(TileProduct &product, ValueRange sums, const Tile &tile) {
  Memory memory = element(tile);
  product.visit(sums, [&](Value row, Value column, ArrayRef<Value> neighbours) {
    for (auto [n, value] : llvm::enumerate(neighbours)) {
      e.storeNumbers(value, memory, e.add(e.add(e.mul(row, tile.stride), column), n));
    }
  });
}

void SsdBlock::bring(const Rows &rows, const Tile &tile) {
  int64_t lanes = std::gcd(std::gcd(rows.stride, rows.factor), int64_t(4)), perRow = tile.columns / lanes;
  WithLanes guard(e, lanes);
  Memory target = element(tile);
  Value last = e.sub(rows.rows, e.index(1));
  e.share(e.index(tile.rows * perRow), [&](Value i) { // a loop, so that places do not stay in registers between its uses
    Value row = e.div(i, perRow), column = e.mul(e.rem(i, e.index(perRow)), lanes);
    Value exists = arith::AndIOp::create(e.b, e.less(row, rows.rows), e.less(column, rows.columns));
    Value from = e.add(e.mul(e.min(row, last), rows.stride), e.select(exists, column, e.index(0)));
    Value value = e.loadNumbers(rows.memory, e.add(rows.from, from), /*wide=*/true);
    if (rows.factors) {
      value = e.mulf(value, e.splat(get(rows.factors, row)));
    }
    e.storeNumbers(e.select(exists, value, e.splat(0.0)), target, e.add(e.mul(row, tile.stride), column));
  });
}

SsdBlock::Rows SsdBlock::rowsOf(Source source) {
  int64_t stride = shape.strides[source], offset = shape.offsets[source];
  if (source == Input) {
    Value column = e.add(e.add(e.mul(head, shape.width), firstColumn), offset);
    int64_t factor = std::gcd(std::gcd(shape.width, plan.slice), offset);
    return {sources[Input], stride, place(e.index(0), stride, column), count, columnsOfSlice(), factor, {}};
  }
  Value column = e.add(e.mul(group(), shape.states), offset);
  return {sources[source], stride, place(e.index(0), stride, column), count, e.index(shape.states), std::gcd(shape.states, offset), {}};
}

SsdBlock::Rows SsdBlock::featuresOf(const Memory &memory) {
  Rows rows = rowsOf(Input);
  rows.memory = memory;
  rows.stride = shape.heads * shape.width;
  rows.from = place(e.index(0), rows.stride, e.add(e.mul(head, shape.width), firstColumn));
  rows.factor = std::gcd(shape.width, plan.slice);
  return rows;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

void SsdBlock::allocateSteps() {
  for (Value *each : {&steps.raw, &steps.d, &steps.sums, &steps.in, &steps.out, &steps.update}) {
    *each = line();
  }
}

Value SsdBlock::rate() {
  Value log = e.loadNumbers(sources[ALog], head, /*wide=*/false);
  return e.mulf(math::ExpOp::create(e.b, log), e.number(-M_LOG2E));
}

void SsdBlock::bringSteps() {
  e.share(e.index(shape.chunk), [&](Value i) {
    Value t = e.min(i, e.sub(count, e.index(1)));
    Value dt = e.loadNumbers(sources[Dt], place(t, shape.strides[Dt], e.add(head, shape.offsets[Dt])), /*wide=*/false);
    Value raw = e.addf(dt, e.loadNumbers(sources[Bias], head, /*wide=*/false));
    e.store(raw, e.at(steps.raw, i));
    Value d = shape.limits.clamp(e, softplus(e, raw));
    e.store(e.select(e.less(i, count), d, e.number(0)), e.at(steps.d, i));
  });
  e.barrier();
  e.when(inFirstWarp(), [&] {
    Value rate = this->rate();
    scan(
        /*forward=*/true, [&](Value i) { return e.mulf(rate, get(steps.d, i)); },
        [&](Value i, Value sum) { e.store(sum, e.at(steps.sums, i)); });
  });
  e.barrier();
  e.share(e.index(shape.chunk), [&](Value i) {
    Value sum = get(steps.sums, i), out = powerOfTwo(e, e.subf(get(steps.sums, e.index(shape.chunk - 1)), sum));
    e.store(powerOfTwo(e, sum), e.at(steps.in, i));
    e.store(out, e.at(steps.out, i));
    e.store(e.mulf(get(steps.d, i), out), e.at(steps.update, i));
  });
  e.barrier();
}

TileProduct::Sums SsdBlock::decays(TileProduct &square) {
  return square.map(square.zeros(), [&](Value i, Value j, Value) {
    // Not positive in either case, so that nothing overflows.
    Value difference = arith::MinimumFOp::create(e.b, e.subf(get(steps.sums, i), get(steps.sums, j)), e.number(0));
    return e.select(e.less(i, j), e.number(0), powerOfTwo(e, difference));
  });
}

TileProduct::Sums SsdBlock::scaleRows(TileProduct &product, ValueRange sums, Value line) {
  return product.map(sums, [&](Value row, Value, Value sum) { return e.mulf(sum, get(line, row)); });
}

TileProduct::Sums SsdBlock::scaleAll(ValueRange sums, Value factor) {
  return llvm::map_to_vector(sums, [&](Value sum) { return e.mulf(sum, factor); });
}

void SsdBlock::scan(bool forward, const std::function<Value(Value)> &number, const std::function<void(Value, Value)> &body) {
  int64_t each = ceilDiv(shape.chunk, warpSize);
  SmallVector<Value> places, exist, sums;
  for (int64_t n = 0; n < each; ++n) {
    Value i = e.add(e.mul(e.lane(), each), n);
    exist.push_back(e.less(i, e.index(shape.chunk)));
    places.push_back(forward ? i : e.sub(e.index(shape.chunk - 1), i));
    Value own = e.valueWhen(exist.back(), [&] { return number(places.back()); });
    sums.push_back(n ? e.addf(sums.back(), own) : own);
  }
  Value upTo = sums.back();
  for (int64_t distance = 1; distance < warpSize; distance *= 2) {
    Value other = e.fromEarlier(upTo, distance);
    upTo = e.select(e.less(e.lane(), e.index(distance)), upTo, e.addf(other, upTo));
  }
  Value before = e.select(e.equal(e.lane(), e.index(0)), e.number(0), e.fromEarlier(upTo, 1));
  for (int64_t n = 0; n < each; ++n) {
    e.when(exist[n], [&] { body(places[n], e.addf(before, sums[n])); });
  }
}

void SsdBlock::sumLines(Value lines, Value depth, const std::function<Value(Value, Value)> &number,
                        const std::function<void(Value, Value)> &use) {
  constexpr int64_t together = 4;
  Value part = e.rem(e.thread, e.index(together)), last = e.sub(lines, e.index(1));
  // All threads as often, so that those of a warp stay together.
  e.loop(e.index(0), lines, e.threads / together, [&](Value first) {
    Value own = e.add(first, e.div(e.thread, together)), i = e.min(own, last);
    Value sum = e.loop(part, depth, together, e.number(0), [&](Value j, ValueRange so) {
      return SmallVector<Value>{e.addf(so[0], number(i, j))};
    })[0];
    sum = e.acrossThreads(sum, together, [&](Value x, Value y) { return e.addf(x, y); });
    Value writes = arith::AndIOp::create(e.b, e.equal(part, e.index(0)), e.less(own, lines));
    e.when(writes, [&] { use(i, sum); });
  });
}
