// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention to ranges of keys, forward and backward, in blocks on the gemm tile. Ranges neither begin nor end before those of
// earlier rows, so the keys of a block of rows reach from the first row's first to the last row's last. A work item is a
// sequence and a group of keys: all heads that read the group, one after the other, so every gradient has one writer.
#include "passes/LowerCPU/AttentionEmitter.h"
#include "passes/LowerCPU/WeightedRows.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

namespace {
// What both directions share.
class RangedEmitter {
public:
  template <typename OpT>
  RangedEmitter(KernelWriter &writer, KernelWriter::Step &s, OpT op, Value ranges)
      : writer(writer), s(s), e(s.e), heads(op.getHeads()), groups(op.getKvHeads()), width(op.getHeadDim()),
        queries(writer, s, rangedQueries(op), {}), keys(writer, s, rangedKeys(op), {}), ranges(ranges), padded(queries.padded()), panels(queries.paddedPanels()) {}

  KernelWriter &writer;
  KernelWriter::Step &s;
  Emitter &e;
  const int64_t heads, groups, width;
  AttentionEmitter queries, keys;
  Value ranges;
  const int64_t padded, panels;

  Value allocatePerKey(int64_t floats) {
    SymbolicDim length = keys.shape.space.getPositions();
    return s.allocate((length + SymbolicDim::constant(2 * keyBlock)).scaled(floats));
  }
  Value zeroedPerKey(int64_t floats) {
    Value rows = allocatePerKey(floats);
    e.zero(rows, e.mul(e.add(keys.positions(), 2 * keyBlock), floats));
    return rows;
  }
  // `body(sequence, group, head)`, heads of a group one after the other; `around` goes with the group.
  void forItems(const std::function<void(Value sequence, Value group)> &begin,
                const std::function<void(Value sequence, Value group, Value head)> &body,
                const std::function<void(Value sequence, Value group)> &end) {
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value sequence = e.div(item, groups), group = e.rem(item, e.index(groups));
      begin(sequence, group);
      int64_t perGroup = heads / groups;
      e.loop(e.index(perGroup), [&](Value n) { body(sequence, group, e.add(e.mul(group, perGroup), n)); });
      end(sequence, group);
    });
  }

  // A number of position i's range: 0 its first key, 1 the end.
  Value bound(Value sequence, Value i, int64_t which) {
    Value place = e.add(e.mul(e.add(e.mul(sequence, queries.positions()), i), 2), which);
    return arith::IndexCastOp::create(e.b, e.b.getIndexType(), e.load(e.at(ranges, place, e.b.getI32Type()), e.b.getI32Type()));
  }
  // Blocks of rows, and for each the blocks of keys that any of them sees.
  void forRows(const std::function<void(Value firstRow, Value rows)> &body) {
    Value n = queries.positions();
    e.loop(e.index(0), n, queryBlock,
           [&](Value firstRow) { body(firstRow, e.min(e.index(queryBlock), e.sub(n, firstRow))); });
  }
  void forKeys(Value sequence, Value firstRow, Value rows, const std::function<void(Value firstKey)> &body) {
    Value lastRow = e.sub(e.add(firstRow, rows), e.index(1));
    Value begin = e.mul(e.div(bound(sequence, firstRow, 0), keyBlock), keyBlock);
    e.loop(begin, bound(sequence, lastRow, 1), keyBlock, body);
  }
  // Which of the keys [key, key + lanes) lie in [first, end).
  Value visible(Value key, Value first, Value end) {
    auto lanes = VectorType::get({e.machine.lanes}, e.b.getIndexType());
    auto spread = [&](Value index) { return vector::BroadcastOp::create(e.b, lanes, index).getResult(); };
    Value j = arith::AddIOp::create(e.b, spread(key), vector::StepOp::create(e.b, lanes));
    Value below = arith::CmpIOp::create(e.b, arith::CmpIPredicate::slt, j, spread(end));
    return arith::AndIOp::create(e.b, below, arith::CmpIOp::create(e.b, arith::CmpIPredicate::sge, j, spread(first)));
  }
  Value lseAt(Value lse, Value sequence, Value head, Value t) {
    Value row = e.add(e.mul(sequence, queries.positions()), t);
    return e.at(lse, e.add(e.mul(row, heads), head));
  }
};

class ForwardEmitter : RangedEmitter {
public:
  ForwardEmitter(KernelWriter &writer, KernelWriter::Step &s, kernel::RangedAttentionOp op)
      : RangedEmitter(writer, s, op, s.pointers[3]), query(s.pointers[0]), key(s.pointers[1]), value(s.pointers[2]),
        result(s.pointers[4]), lse(s.pointers[5]) {}

  void emit() {
    keyRows = zeroedPerKey(padded);
    packed = allocatePerKey(padded);
    q = s.allocate(queryBlock * padded);
    scores = s.allocate(queryBlock * scoreStride);
    mixed = s.allocate(queryBlock * panels);
    maxima = s.allocate(queryBlock);
    sums = s.allocate(queryBlock);
    e.zero(q, e.index(queryBlock * padded)); // the padding stays zero
    forItems(
        [&](Value sequence, Value group) {
          keys.copyRows(key, groups * width, 0, sequence, group, {}, e.index(0), keys.positions(), keyRows);
          keys.packTransposed(keyRows, keys.positions(), packed);
        },
        [&](Value sequence, Value group, Value head) {
          forRows([&](Value firstRow, Value rows) { emitRows(sequence, group, head, firstRow, rows); });
        },
        [](Value, Value) {});
  }

private:
  void emitRows(Value sequence, Value group, Value head, Value firstRow, Value rows) {
    queries.copyRows(query, heads * width, 0, sequence, head, {}, firstRow, rows, q);
    e.zero(mixed, e.index(queryBlock * panels));
    e.zero(sums, e.index(queryBlock));
    e.loop(e.index(0), e.index(queryBlock), e.machine.lanes, [&](Value r) { e.store(e.splat(lowest), e.at(maxima, r)); });
    forKeys(sequence, firstRow, rows, [&](Value firstKey) {
      writer.product(e, queries.scoreProduct(rows, q, packed, firstKey, scores));
      auto visible = [&](Value i) {
        return [this, first = bound(sequence, i, 0), end = bound(sequence, i, 1)](Value key) { return this->visible(key, first, end); };
      };
      queries.onlineSoftmax({scores, firstRow, rows, firstKey, maxima, sums, mixed}, visible);
      Value values = keys.rowOf(value, groups * width, 0, sequence, firstKey, group);
      Value depth = e.min(e.index(keyBlock), e.sub(keys.positions(), firstKey));
      writer.product(e, queries.mixProduct(rows, scores, values, groups * width, depth, mixed));
    });
    e.loop(rows, [&](Value r) {
      Value sum = e.load(e.at(sums, r)), t = e.add(firstRow, r);
      Value any = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OGT, sum, e.number(0)), safe = e.select(any, sum, e.number(1));
      Value inverse = e.splat(e.divf(e.number(1), safe));
      Value target = queries.rowOf(result, heads * width, 0, sequence, t, head), source = e.at(mixed, e.mul(r, panels));
      queries.forHead([&](Value c, Value mask) {
        e.store(e.mulf(e.loadVector(e.at(source, c)), inverse), e.at(target, c), mask);
      });
      Value logSum = e.addf(e.load(e.at(maxima, r)), e.log1(safe));
      e.store(e.select(any, logSum, e.number(0)), lseAt(lse, sequence, head, t));
    });
  }

  Value query, key, value, result, lse;
  Value keyRows, packed, q, scores, mixed, maxima, sums;
};

class BackwardEmitter : RangedEmitter {
public:
  BackwardEmitter(KernelWriter &writer, KernelWriter::Step &s, kernel::RangedAttentionGradOp op)
      : RangedEmitter(writer, s, op, s.pointers[6]), grad(s.pointers[0]), query(s.pointers[1]), key(s.pointers[2]), value(s.pointers[3]),
        output(s.pointers[4]), lse(s.pointers[5]), queryGrad(s.pointers[7]), keyGrad(s.pointers[8]), valueGrad(s.pointers[9]) {}

  void emit() {
    k = zeroedPerKey(padded);
    v = zeroedPerKey(padded);
    packedK = allocatePerKey(padded);
    packedV = allocatePerKey(padded);
    dk = allocatePerKey(panels);
    dv = allocatePerKey(panels);
    for (Value *rows : {&q, &g}) {
      *rows = s.allocate(queryBlock * padded);
      e.zero(*rows, e.index(queryBlock * padded));
    }
    dq = s.allocate(queryBlock * panels);
    dots = s.allocate(queryBlock);
    for (Value *block : {&scores, &products}) {
      *block = s.allocate(queryBlock * scoreStride);
      e.zero(*block, e.index(queryBlock * scoreStride)); // columns behind the keys are read, as zeros
    }
    forItems([&](Value sequence, Value group) { begin(sequence, group); },
             [&](Value sequence, Value, Value head) {
               forRows([&](Value firstRow, Value rows) { emitRows(sequence, head, firstRow, rows); });
             },
             [&](Value sequence, Value group) {
               writeBack(keys, keyGrad, groups, sequence, group, e.index(0), keys.positions(), dk);
               writeBack(keys, valueGrad, groups, sequence, group, e.index(0), keys.positions(), dv);
             });
  }

private:
  void begin(Value sequence, Value group) {
    Value n = keys.positions();
    keys.copyRows(key, groups * width, 0, sequence, group, {}, e.index(0), n, k);
    keys.copyRows(value, groups * width, 0, sequence, group, {}, e.index(0), n, v);
    keys.packTransposed(k, n, packedK);
    keys.packTransposed(v, n, packedV);
    for (Value sum : {dk, dv}) {
      e.zero(sum, e.mul(e.add(n, 2 * keyBlock), panels));
    }
  }

  void writeBack(AttentionEmitter &side, Value target, int64_t count, Value sequence, Value head, Value first, Value rows, Value source) {
    e.loop(rows, [&](Value r) {
      side.copyRow(e.at(source, e.mul(r, panels)), side.rowOf(target, count * width, 0, sequence, e.add(first, r), head), {}, {});
    });
  }

  void emitRows(Value sequence, Value head, Value firstRow, Value rows) {
    queries.copyRows(query, heads * width, 0, sequence, head, {}, firstRow, rows, q);
    queries.copyRows(grad, heads * width, 0, sequence, head, {}, firstRow, rows, g);
    e.zero(dq, e.index(queryBlock * panels));
    e.loop(rows, [&](Value r) { // D[i] = grad[i] . output[i]
      Value row = queries.rowOf(output, heads * width, 0, sequence, e.add(firstRow, r), head), sum = e.splat(0.0);
      for (int64_t c = 0; c < width; c += e.machine.lanes) {
        Value product = e.mulf(e.loadVector(e.at(row, e.index(c))), e.loadVector(e.at(g, e.add(e.mul(r, padded), c))));
        if (c + e.machine.lanes > width) {
          product = e.select(e.mask(e.index(width - c)), product, e.splat(0.0));
        }
        sum = e.addf(sum, product);
      }
      e.store(e.sumLanes(sum), e.at(dots, r));
    });
    forKeys(sequence, firstRow, rows, [&](Value firstKey) {
      writer.product(e, queries.scoreProduct(rows, q, packedK, firstKey, scores));
      writer.product(e, queries.scoreProduct(rows, g, packedV, firstKey, products));
      scoreGradients(sequence, head, firstRow, rows, firstKey);
      Value count = e.min(e.index(keyBlock), e.sub(keys.positions(), firstKey));
      BlockProduct product = queries.mixProduct(rows, products, e.at(k, e.mul(firstKey, padded)), padded, count, dq); // dq += ds k
      writer.product(e, product);
      // dk += ds^T q, dv += p^T g; rows of the tile behind the block's keys get zeros added
      product.columnMajor = true;
      product.rows = count;
      product.b = q;
      product.c = e.at(dk, e.mul(firstKey, panels));
      product.depth = rows;
      writer.product(e, product);
      product.a = scores;
      product.b = g;
      product.c = e.at(dv, e.mul(firstKey, panels));
      writer.product(e, product);
    });
    writeBack(queries, queryGrad, heads, sequence, head, firstRow, rows, dq);
  }

  // scores become probabilities, products the gradients of the scores.
  void scoreGradients(Value sequence, Value head, Value firstRow, Value rows, Value firstKey) {
    int64_t lanes = e.machine.lanes;
    Value scale = e.splat(queries.shape.scale), none = e.splat(0.0);
    e.loop(rows, [&](Value r) {
      Value i = e.add(firstRow, r), row = e.mul(r, scoreStride);
      Value first = bound(sequence, i, 0), end = bound(sequence, i, 1);
      Value logSum = e.splat(e.load(lseAt(lse, sequence, head, i))), dot = e.splat(e.load(e.at(dots, r)));
      for (int64_t n = 0; n < keyBlock; n += lanes) {
        Value seen = visible(e.add(firstKey, n), first, end), at = e.add(row, n);
        Value p = e.exp(e.subf(e.mulf(e.loadVector(e.at(scores, at)), scale), logSum));
        p = e.select(seen, p, none);
        Value ds = e.mulf(e.mulf(p, e.subf(e.loadVector(e.at(products, at)), dot)), scale);
        e.store(p, e.at(scores, at));
        e.store(e.select(seen, ds, none), e.at(products, at));
      }
    });
  }

  Value grad, query, key, value, output, lse, queryGrad, keyGrad, valueGrad;
  Value k, v, packedK, packedV, dk, dv, q, g, dq, dots, scores, products;
};
// A step's rows: their keys are read where they lie, no more of them than the ranges say. A few rows go over the keys together, one
// softmax each.
class StepEmitter : RangedEmitter {
public:
  StepEmitter(KernelWriter &writer, KernelWriter::Step &s, kernel::RangedAttentionOp op)
      : RangedEmitter(writer, s, op, s.pointers[3]), rows(op.getSpace().getPositions().one), together(rows % 4 == 0 ? 4 : 1) {}

  void emit() {
    stride = e.add(keys.positions(), 2 * keyBlock);
    scores = allocatePerKey(together);
    forItems([](Value, Value) {},
             [&](Value sequence, Value group, Value head) {
               e.loop(e.index(0), e.index(rows), together, [&](Value t) { emitRows(sequence, group, head, t); });
             },
             [](Value, Value) {});
  }

private:
  void emitRows(Value sequence, Value group, Value head, Value t) {
    // From a whole vector on, so that the order of a row's sums does not depend on the rows beside it.
    Value first = e.mul(e.div(bound(sequence, t, 0), e.machine.lanes), e.machine.lanes);
    Value count = e.sub(bound(sequence, e.add(t, together - 1), 1), first);
    DotBlock block;
    block.a = queries.rowOf(s.pointers[0], heads * width, 0, sequence, t, head);
    block.element = e.f32();
    block.lda = e.index(heads * width);
    block.ldb = e.index(groups * width);
    block.rows = e.index(together);
    block.b = keys.rowOf(s.pointers[1], groups * width, 0, sequence, first, group);
    block.columns = count;
    block.c = scores;
    block.ldc = stride;
    block.depth = width;
    writer.dots(e, block);
    WeightedRows mixed;
    for (int64_t i = 0; i < together; ++i) {
      mixed.factors.push_back(softmax(sequence, head, e.add(t, i), e.at(scores, e.mul(e.index(i), stride)), first, count));
    }
    mixed.weights = scores;
    mixed.weightStride = stride;
    mixed.rows = keys.rowOf(s.pointers[2], groups * width, 0, sequence, first, group);
    mixed.count = count;
    mixed.rowStride = groups * width;
    mixed.target = queries.rowOf(s.pointers[4], heads * width, 0, sequence, t, head);
    mixed.targetStride = heads * width;
    mixed.width = width;
    sumWeightedRows(e, mixed);
  }

  // The row's scores with `count` keys from `first` on become probabilities up to a factor, which is returned; keys out of its range
  // get zero.
  Value softmax(Value sequence, Value head, Value t, Value row, Value first, Value count) {
    int64_t lanes = e.machine.lanes;
    Value begin = e.sub(bound(sequence, t, 0), first), end = e.sub(bound(sequence, t, 1), first), zero = e.index(0);
    auto visible = [&](Value at, Value yes, Value no) {
      return e.select(e.mask(e.sub(begin, at)), no, e.select(e.mask(e.sub(end, at)), yes, no));
    };
    auto score = [&](Value at) {
      return visible(at, e.mulf(e.loadVector(e.at(row, at)), e.splat(queries.shape.scale)), e.splat(lowest));
    };
    Value top = e.maxLanes(e.loop(zero, count, lanes, e.splat(lowest), [&](Value at, ValueRange best) {
      return SmallVector<Value>{arith::MaximumFOp::create(e.b, best[0], score(at))};
    })[0]);
    Value sum = e.sumLanes(e.loop(zero, count, lanes, e.splat(0.0), [&](Value at, ValueRange partial) {
      Value p = visible(at, e.exp(e.subf(score(at), e.splat(top))), e.splat(0.0));
      e.store(p, e.at(row, at));
      return SmallVector<Value>{e.addf(partial[0], p)};
    })[0]);
    Value any = e.less(begin, end), safe = e.select(any, sum, e.number(1));
    e.store(e.select(any, e.addf(top, e.log1(safe)), e.number(0)), lseAt(s.pointers[5], sequence, head, t));
    return e.divf(e.number(1), safe);
  }

  const int64_t rows, together;
  Value scores, stride;
};
} // namespace

static Items itemsOf(kernel::SpaceAttr space, int64_t groups) { return {space.getSequences().scaled(groups)}; }

void cpu::emitRangedAttention(KernelWriter &writer, kernel::RangedAttentionOp op) {
  writer.step(op.getLoc(), 6, itemsOf(op.getSpace(), op.getKvHeads()),
              [&](KernelWriter::Step &s) {
                bool step = op.getSpace().getPositions().isConstant();
                step ? StepEmitter(writer, s, op).emit() : ForwardEmitter(writer, s, op).emit();
              });
}

void cpu::emitRangedAttentionGrad(KernelWriter &writer, kernel::RangedAttentionGradOp op) {
  writer.step(op.getLoc(), 10, itemsOf(op.getSpace(), op.getKvHeads()),
              [&](KernelWriter::Step &s) { BackwardEmitter(writer, s, op).emit(); });
}
