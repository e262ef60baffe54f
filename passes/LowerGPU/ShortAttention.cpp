// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/ShortAttention.h"

#include <numeric>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

ShortSizes::ShortSizes(const AttentionShape &shape, int64_t copies, int64_t floatsOfPair)
    : length(shape.space.getPositions().one), width(shape.width), lanes(std::gcd<int64_t>(4, width)),
      stride((ceilDiv(width, 4) | 1) * 4) {
  // A few blocks share a multiprocessor.
  constexpr int64_t mostThreads = 128, roomOfBlock = 48 << 10;
  int64_t bytesOfPair = (copies * length * stride + floatsOfPair) * 4;
  pairs = std::max<int64_t>(1, std::min(mostThreads / length, roomOfBlock / bytesOfPair));
  threads = ceilDiv(pairs * length, warpSize) * warpSize;
}

ShortAttention::ShortAttention(KernelWriter::Step &s, const AttentionPlan &plan, const ShortSizes &sizes)
    : s(s), e(s.e), plan(plan), sizes(sizes), firstItem(e.mul(e.blockX, sizes.pairs)),
      items(e.form(plan.shape.pairs())) {
  pair = e.div(e.thread, sizes.length);
  position = e.rem(e.thread, e.index(sizes.length));
  active = arith::AndIOp::create(e.b, e.less(pair, e.index(sizes.pairs)), e.less(item(), items));
}

Value ShortAttention::line() {
  Value sequence = e.div(item(), plan.shape.heads), head = e.rem(item(), e.index(plan.shape.heads));
  return e.add(e.mul(e.add(e.mul(sequence, sizes.length), position), plan.shape.heads), head);
}

LineCopy ShortAttention::copyOf(const HeadTensor &tensor, Value rows, Value table, bool reads) {
  auto position = [this](Value line) { return e.rem(line, e.index(sizes.length)); };
  auto itemOf = [this](Value line) { return e.add(firstItem, e.div(line, sizes.length)); };
  LineCopy::End far{{s.pointers[tensor.pointer], {}, tensor.element, true}, [=](Value line) {
                      Value item = itemOf(line), sequence = e.div(item, plan.shape.heads);
                      Value head = e.rem(item, e.index(plan.shape.heads));
                      return headRows(s, plan.shape, tensor, sequence, head).offset(e, position(line));
                    }};
  LineCopy::End near{{rows, {}, e.f32(), true}, [this](Value line) { return e.mul(line, sizes.stride); }};
  LineCopy copy;
  copy.lines = sizes.pairs * sizes.length;
  copy.width = sizes.width;
  copy.from = reads ? far : near;
  copy.to = reads ? near : far;
  copy.active = [=](Value line) { return e.less(itemOf(line), items); };
  copy.table = table;
  copy.position = position;
  copy.inverse = !reads;
  return copy;
}

void ShortAttention::read(const HeadTensor &tensor, Value rows, Value table) {
  copyLines(e, copyOf(tensor, rows, table, /*reads=*/true));
}

void ShortAttention::write(Value rows, const HeadTensor &tensor, Value table) {
  copyLines(e, copyOf(tensor, rows, table, /*reads=*/false));
}

ShortAttention::Sums ShortAttention::score(Value own, Value rows) {
  WithLanes lanes(e, sizes.lanes);
  return e.loop(e.index(0), e.index(sizes.width), sizes.lanes, Sums(sizes.length, e.number(0)),
                [&](Value c, ValueRange before) {
                  Sums sums(before);
                  Value mine = load(own, position, c);
                  for (int64_t t = 0; t < sizes.length; ++t) {
                    Value other = load(rows, e.index(t), c);
                    for (int64_t lane = 0; lane < sizes.lanes; ++lane) {
                      sums[t] = math::FmaOp::create(e.b, e.extract(mine, lane), e.extract(other, lane), sums[t]);
                    }
                  }
                  return sums;
                });
}

void ShortAttention::mix(ArrayRef<Value> weights, Value rows, Value target, Value factor) {
  WithLanes lanes(e, sizes.lanes);
  e.loop(e.index(0), e.index(sizes.width), sizes.lanes, [&](Value c) {
    Value sum = e.splat(0.0);
    for (auto [t, weight] : llvm::enumerate(weights)) {
      sum = e.fma(e.splat(weight), load(rows, e.index(t), c), sum);
    }
    store(factor ? e.mulf(sum, e.splat(factor)) : sum, target, position, c);
  });
}

ShortAttention::Sums ShortAttention::visible() {
  Value first = plan.shape.firstKey(e, position), end = plan.shape.endKey(e, position);
  Sums seen;
  for (int64_t t = 0; t < sizes.length; ++t) {
    Value key = e.index(t);
    seen.push_back(arith::AndIOp::create(e.b, e.less(key, end),
                                         arith::CmpIOp::create(e.b, arith::CmpIPredicate::sge, key, first)));
  }
  return seen;
}

ShortAttention::Sums ShortAttention::factors() {
  Sums factors;
  if (!plan.dropoutKey) {
    return factors;
  }
  constexpr int64_t together = DropoutEmitter::perBlock;
  DropoutEmitter dropout(e, s.pointers[*plan.dropoutKey]);
  Value first = dropout.rowBlock(e.add(e.mul(item(), sizes.length), position), e.index(sizes.length));
  for (int64_t t = 0; t < sizes.length; t += together) {
    Value four = dropout.blocks(e.add(first, t / together), 1);
    for (int64_t lane = 0; lane < std::min(together, sizes.length - t); ++lane) {
      factors.push_back(e.extract(four, lane));
    }
  }
  return factors;
}
