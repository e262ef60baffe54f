// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Backward attention: probabilities come again from the stored log-sum-exp, by blocks. A work item is one sequence and head,
// so every gradient has one writer and a fixed order of sums.
#include "passes/LowerCPU/AttentionEmitter.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

namespace {
struct Operands {
  Value grad, query, key, value, output, lse, table, result;
  int64_t strides[3], offsets[3];
};
} // namespace

// Rows of `padded()` floats go to the result's group `number` (query, key, value), rotated back where they had been rotated.
static void writeBack(AttentionEmitter &a, const Operands &o, int64_t number, Value sequence, Value head, Value first,
                      Value count, Value rows, int64_t rowStride) {
  Emitter &e = a.e;
  int64_t group = a.shape.heads * a.shape.width;
  e.loop(count, [&](Value n) {
    Value t = e.add(first, n);
    a.copyRow(e.at(rows, e.mul(n, rowStride)), a.rowOf(o.result, 3 * group, number * group, sequence, t, head),
              number < 2 ? o.table : Value(), t, true);
  });
}

// D[i] = grad[i] . output[i], for `n` positions.
static void writeDots(AttentionEmitter &a, const Operands &o, Value sequence, Value head, Value n, Value dots) {
  Emitter &e = a.e;
  int64_t group = a.shape.heads * a.shape.width;
  e.loop(n, [&](Value t) {
    Value x = a.rowOf(o.grad, group, 0, sequence, t, head), y = a.rowOf(o.output, group, 0, sequence, t, head);
    Value sum = e.splat(0.0);
    int64_t lanes = e.machine.lanes;
    for (int64_t c = 0; c < a.shape.width; c += lanes) {
      Value product = e.mulf(e.loadVector(e.at(x, e.index(c))), e.loadVector(e.at(y, e.index(c))));
      if (c + lanes > a.shape.width) {
        product = e.select(e.mask(e.index(a.shape.width - c)), product, e.splat(0.0));
      }
      sum = e.addf(sum, product);
    }
    e.store(e.sumLanes(sum), e.at(dots, t));
  });
}

static Value lseAt(AttentionEmitter &a, const Operands &o, Value sequence, Value head, Value t) {
  Emitter &e = a.e;
  Value row = e.add(e.mul(sequence, a.positions()), t);
  return e.load(e.at(o.lse, e.add(e.mul(row, a.shape.heads), head)));
}

static void emitShort(AttentionEmitter &a, const Operands &o) {
  Emitter &e = a.e;
  int64_t length = a.shape.space.getPositions().one, lanes = e.machine.lanes, padded = a.padded();
  int64_t heads = a.shape.heads, line = kernel::ceilDiv(length, lanes) * lanes;
  auto rows = [&] {
    Value piece = a.s.allocate(length * padded);
    e.zero(piece, e.index(length * padded)); // the padding stays zero
    return piece;
  };
  Value q = rows(), k = rows(), v = rows(), g = rows(), dq = rows(), dk = rows(), dv = rows();
  Value scores = a.s.allocate(line), products = a.s.allocate(line), dots = a.s.allocate(line);
  Value factors = a.allocateFactors();
  e.loop(a.s.begin, a.s.end, 1, [&](Value item) {
    Value sequence = e.div(item, heads), head = e.rem(item, e.index(heads)), zero = e.index(0), n = e.index(length);
    a.enterSequence(sequence);
    a.copyRows(o.query, o.strides[0], o.offsets[0], sequence, head, o.table, zero, n, q);
    a.copyRows(o.key, o.strides[1], o.offsets[1], sequence, head, o.table, zero, n, k);
    a.copyRows(o.value, o.strides[2], o.offsets[2], sequence, head, {}, zero, n, v);
    a.copyRows(o.grad, heads * a.shape.width, 0, sequence, head, {}, zero, n, g);
    writeDots(a, o, sequence, head, n, dots);
    if (factors) {
      a.writeFactors(sequence, head, factors);
    }
    for (Value sum : {dq, dk, dv}) {
      e.zero(sum, e.index(length * padded));
    }
    e.loop(n, [&](Value i) {
      Value first = a.firstKey(i), end = a.endKey(i);
      SmallVector<Value> query = a.loadRow(e.at(q, e.mul(i, padded))), grad = a.loadRow(e.at(g, e.mul(i, padded)));
      e.loop(first, end, 1, [&](Value j) {
        e.store(a.dot(query, a.loadRow(e.at(k, e.mul(j, padded)))), e.at(scores, j));
        e.store(a.dot(grad, a.loadRow(e.at(v, e.mul(j, padded)))), e.at(products, j));
      });
      // scores become probabilities, products become gradients of the scores.
      Value lse = e.splat(lseAt(a, o, sequence, head, i)), dot = e.splat(e.load(e.at(dots, i)));
      Value aligned = e.mul(e.div(first, lanes), lanes);
      e.loop(aligned, end, lanes, [&](Value at) {
        Value s = e.loadVector(e.at(scores, at)), d = e.loadVector(e.at(products, at));
        Value p = e.exp(e.subf(a.score(s, at), lse)), kept = p;
        if (factors) {
          Value m = e.loadVector(e.at(factors, e.add(e.mul(i, a.factorRow()), at)));
          kept = e.mulf(p, m);
          d = e.mulf(d, m);
        }
        e.store(kept, e.at(scores, at));
        e.store(e.mulf(e.mulf(p, e.subf(d, dot)), e.splat(a.scale())), e.at(products, at));
      });
      SmallVector<Value> zeros(a.vectors(), e.splat(0.0));
      auto sums = e.loop(first, end, 1, zeros, [&](Value j, ValueRange partial) {
        Value p = e.load(e.at(scores, j)), d = e.load(e.at(products, j)), wide = e.splat(d);
        a.accumulateRow(e.at(dv, e.mul(j, padded)), p, grad);
        a.accumulateRow(e.at(dk, e.mul(j, padded)), d, query);
        SmallVector<Value> next;
        for (auto [key, so] : llvm::zip(a.loadRow(e.at(k, e.mul(j, padded))), partial)) {
          next.push_back(e.fma(wide, key, so));
        }
        return next;
      });
      for (auto [number, value] : llvm::enumerate(sums)) {
        e.store(value, e.at(dq, e.add(e.mul(i, padded), number * lanes)));
      }
    });
    int64_t number = 0;
    for (Value sum : {dq, dk, dv}) {
      writeBack(a, o, number++, sequence, head, zero, n, sum, padded);
    }
  });
}

// scores (queries x keys) become probabilities, products the gradients of the scores.
static void scoreGradients(AttentionEmitter &a, const Operands &o, Value sequence, Value head, Value scores, Value products,
                           Value firstRow, Value rows, Value firstKey, Value dots) {
  Emitter &e = a.e;
  int64_t lanes = e.machine.lanes;
  e.loop(rows, [&](Value r) {
    Value i = e.add(firstRow, r), row = e.mul(r, scoreStride);
    Value lse = e.splat(lseAt(a, o, sequence, head, i)), dot = e.splat(e.load(e.at(dots, i)));
    SmallVector<Value> factors;
    if (a.dropout) {
      factors = a.keyFactors(sequence, head, i, firstKey);
    }
    for (int64_t v = 0; v < keyBlock; v += lanes) {
      Value key = e.add(firstKey, v), visible = a.visibleKeys(key, i);
      Value at = e.add(row, v), s = e.loadVector(e.at(scores, at)), d = e.loadVector(e.at(products, at));
      Value p = e.exp(e.subf(a.score(s, key), lse));
      p = e.select(visible, p, e.splat(0.0));
      if (a.dropout) {
        d = e.mulf(d, factors[v / lanes]);
      }
      Value ds = e.select(visible, e.mulf(e.mulf(p, e.subf(d, dot)), e.splat(a.scale())), e.splat(0.0));
      e.store(a.dropout ? e.mulf(p, factors[v / lanes]) : p, e.at(scores, at));
      e.store(ds, e.at(products, at));
    }
  });
}

static void emitLong(AttentionEmitter &a, const Operands &o) {
  Emitter &e = a.e;
  int64_t padded = a.padded(), panels = a.paddedPanels(), heads = a.shape.heads, width = a.shape.width;
  constexpr int64_t keyRows = keyBlock + 16;
  SymbolicDim length = a.shape.space.getPositions();
  auto perKey = [&](int64_t n) {
    return (length + SymbolicDim::constant(2 * keyBlock)).scaled(n);
  };
  Value q = a.s.allocate(perKey(padded)), k = a.s.allocate(perKey(padded)), v = a.s.allocate(perKey(padded));
  Value g = a.s.allocate(perKey(padded)), packedK = a.s.allocate(perKey(padded)), packedV = a.s.allocate(perKey(padded));
  Value dq = a.s.allocate(perKey(panels)), dots = a.s.allocate(perKey(1));
  Value dk = a.s.allocate(keyRows * panels), dv = a.s.allocate(keyRows * panels);
  Value scores = a.s.allocate(queryBlock * scoreStride), products = a.s.allocate(queryBlock * scoreStride);
  for (Value rows : {q, k, v, g}) {
    e.zero(rows, e.form(perKey(padded)));
  }
  // Columns of a block's rows that no key stands for are read by the tile, though not used.
  e.zero(scores, e.index(queryBlock * scoreStride));
  e.zero(products, e.index(queryBlock * scoreStride));
  e.loop(a.s.begin, a.s.end, 1, [&](Value item) {
    Value sequence = e.div(item, heads), head = e.rem(item, e.index(heads)), n = a.positions(), zero = e.index(0);
    a.enterSequence(sequence);
    a.copyRows(o.query, o.strides[0], o.offsets[0], sequence, head, o.table, zero, n, q);
    a.copyRows(o.key, o.strides[1], o.offsets[1], sequence, head, o.table, zero, n, k);
    a.copyRows(o.value, o.strides[2], o.offsets[2], sequence, head, {}, zero, n, v);
    a.copyRows(o.grad, heads * width, 0, sequence, head, {}, zero, n, g);
    a.packTransposed(k, n, packedK);
    a.packTransposed(v, n, packedV);
    writeDots(a, o, sequence, head, n, dots);
    e.zero(dq, e.mul(n, panels));
    e.loop(zero, n, keyBlock, [&](Value firstKey) {
      Value keys = e.min(e.index(keyBlock), e.sub(n, firstKey)), endKeys = e.add(firstKey, keys);
      e.zero(dk, e.index(keyRows * panels));
      e.zero(dv, e.index(keyRows * panels));
      // Queries before the first key see none of the block, unless everything is seen.
      Value begin = a.shape.mask == MaskKind::Full ? zero : e.mul(e.div(firstKey, queryBlock), queryBlock);
      e.loop(begin, n, queryBlock, [&](Value firstRow) {
        Value rows = e.min(e.index(queryBlock), e.sub(n, firstRow));
        Value reached = e.less(a.firstKey(firstRow), endKeys); // later blocks of block_causal see none again
        e.when(reached, [&] {
          Value queries = e.at(q, e.mul(firstRow, padded)), grads = e.at(g, e.mul(firstRow, padded));
          a.writer.product(e, a.scoreProduct(rows, queries, packedK, firstKey, scores));
          a.writer.product(e, a.scoreProduct(rows, grads, packedV, firstKey, products));
          scoreGradients(a, o, sequence, head, scores, products, firstRow, rows, firstKey, dots);
          // dq += ds k
          BlockProduct product = a.mixProduct(rows, products, e.at(k, e.mul(firstKey, padded)), padded, keys,
                                              e.at(dq, e.mul(firstRow, panels)));
          a.writer.product(e, product);
          // dk += ds^T q, dv += p^T g
          product.columnMajor = true;
          product.rows = keys;
          product.b = queries;
          product.c = dk;
          product.depth = rows;
          a.writer.product(e, product);
          product.a = scores;
          product.b = grads;
          product.c = dv;
          a.writer.product(e, product);
        });
      });
      writeBack(a, o, 1, sequence, head, firstKey, keys, dk, panels);
      writeBack(a, o, 2, sequence, head, firstKey, keys, dv, panels);
    });
    writeBack(a, o, 0, sequence, head, zero, n, dq, panels);
  });
}

void cpu::emitAttentionGrad(KernelWriter &writer, kernel::AttentionGradOp op) {
  AttentionShape shape = attentionShape(op);
  unsigned tensors = op->getNumOperands();
  writer.step(op.getLoc(), tensors + 1, attentionItems(shape), [&](KernelWriter::Step &s) {
    unsigned behind = op.getDropoutKey() ? tensors - 1 : tensors;
    AttentionEmitter a(writer, s, shape, op.getDropoutKey() ? s.pointers[behind] : Value(),
                       op.getHidden() ? s.pointers[behind - 1] : Value());
    Operands o{s.pointers[0], s.pointers[1], s.pointers[2], s.pointers[3], s.pointers[4],
               s.pointers[5], op.getTable() ? s.pointers[6] : Value(), s.pointers[tensors], {}, {}};
    for (unsigned n = 0; n < 3; ++n) {
      o.strides[n] = cast<RankedTensorType>(op->getOperand(n + 1).getType()).getShape().back();
      o.offsets[n] = op.getOffsets()[n];
    }
    if (AttentionEmitter::isShort(op.getSpace())) {
      emitShort(a, o);
    } else {
      emitLong(a, o);
    }
  });
}
