// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Forward attention with an online softmax in registers: what a thread has of its rows is rescaled as their maxima
// grow.
#include "passes/LowerGPU/ShortAttention.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

AttentionForward::AttentionForward(AttentionBlock &block, const AttentionPlan &plan)
    : block(block), e(block.e), tiles(block.tiles), plan(plan), rows(tiles.rowsOfThread()),
      columns(tiles.columnsOfThread(tiles.sizes.columns)) {
  q = tiles.allocate(tiles.sizes.rows);
  k = tiles.allocate(tiles.sizes.columns);
  v = tiles.allocate(tiles.sizes.columns);
  factors = block.allocateFactors(tiles.sizes.rows, tiles.sizes.columns);
}

void AttentionForward::emit(const HeadRows &queries, const HeadRows &keys, const HeadRows &values, const Sight &sight,
                            const HeadTensor &result) {
  int64_t step = tiles.sizes.columns;
  Value begin = e.mul(e.div(sight.first, step), step), end = sight.end;
  block.fetch(queries, block.first, block.positions, tiles.sizes.rows, q);
  block.fetch(keys, begin, end, step, k);
  block.commit();
  auto overKeys = [&](Value from, Value to, ValueRange init, bool masked) {
    return e.loop(from, to, step, init, [&](Value at, ValueRange before) {
      Sums maxima(before.take_front(rows.size())), sums(before.slice(rows.size(), rows.size()));
      Sums mixed(before.drop_front(2 * rows.size()));
      block.arrive();
      block.fetch(values, at, end, step, v);
      block.commit();
      block.writeFactors(factors, block.first, tiles.sizes.rows, at, step);
      Sums scores = tiles.score(q, k);
      if (masked) {
        scores = block.seen(scores, at, sight);
      } else {
        llvm::for_each(scores, [&](Value &score) { score = block.scaled(score); });
      }
      softmax(scores, maxima, sums, mixed);
      block.arrive();
      block.fetch(keys, e.add(at, step), end, step, k);
      block.commit();
      mixed = tiles.mix(mixed, scores, v);
      maxima.append(sums);
      maxima.append(mixed);
      return maxima;
    });
  };
  Sums state(rows.size(), e.number(lowestScore));
  state.append(rows.size(), e.number(0));
  state.append(tiles.zeros(tiles.depth));
  if (sight.whole) {
    state = overKeys(begin, sight.whole, state, /*masked=*/false);
  }
  state = overKeys(sight.whole ? sight.whole : begin, end, state, /*masked=*/true);
  block.arrive(); // the last fetch, of nothing
  ValueRange after(state);
  writeAttention(block, plan, result, after.take_front(rows.size()), after.slice(rows.size(), rows.size()),
                 after.drop_front(2 * rows.size()), sight.mayBeNone);
}

// Scores become probabilities up to the maxima, dropped or not; the sums are of all of them.
void AttentionForward::softmax(Sums &scores, Sums &maxima, Sums &sums, Sums &mixed) {
  size_t width = mixed.size() / rows.size();
  for (size_t r = 0; r < rows.size(); ++r) {
    MutableArrayRef<Value> line = MutableArrayRef(scores).slice(r * columns.size(), columns.size());
    Value row = rows.at(e, r), top = maxima[r];
    for (Value score : line) {
      top = block.larger(top, score);
    }
    top = e.acrossThreads(top, tiles.threadsOfRow(), [&](Value x, Value y) { return block.larger(x, y); });
    Value shrink = tiles.exponential(e.subf(maxima[r], top)), sum;
    for (auto [c, score] : llvm::enumerate(line)) {
      Value p = tiles.exponential(e.subf(score, top));
      sum = sum ? e.addf(sum, p) : p;
      score = block.drop(p, factors, row, columns.at(e, c), tiles.sizes.columns);
    }
    maxima[r] = top;
    sums[r] = e.addf(e.mulf(sums[r], shrink), sum); // of this thread
    for (Value &value : MutableArrayRef(mixed).slice(r * width, width)) {
      value = e.mulf(value, shrink);
    }
  }
}

void cuda::writeAttention(AttentionBlock &block, const AttentionPlan &plan, const HeadTensor &tensor, ValueRange maxima,
                          ValueRange sums, ValueRange mixed, bool mayBeNone) {
  ThreadEmitter &e = block.e;
  AttentionTiles &tiles = block.tiles;
  const AttentionShape &shape = plan.shape;
  HeadRows result = block.rowsOf(tensor);
  Places rows = tiles.rowsOfThread(), places = tiles.columnsOfThread(tiles.depth);
  bool neighbours = places.size() > 1 && places.offsets[1] == places.offsets[0] + 1;
  int64_t together = neighbours && shape.width % 2 == 0 ? 2 : 1;
  Value heads = e.add(e.mul(e.mul(block.sequence, block.positions), shape.heads), block.head);
  for (size_t r = 0; r < rows.size(); ++r) {
    Value i = e.add(block.first, rows.at(e, r)), line = e.add(heads, e.mul(i, shape.heads));
    Value sum = e.acrossThreads(sums[r], tiles.threadsOfRow(), [&](Value x, Value y) { return e.addf(x, y); }), any;
    if (mayBeNone) {
      any = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OGT, sum, e.number(0));
      sum = e.select(any, sum, e.number(1));
    }
    e.when(e.less(i, block.positions), [&] {
      Value inverse = e.divf(e.number(1), sum);
      WithLanes lanes(e, together);
      for (size_t c = 0; c < places.size(); c += together) {
        Value column = places.at(e, c);
        auto put = [&] {
          Value some = vector::FromElementsOp::create(e.b, e.vec(), mixed.slice(r * places.size() + c, together));
          e.storeNumbers(e.mulf(some, e.splat(inverse)), result.memory(), e.add(result.offset(e, i), column));
        };
        tiles.depth == shape.width ? put() : e.when(e.less(column, e.index(shape.width)), put);
      }
      e.when(e.equal(e.rem(e.thread, e.index(tiles.threadsOfRow())), e.index(0)), [&] {
        Value lse = e.addf(e.mulf(maxima[r], e.number(1 / tiles.unit())), math::LogOp::create(e.b, sum));
        lse = any ? e.select(any, lse, e.number(0)) : lse;
        e.store(lse, e.at(block.s.pointers[plan.results + 1], line));
      });
    });
  }
}

// Inputs that tiles cannot read as they lie.
static SmallVector<AttentionPlan::Pack> packsOf(const AttentionPlan &plan, MutableArrayRef<HeadTensor> sources,
                                                Type element) {
  SmallVector<AttentionPlan::Pack> packs;
  for (auto [n, source] : llvm::enumerate(sources)) {
    if (plan.isRotated(n) || source.element != element) {
      packs.push_back({&source, plan.isRotated(n)});
    }
  }
  return packs;
}

SymbolicDim cuda::attentionTemporary(kernel::AttentionOp op, Precision precision) {
  AttentionPlan plan(op, 0, precision);
  return isShort(op.getSpace())
             ? SymbolicDim()
             : plan.packedFloats(packsOf(plan, plan.inputs, plan.tileElement(op.getContext())).size());
}

void cuda::emitAttention(KernelWriter &writer, kernel::AttentionOp op) {
  AttentionPlan plan(op, 0, writer.precision);
  if (isShort(op.getSpace())) {
    return emitShortAttention(writer, op, plan);
  }
  HeadTensor sources[3] = {plan.inputs[0], plan.inputs[1], plan.inputs[2]};
  auto packs = packsOf(plan, sources, plan.tileElement(op.getContext()));
  unsigned tensors = plan.temporary + (packs.empty() ? 0 : 1);
  if (!packs.empty()) {
    plan.pack(writer, op.getLoc(), tensors, packs);
  }
  HeadTensor result = plan.wholeTensor(plan.results, op.getResult());
  TileSizes sizes = plan.tileSizes();
  bool ofWarpGroups = sizes.rows == warpGroupTile && sizes.columns == warpGroupTile;
  if (ofWarpGroups && suitsWarpGroups(writer.architecture, plan)) {
    return emitWarpGroupAttention(writer, op.getLoc(), plan, tensors, sources, result);
  }
  writer.step(op.getLoc(), tensors, AttentionBlock::grid(plan.shape, sizes), sizes.threads, [&](KernelWriter::Step &s) {
    auto tiles = plan.tiles(s.e, sizes);
    AttentionBlock block(s, plan.shape, *tiles, plan.pointer(s, plan.dropoutKey), plan.shape.mask == MaskKind::Causal);
    AttentionForward forward(block, plan);
    if (plan.tensorCores) {
      s.leaveRoomFor(1); // sums, factors and probabilities of a row fill the registers
    }
    s.e.when(block.present, [&] {
      forward.emit(block.rowsOf(sources[0]), block.rowsOf(sources[1]), block.rowsOf(sources[2]), block.keysSeen(), result);
    });
  });
}
