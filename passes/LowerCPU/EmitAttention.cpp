// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Forward attention. Scores never reach memory beyond one block.
#include "passes/LowerCPU/AttentionEmitter.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

namespace {
struct Operands {
  Value query, key, value, table, result, lse;
  int64_t strides[3], offsets[3];
};
} // namespace

static void emitShort(AttentionEmitter &a, const Operands &o) {
  Emitter &e = a.e;
  int64_t length = a.shape.space.getPositions().one, lanes = e.machine.lanes, padded = a.padded();
  int64_t heads = a.shape.heads, width = a.shape.width;
  Value q = a.s.allocate(length * padded), k = a.s.allocate(length * padded), v = a.s.allocate(length * padded);
  Value scores = a.s.allocate(kernel::ceilDiv(length, lanes) * lanes), factors = a.allocateFactors();
  for (Value rows : {q, k, v}) {
    e.zero(rows, e.index(length * padded)); // the padding stays zero
  }
  e.loop(a.s.begin, a.s.end, 1, [&](Value item) {
    Value sequence = e.div(item, heads), head = e.rem(item, e.index(heads)), zero = e.index(0), n = e.index(length);
    a.enterSequence(sequence);
    a.copyRows(o.query, o.strides[0], o.offsets[0], sequence, head, o.table, zero, n, q);
    a.copyRows(o.key, o.strides[1], o.offsets[1], sequence, head, o.table, zero, n, k);
    a.copyRows(o.value, o.strides[2], o.offsets[2], sequence, head, {}, zero, n, v);
    if (factors) {
      a.writeFactors(sequence, head, factors);
    }
    e.loop(n, [&](Value i) {
      Value first = a.firstKey(i), end = a.endKey(i), count = e.sub(end, first);
      SmallVector<Value> row = a.loadRow(e.at(q, e.mul(i, padded)));
      e.loop(first, end, 1, [&](Value j) {
        Value score = a.score(a.dot(row, a.loadRow(e.at(k, e.mul(j, padded)))), j);
        e.store(score, e.at(scores, e.sub(j, first)));
      });
      auto masked = [&](Value at) {
        return e.select(e.mask(e.sub(count, at)), e.loadVector(e.at(scores, at)), e.splat(lowest));
      };
      Value top = e.maxLanes(e.loop(zero, count, lanes, e.splat(lowest), [&](Value at, ValueRange best) {
        return SmallVector<Value>{arith::MaximumFOp::create(e.b, best[0], masked(at))};
      })[0]);
      Value sum = e.sumLanes(e.loop(zero, count, lanes, e.splat(0.0), [&](Value at, ValueRange partial) {
        Value p = e.exp(e.subf(masked(at), e.splat(top))), kept = p;
        if (factors) {
          kept = e.mulf(p, e.loadVector(e.at(factors, e.add(e.mul(i, a.factorRow()), e.add(first, at)))));
        }
        e.store(kept, e.at(scores, at));
        return SmallVector<Value>{e.addf(partial[0], p)};
      })[0]);
      SmallVector<Value> zeros(a.vectors(), e.splat(0.0));
      auto mixed = e.loop(first, end, 1, zeros, [&](Value j, ValueRange partial) {
        Value p = e.splat(e.load(e.at(scores, e.sub(j, first))));
        SmallVector<Value> next;
        for (auto [value, so] : llvm::zip(a.loadRow(e.at(v, e.mul(j, padded))), partial)) {
          next.push_back(e.fma(p, value, so));
        }
        return next;
      });
      Value inverse = e.splat(e.divf(e.number(1), sum));
      Value target = a.rowOf(o.result, heads * width, 0, sequence, i, head);
      for (auto [number, value] : llvm::enumerate(mixed)) {
        int64_t at = number * lanes;
        Value mask = at + lanes > width ? e.mask(e.index(width - at)) : Value();
        e.store(e.mulf(value, inverse), e.at(target, e.index(at)), mask);
      }
      Value line = e.add(e.mul(e.add(e.mul(sequence, length), i), heads), head);
      e.store(e.addf(top, e.log1(sum)), e.at(o.lse, line));
    });
  });
}

static void emitLong(AttentionEmitter &a, const Operands &o) {
  Emitter &e = a.e;
  int64_t padded = a.padded(), panels = a.paddedPanels(), heads = a.shape.heads, width = a.shape.width;
  SymbolicDim length = a.shape.space.getPositions();
  auto perKey = [&](int64_t n) {
    return (length + SymbolicDim::constant(2 * keyBlock)).scaled(n);
  };
  Value keys = a.s.allocate(perKey(padded)), packed = a.s.allocate(perKey(padded));
  Value q = a.s.allocate(queryBlock * padded), scores = a.s.allocate(queryBlock * scoreStride);
  Value accumulated = a.s.allocate(queryBlock * panels), maxima = a.s.allocate(queryBlock), sums = a.s.allocate(queryBlock);
  e.zero(keys, e.form(perKey(padded)));
  e.zero(q, e.index(queryBlock * padded));
  e.loop(a.s.begin, a.s.end, 1, [&](Value item) {
    Value sequence = e.div(item, heads), head = e.rem(item, e.index(heads)), n = a.positions();
    a.enterSequence(sequence);
    a.copyRows(o.key, o.strides[1], o.offsets[1], sequence, head, o.table, e.index(0), n, keys);
    a.packTransposed(keys, n, packed);
    e.loop(e.index(0), n, queryBlock, [&](Value firstRow) {
      Value rows = e.min(e.index(queryBlock), e.sub(n, firstRow)), lastRow = e.sub(e.add(firstRow, rows), e.index(1));
      a.copyRows(o.query, o.strides[0], o.offsets[0], sequence, head, o.table, firstRow, rows, q);
      e.zero(accumulated, e.index(queryBlock * panels));
      e.zero(sums, e.index(queryBlock));
      e.loop(e.index(0), e.index(queryBlock), e.machine.lanes, [&](Value r) { e.store(e.splat(lowest), e.at(maxima, r)); });
      Value begin = e.mul(e.div(a.firstKey(firstRow), keyBlock), keyBlock);
      e.loop(begin, a.endKey(lastRow), keyBlock, [&](Value firstKey) {
        a.writer.product(e, a.scoreProduct(rows, q, packed, firstKey, scores));
        auto visible = [&](Value i) {
          return [&a, i](Value key) { return a.visibleKeys(key, i); };
        };
        std::function<SmallVector<Value>(Value)> factors;
        if (a.dropout) {
          factors = [&](Value i) { return a.keyFactors(sequence, head, i, firstKey); };
        }
        a.onlineSoftmax({scores, firstRow, rows, firstKey, maxima, sums, accumulated}, visible, factors);
        Value values = a.rowOf(o.value, o.strides[2], o.offsets[2], sequence, firstKey, head);
        Value depth = e.min(e.index(keyBlock), e.sub(n, firstKey));
        a.writer.product(e, a.mixProduct(rows, scores, values, o.strides[2], depth, accumulated));
      });
      e.loop(rows, [&](Value r) {
        Value sum = e.load(e.at(sums, r)), inverse = e.splat(e.divf(e.number(1), sum)), t = e.add(firstRow, r);
        Value target = a.rowOf(o.result, heads * width, 0, sequence, t, head), source = e.at(accumulated, e.mul(r, panels));
        a.forHead([&](Value c, Value mask) {
          e.store(e.mulf(e.loadVector(e.at(source, c)), inverse), e.at(target, c), mask);
        });
        Value line = e.add(e.mul(e.add(e.mul(sequence, n), t), heads), head);
        e.store(e.addf(e.load(e.at(maxima, r)), e.log1(sum)), e.at(o.lse, line));
      });
    });
  });
}

void cpu::emitAttention(KernelWriter &writer, kernel::AttentionOp op) {
  AttentionShape shape = attentionShape(op);
  unsigned tensors = op->getNumOperands();
  writer.step(op.getLoc(), tensors + 2, attentionItems(shape), [&](KernelWriter::Step &s) {
    unsigned behind = op.getDropoutKey() ? tensors - 1 : tensors;
    AttentionEmitter a(writer, s, shape, op.getDropoutKey() ? s.pointers[behind] : Value(),
                       op.getHidden() ? s.pointers[behind - 1] : Value());
    Operands o{s.pointers[0], s.pointers[1], s.pointers[2], op.getTable() ? s.pointers[3] : Value(),
               s.pointers[tensors], s.pointers[tensors + 1], {}, {}};
    for (unsigned n = 0; n < 3; ++n) {
      o.strides[n] = cast<RankedTensorType>(op->getOperand(n).getType()).getShape().back();
      o.offsets[n] = op.getOffsets()[n];
    }
    if (AttentionEmitter::isShort(op.getSpace())) {
      emitShort(a, o);
    } else {
      emitLong(a, o);
    }
  });
}
