// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Backward attention, probabilities computed again from the log-sum-exp: one kernel goes over keys for the gradients of
// its queries, one over queries for those of its keys and values, so that every gradient has one writer and a fixed
// order of sums. Both read packed copies; so the result may lie where query, key and value did.
#include "passes/LowerGPU/ShortAttention.h"
#include "passes/LowerGPU/TileProduct.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

using Sums = AttentionTiles::Sums;

AttentionBackward::AttentionBackward(AttentionBlock &block, const AttentionPlan &plan, const GradSources &sources)
    : block(block), e(block.e), tiles(block.tiles), plan(plan), sources(sources), rows(tiles.rowsOfThread()),
      columns(tiles.columnsOfThread(tiles.sizes.columns)) {
  for (Value &tile : own) {
    tile = tiles.allocate(tiles.sizes.rows);
  }
  for (Value &ring : rings) {
    ring = tiles.allocate(2 * tiles.sizes.columns);
  }
}

void AttentionBackward::emitQueries(const std::function<Sight()> &look, const HeadTensor &result) {
  Value factors = block.allocateFactors(tiles.sizes.rows, tiles.sizes.columns);
  e.when(block.present, [&] {
    Sight sight = look();
    Value last = e.sub(e.min(e.add(block.first, tiles.sizes.rows), block.positions), e.index(1));
    Sums lses, dots;
    for (size_t r = 0; r < rows.size(); ++r) {
      Value i = e.min(e.add(block.first, rows.at(e, r)), last);
      lses.push_back(e.mulf(e.load(lseOf(block.head, i)), e.number(tiles.unit())));
      dots.push_back(e.load(dotOf(block.head, i)));
    }
    Value group = sources.groupOf(e, block.head);
    HeadRows mine[] = {rowsOf(sources.queries, sources.query, block.head), rowsOf(sources.queries, sources.grad, block.head)};
    HeadRows others[] = {rowsOf(sources.keys, sources.key, group), rowsOf(sources.keys, sources.value, group)};
    Sums grads = overTiles(mine, others, sight, tiles.zeros(tiles.depth), [&](Value at, ValueRange before, Value keys, Value values) {
      block.writeFactors(factors, block.first, tiles.sizes.rows, at, tiles.sizes.columns);
      Sums scores = block.seen(tiles.score(own[0], keys), at, sight), products = tiles.score(own[1], values);
      for (size_t r = 0, n = 0; r < rows.size(); ++r) {
        for (size_t c = 0; c < columns.size(); ++c, ++n) {
          Value p = tiles.exponential(e.subf(scores[n], lses[r]));
          Value product = block.drop(products[n], factors, rows.at(e, r), columns.at(e, c), tiles.sizes.columns);
          scores[n] = scoreGrad(p, product, dots[r]);
        }
      }
      return tiles.mix(before, scores, keys);
    });
    write(grads, result, plan.table);
  });
}

void AttentionBackward::emitKeys(const std::function<Sight()> &look, const HeadTensor &keyResult, const HeadTensor &valueResult) {
  Value factors = block.allocateFactors(tiles.sizes.columns, tiles.sizes.rows);
  Value statistics = e.shared(2 * 2 * tiles.sizes.columns * 4); // of a tile's queries: lse, grad . output
  e.when(block.present, [&] {
    Sight sight = look();
    Sums zeros = tiles.zeros(tiles.depth);
    zeros.append(zeros.size(), e.number(0));
    auto ofHead = [&](Value head, ValueRange before) { return overQueries(head, sight, before, factors, statistics); };
    int64_t perGroup = sources.queries.heads / sources.keys.heads;
    Sums grads = perGroup == 1 ? ofHead(block.head, zeros)
                               : e.loop(e.index(0), e.index(perGroup), 1, zeros, [&](Value n, ValueRange before) {
                                   return ofHead(e.add(e.mul(block.head, perGroup), n), before);
                                 });
    size_t half = grads.size() / 2;
    write(ValueRange(grads).take_front(half), keyResult, plan.table);
    write(ValueRange(grads).drop_front(half), valueResult, {});
  });
}

// What the queries of a head add to the gradients of the block's keys and values.
Sums AttentionBackward::overQueries(Value head, const Sight &sight, ValueRange init, Value factors, Value statistics) {
  size_t half = init.size() / 2;
  // Those of queries from `end` on are zeros, which count as little as these.
  auto fetchStatistics = [&](Value at, Value end) {
    e.when(e.less(e.thread, e.index(tiles.sizes.columns)), [&] {
      Value i = e.add(at, e.thread), inside = e.less(i, end), safe = e.select(inside, i, e.index(0));
      Value place = e.at(statistics, e.add(e.mul(slotAt(at), 2 * tiles.sizes.columns), e.thread));
      copyPiece(e, lseOf(head, safe), e.f32(), place, e.f32(), 1, inside);
      copyPiece(e, dotOf(head, safe), e.f32(), e.at(place, e.index(tiles.sizes.columns)), e.f32(), 1, inside);
    });
  };
  HeadRows mine[] = {rowsOf(sources.keys, sources.key, block.head), rowsOf(sources.keys, sources.value, block.head)};
  HeadRows others[] = {rowsOf(sources.queries, sources.query, head), rowsOf(sources.queries, sources.grad, head)};
  return overTiles(
      mine, others, sight, init,
      [&](Value at, ValueRange before, Value queries, Value queryGrads) {
        block.writeFactors(factors, at, tiles.sizes.columns, block.first, tiles.sizes.rows);
        Sums scores = block.seen(tiles.score(own[0], queries), at, sight), products = tiles.score(own[1], queryGrads);
        Sums probabilities = scores, lses, dots;
        for (size_t c = 0; c < columns.size(); ++c) {
          Value place = e.at(statistics, e.add(e.mul(slotAt(at), 2 * tiles.sizes.columns), columns.at(e, c)));
          lses.push_back(e.mulf(e.load(place), e.number(tiles.unit())));
          dots.push_back(e.load(e.at(place, e.index(tiles.sizes.columns))));
        }
        for (size_t r = 0, n = 0; r < rows.size(); ++r) {
          Value row = rows.at(e, r);
          for (size_t c = 0; c < columns.size(); ++c, ++n) {
            Value p = tiles.exponential(e.subf(scores[n], lses[c])), column = columns.at(e, c);
            Value product = block.drop(products[n], factors, column, row, tiles.sizes.rows);
            scores[n] = scoreGrad(p, product, dots[c]);
            probabilities[n] = block.drop(p, factors, column, row, tiles.sizes.rows);
          }
        }
        Sums after = tiles.mix(before.take_front(half), scores, queries);
        after.append(tiles.mix(before.drop_front(half), probabilities, queryGrads));
        return after;
      },
      fetchStatistics);
}

// With the block's rows of two tensors in `own`: goes through tiles of two others, the next ones on their way.
Sums AttentionBackward::overTiles(ArrayRef<HeadRows> mine, ArrayRef<HeadRows> others, const Sight &sight, ValueRange init,
                                  const std::function<Sums(Value, ValueRange, Value, Value)> &body,
                                  const std::function<void(Value, Value)> &fetchMore) {
  int64_t step = tiles.sizes.columns;
  Value begin = e.mul(e.div(sight.first, step), step), end = sight.end;
  auto slotOf = [&](Value ring, Value at) { return e.at(ring, e.mul(slotAt(at), step * tiles.stride()), tiles.element()); };
  auto fetch = [&](Value at) {
    for (auto [other, ring] : llvm::zip(others, rings)) {
      block.fetch(other, at, end, step, slotOf(ring, at));
    }
    if (fetchMore) {
      fetchMore(at, end);
    }
    block.commit();
  };
  for (auto [rows, tile] : llvm::zip(mine, own)) {
    block.fetch(rows, block.first, block.positions, tiles.sizes.rows, tile);
  }
  fetch(begin);
  Sums sums = e.loop(begin, end, step, init, [&](Value at, ValueRange before) {
    block.arrive();
    fetch(e.add(at, step));
    return body(at, before, slotOf(rings[0], at), slotOf(rings[1], at));
  });
  block.arrive();
  return sums;
}

// Which half of a ring the tile at `at` has.
Value AttentionBackward::slotAt(Value at) { return e.rem(e.div(at, tiles.sizes.columns), e.index(2)); }

Value AttentionBackward::lseOf(Value head, Value i) {
  Value row = e.add(e.mul(block.sequence, e.form(sources.queries.space.getPositions())), i);
  return e.at(block.s.pointers[sources.lse], e.add(e.mul(row, sources.queries.heads), head));
}

Value AttentionBackward::dotOf(Value head, Value i) {
  Value pair = e.add(e.mul(block.sequence, sources.queries.heads), head);
  Value place = e.add(e.mul(pair, e.form(sources.queries.space.getPositions())), i);
  return e.at(block.s.pointers[sources.dots], e.add(e.form(sources.dotsBegin), place));
}

Value AttentionBackward::scoreGrad(Value p, Value product, Value dot) {
  return e.mulf(e.mulf(p, e.subf(product, dot)), e.number(plan.shape.scale));
}

// Through shared memory, since a rotation needs both halves of a head.
void AttentionBackward::write(ValueRange sums, const HeadTensor &tensor, std::optional<unsigned> table) {
  int64_t mark = e.sharedBytes(), line = tiles.depth + 4;
  e.releaseShared(0);
  Value lines = e.shared(tiles.sizes.rows * line * 4);
  e.releaseShared(mark);
  Places places = tiles.columnsOfThread(tiles.depth);
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t c = 0; c < places.size(); ++c) {
      e.store(sums[r * places.size() + c], e.at(lines, e.add(e.mul(rows.at(e, r), line), places.at(e, c))));
    }
  }
  e.barrier();
  HeadRows target = block.rowsOf(tensor);
  LineCopy copy;
  copy.lines = tiles.sizes.rows;
  copy.width = plan.shape.width;
  copy.from = {{lines, {}, e.f32(), true}, [&](Value n) { return e.mul(n, line); }};
  copy.position = [&](Value n) { return e.add(block.first, n); };
  copy.to = {target.memory(), [&](Value n) { return target.offset(e, copy.position(n)); }};
  copy.active = [&](Value n) { return e.less(copy.position(n), block.positions); };
  copy.table = plan.pointer(block.s, table);
  copy.inverse = true;
  copyLines(e, copy);
  e.barrier();
}

void cuda::emitDots(KernelWriter &writer, Location loc, unsigned tensors, Value gradTensor, Value outputTensor,
                    const GradSources &sources) {
  const AttentionShape &shape = sources.queries;
  RowShape form = rowShape(shape.width, 1, shape.width);
  SymbolicDim lines = scaled(rowsOf(shape.space), shape.heads);
  Grid grid{lines, blockThreads / form.group};
  writer.step(loc, tensors, grid, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    WithLanes lanes(e, form.lanes);
    Value line = e.add(e.mul(e.blockX, grid.divisor), e.div(e.thread, form.group)), count = e.form(lines);
    Value there = e.less(line, count), safe = e.select(there, line, e.index(0));
    Value lane = e.rem(e.thread, e.index(form.group));
    Memory grad = memoryOf(s.pointers[0], gradTensor), output = memoryOf(s.pointers[4], outputTensor);
    Value sum =
        e.loop(e.mul(lane, form.lanes), e.index(shape.width), form.lanes * form.group, e.splat(0.0),
               [&](Value c, ValueRange so) {
                 Value place = e.add(e.mul(safe, shape.width), c);
                 return Sums{e.fma(e.loadNumbers(grad, place, true), e.loadNumbers(output, place, true), so[0])};
               })[0];
    Value dot = e.acrossThreads(e.sumLanes(sum), form.group, [&](Value x, Value y) { return e.addf(x, y); });
    e.when(arith::AndIOp::create(e.b, there, e.equal(lane, e.index(0))), [&] {
      Value positions = e.form(shape.space.getPositions()), row = e.div(line, shape.heads);
      Value pair = e.add(e.mul(e.div(row, positions), shape.heads), e.rem(line, e.index(shape.heads)));
      Value place = e.add(e.mul(pair, positions), e.rem(row, positions));
      e.store(dot, e.at(s.pointers[sources.dots], e.add(e.form(sources.dotsBegin), place)));
    });
  });
}

// How many of query, key, value and grad are packed: all but a grad that tiles can read as it lies.
static int64_t packedTensors(kernel::AttentionGradOp op, const AttentionPlan &plan) {
  Type element = cast<RankedTensorType>(op.getGrad().getType()).getElementType();
  return element == plan.tileElement(op.getContext()) ? 3 : 4;
}

SymbolicDim cuda::attentionGradTemporary(kernel::AttentionGradOp op, Precision precision) {
  AttentionPlan plan(op, 1, precision);
  return isShort(op.getSpace())
             ? SymbolicDim()
             : plan.packedFloats(packedTensors(op, plan)) + scaled(rowsOf(op.getSpace()), plan.shape.heads);
}

void cuda::emitAttentionGrad(KernelWriter &writer, kernel::AttentionGradOp op) {
  AttentionPlan plan(op, 1, writer.precision);
  if (isShort(op.getSpace())) {
    return emitShortAttentionGrad(writer, op, plan);
  }
  unsigned tensors = plan.temporary + 1;
  GradSources sources(plan.shape, plan.shape);
  sources.query = plan.inputs[0];
  sources.key = plan.inputs[1];
  sources.value = plan.inputs[2];
  sources.grad = plan.wholeTensor(0, op.getGrad());
  AttentionPlan::Pack packs[] = {{&sources.query, plan.isRotated(0)},
                                 {&sources.key, plan.isRotated(1)},
                                 {&sources.value, false},
                                 {&sources.grad, false}};
  int64_t packed = packedTensors(op, plan);
  plan.pack(writer, op.getLoc(), tensors, ArrayRef(packs).take_front(packed));
  sources.lse = 5;
  sources.dots = plan.temporary;
  sources.dotsBegin = plan.packedFloats(packed);
  emitDots(writer, op.getLoc(), tensors, op.getGrad(), op.getOutput(), sources);
  TileSizes sizes = plan.tileSizes();
  // `blocks`: how many shall have registers on a multiprocessor at once.
  auto step = [&](bool lastFirst, int64_t blocks, const std::function<void(AttentionBackward &, AttentionBlock &)> &body) {
    writer.step(op.getLoc(), tensors, AttentionBlock::grid(plan.shape, sizes), sizes.threads,
                [&](KernelWriter::Step &s) {
                  auto tiles = plan.tiles(s.e, sizes);
                  AttentionBlock block(s, plan.shape, *tiles, plan.pointer(s, plan.dropoutKey), lastFirst);
                  AttentionBackward backward(block, plan, sources);
                  body(backward, block);
                  s.leaveRoomFor(std::min(blocks, writer.architecture.sharedBytes / s.e.mostSharedBytes()));
                });
  };
  HeadTensor results[3];
  for (auto [n, result] : llvm::enumerate(results)) {
    result = plan.wholeTensor(plan.results, op.getResult());
    result.offset = n * result.stride;
    result.stride *= 3;
  }
  bool roomy = plan.shape.width <= 64 && !plan.dropoutKey;
  step(plan.shape.mask == MaskKind::Causal, roomy ? 2 : 1, [&](AttentionBackward &backward, AttentionBlock &block) {
    backward.emitQueries([&] { return block.keysSeen(); }, results[0]);
  });
  step(false, roomy && !plan.tensorCores ? 2 : 1, [&](AttentionBackward &backward, AttentionBlock &block) {
    backward.emitKeys([&] { return block.queriesSeeing(); }, results[1], results[2]);
  });
}
