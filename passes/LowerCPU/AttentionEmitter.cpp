// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerCPU/AttentionEmitter.h"
#include "passes/LowerCPU/Lanes.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

Value AttentionEmitter::visibleKeys(Value key, Value i) {
  auto lanes = VectorType::get({e.machine.lanes}, e.b.getIndexType());
  auto spread = [&](Value index) { return vector::BroadcastOp::create(e.b, lanes, index).getResult(); };
  Value j = arith::AddIOp::create(e.b, spread(key), vector::StepOp::create(e.b, lanes));
  Value visible = arith::CmpIOp::create(e.b, arith::CmpIPredicate::ult, j, spread(endKey(i)));
  if (shape.mask == MaskKind::BlockCausal) {
    Value above = arith::CmpIOp::create(e.b, arith::CmpIPredicate::uge, j, spread(firstKey(i)));
    visible = arith::AndIOp::create(e.b, visible, above);
  }
  return visible;
}

void AttentionEmitter::enterSequence(Value sequence) {
  if (!hidden) {
    return;
  }
  Type i32 = e.b.getI32Type();
  Value n = positions(), row = e.mul(sequence, n), none = e.number(0), penalty = e.number(lowest);
  Value best = e.loop(e.index(0), n, 1, penalty, [&](Value j, ValueRange so) {
    Value id = e.load(e.at(hidden, e.add(row, j), i32), i32), zero = arith::ConstantIntOp::create(e.b, 0, 32);
    Value here = e.select(e.equal(id, zero), none, penalty);
    e.store(here, e.at(penalties, j));
    return SmallVector<Value>{arith::MaximumFOp::create(e.b, so[0], here)};
  })[0];
  Value all = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OLT, best, none);
  e.when(all, [&] { e.zero(penalties, n); });
  scaling = e.select(all, none, e.number(shape.scale));
}

Value AttentionEmitter::score(Value product, Value key) {
  bool wide = isa<VectorType>(product.getType());
  Value scaled = e.mulf(product, wide ? e.splat(scaling) : scaling);
  if (!hidden) {
    return scaled;
  }
  Value place = e.at(penalties, key);
  return e.addf(scaled, wide ? e.loadVector(place) : e.load(place));
}

// Random blocks that fill the machine's vectors best: their words are two vectors of factors.
static int64_t blocksAtOnce(const Emitter &e) { return e.machine.lanes / 2; }

// The two vectors of `factors`.
static std::array<Value, 2> halves(Emitter &e, Value factors) {
  auto half = [&](int64_t n) {
    return vector::ExtractStridedSliceOp::create(e.b, factors, ArrayRef<int64_t>{n * e.machine.lanes},
                                                 ArrayRef<int64_t>{e.machine.lanes}, ArrayRef<int64_t>{1})
        .getResult();
  };
  return {half(0), half(1)};
}

SmallVector<Value> AttentionEmitter::keyFactors(Value sequence, Value head, Value i, Value key) {
  Value row = e.add(e.mul(e.add(e.mul(sequence, shape.heads), head), positions()), i);
  Value block = e.add(dropout->rowBlock(row, positions()), e.div(key, DropoutEmitter::perBlock));
  SmallVector<Value> vectors;
  for (int64_t n = 0; n < keyBlock / DropoutEmitter::perBlock; n += blocksAtOnce(e)) {
    llvm::append_range(vectors, halves(e, dropout->blocks(e.add(block, n), blocksAtOnce(e))));
  }
  return vectors;
}

Value AttentionEmitter::allocateFactors() {
  constexpr int64_t slack = 64; // whole groups of blocks are written, whole vectors read
  return dropout ? s.allocate(shape.space.getPositions().one * factorRow() + slack) : Value();
}

void AttentionEmitter::writeFactors(Value sequence, Value head, Value target) {
  Value row = e.mul(e.add(e.mul(sequence, shape.heads), head), positions());
  Value first = dropout->rowBlock(row, positions());
  int64_t blocks = shape.space.getPositions().one * factorRow() / DropoutEmitter::perBlock;
  e.loop(e.index(0), e.index(blocks), blocksAtOnce(e), [&](Value block) {
    Value place = e.at(target, e.mul(block, DropoutEmitter::perBlock));
    for (auto [n, half] : llvm::enumerate(halves(e, dropout->blocks(e.add(first, block), blocksAtOnce(e))))) {
      e.store(half, e.at(place, e.index(n * e.machine.lanes)));
    }
  });
}

Value AttentionEmitter::rowOf(Value base, int64_t stride, int64_t offset, Value k, Value t, Value head) {
  Value row = e.add(e.mul(k, positions()), t);
  return e.at(base, e.add(e.mul(row, stride), e.add(e.mul(head, shape.width), offset)));
}

void AttentionEmitter::copyRow(Value source, Value target, Value table, Value t, bool inverse) {
  if (!table) {
    forHead([&](Value c, Value mask) { e.store(e.loadVector(e.at(source, c)), e.at(target, c), mask); });
    return;
  }
  int64_t half = shape.width / 2;
  Value angles = e.at(table, e.mul(t, shape.width));
  e.columns(half, [&](Value c, Value mask) {
    Value x = e.loadVector(e.at(source, c)), y = e.loadVector(e.at(source, e.add(c, half)));
    Value cosine = e.loadVector(e.at(angles, c)), sine = e.loadVector(e.at(angles, e.add(c, half)));
    Value xs = e.mulf(x, sine), ys = e.mulf(y, sine);
    Value xc = e.mulf(x, cosine), yc = e.mulf(y, cosine);
    e.store(inverse ? e.addf(xc, ys) : e.subf(xc, ys), e.at(target, c), mask);
    e.store(inverse ? e.subf(yc, xs) : e.addf(yc, xs), e.at(target, e.add(c, half)), mask);
  });
}

void AttentionEmitter::copyRows(Value base, int64_t stride, int64_t offset, Value k, Value head, Value table, Value first,
                                Value count, Value target) {
  e.loop(count, [&](Value n) {
    Value t = e.add(first, n);
    copyRow(rowOf(base, stride, offset, k, t, head), e.at(target, e.mul(n, padded())), table, t);
  });
}

void AttentionEmitter::packTransposed(Value rows, Value count, Value panels) {
  int64_t lanes = e.machine.lanes;
  e.loop(e.ceilDiv(count, kernel::panelWidth), [&](Value panel) {
    Value source = e.at(rows, e.mul(panel, kernel::panelWidth * padded()));
    if (narrow) {
      constexpr int64_t pairStride = 2 * kernel::panelWidth;
      Value base = e.mul(panel, kernel::panelWidth * padded());
      e.loop(e.index(0), e.index(padded()), 2 * lanes, [&](Value c) {
        for (int64_t n = 0; n < kernel::panelWidth; n += lanes) {
          Value place = e.add(base, e.add(e.mul(e.div(c, 2), pairStride), 2 * n));
          pairColumns(e, {e.at(source, e.add(c, n * padded())), e.index(padded())}, e.at(panels, place, factor()),
                      e.index(pairStride));
        }
      });
      return;
    }
    Value target = e.at(panels, e.mul(panel, kernel::panelWidth * padded()));
    PanelLayout layout = writer.panelOf(padded());
    e.loop(e.index(0), e.index(padded()), lanes, [&](Value c) {
      for (int64_t n = 0; n < kernel::panelWidth; n += lanes) {
        SmallVector<Value> square;
        for (int64_t i = 0; i < lanes; ++i) {
          square.push_back(e.loadVector(e.at(source, e.add(c, (n + i) * padded()))));
        }
        transpose(e, square);
        for (int64_t i = 0; i < lanes; ++i) {
          e.store(square[i], e.at(target, e.add(e.mul(e.add(c, i), layout.pitch()), layout.begin(n))));
        }
      }
    });
  });
}

BlockProduct AttentionEmitter::scoreProduct(Value rows, Value a, Value packed, Value firstKey, Value scores) {
  BlockProduct product;
  product.narrow = narrow;
  product.a = a;
  product.lda = e.index(padded());
  product.rows = rows;
  product.b = e.at(packed, e.mul(firstKey, padded()), factor());
  if (narrow) {
    product.panelStride = e.index(kernel::panelWidth * padded());
    product.ldb = e.index(panelPitch(true));
  } else {
    writer.panelOf(padded()).describe(e, product);
  }
  product.columns = e.index(keyBlock);
  product.c = scores;
  product.ldc = e.index(scoreStride);
  product.depth = e.index(narrow ? padded() : shape.width);
  product.accumulate = arith::ConstantOp::create(e.b, e.b.getBoolAttr(false));
  return product;
}

BlockProduct AttentionEmitter::mixProduct(Value rows, Value weights, Value keyRows, int64_t stride, Value depth, Value target) {
  BlockProduct product;
  product.narrow = narrow;
  product.a = weights;
  product.lda = e.index(scoreStride);
  product.rows = rows;
  product.b = keyRows;
  product.panelStride = e.index(panelPitch(narrow));
  product.ldb = e.index(narrow ? 2 * stride : stride);
  product.columns = e.index(shape.width);
  product.c = target;
  product.ldc = e.index(paddedPanels());
  product.depth = narrow ? wholeGroups(e, depth) : depth;
  product.accumulate = arith::ConstantOp::create(e.b, e.b.getBoolAttr(true));
  return product;
}

void AttentionEmitter::onlineSoftmax(const ScoreBlock &block, const Visible &visible,
                                     const std::function<SmallVector<Value>(Value i)> &factors) {
  int64_t lanes = e.machine.lanes, vectors = keyBlock / lanes;
  e.loop(block.rows, [&](Value r) {
    Value i = e.add(block.firstRow, r), row = e.at(block.scores, e.mul(r, scoreStride));
    auto keysOf = visible(i);
    SmallVector<Value> values, seen;
    for (int64_t v = 0; v < vectors; ++v) {
      Value key = e.add(block.firstKey, v * lanes), value = score(e.loadVector(e.at(row, e.index(v * lanes))), key);
      seen.push_back(keysOf(key));
      values.push_back(e.select(seen.back(), value, e.splat(lowest)));
    }
    Value best = values[0];
    for (Value value : ArrayRef(values).drop_front()) {
      best = arith::MaximumFOp::create(e.b, best, value);
    }
    Value before = e.load(e.at(block.maxima, r));
    Value top = arith::MaximumFOp::create(e.b, before, e.maxLanes(best));
    e.store(top, e.at(block.maxima, r));
    Value wideTop = e.splat(top), sum = e.splat(0.0);
    SmallVector<Value> kept = factors ? factors(i) : SmallVector<Value>();
    for (int64_t v = 0; v < vectors; ++v) {
      // Where nothing is visible yet the maximum is the stand-in itself, so the mask must speak again.
      Value p = e.select(seen[v], e.exp(e.subf(values[v], wideTop)), e.splat(0.0));
      e.store(factors ? e.mulf(p, kept[v]) : p, e.at(row, e.index(v * lanes)));
      sum = e.addf(sum, p);
    }
    Value shrink = e.exp(e.subf(e.splat(before), wideTop));
    Value total = e.at(block.sums, r);
    e.store(e.addf(e.mulf(e.load(total), e.extract(shrink)), e.sumLanes(sum)), total);
    Value target = e.at(block.mixed, e.mul(r, paddedPanels()));
    for (int64_t c = 0; c < paddedPanels(); c += lanes) {
      Value pointer = e.at(target, e.index(c));
      e.store(e.mulf(e.loadVector(pointer), shrink), pointer);
    }
  });
}

SmallVector<Value> AttentionEmitter::loadRow(Value pointer) {
  SmallVector<Value> row;
  for (int64_t v = 0; v < vectors(); ++v) {
    row.push_back(e.loadVector(e.at(pointer, e.index(v * e.machine.lanes))));
  }
  return row;
}

Value AttentionEmitter::dot(ArrayRef<Value> x, ArrayRef<Value> y) {
  Value sum;
  for (auto [a, b] : llvm::zip(x, y)) {
    sum = sum ? e.fma(a, b, sum) : e.mulf(a, b);
  }
  return e.sumLanes(sum);
}

void AttentionEmitter::accumulateRow(Value target, Value factor, ArrayRef<Value> x) {
  Value wide = e.splat(factor);
  for (auto [v, value] : llvm::enumerate(x)) {
    Value pointer = e.at(target, e.index(v * e.machine.lanes));
    e.store(e.fma(wide, value, e.loadVector(pointer)), pointer);
  }
}
