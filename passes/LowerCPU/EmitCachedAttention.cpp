// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of a call's queries to the keys and values of a state. Work items are pairs of sequence and head; a few queries go
// over the keys together, one softmax each.
#include "passes/LowerCPU/Kernels.h"
#include "passes/LowerCPU/WeightedRows.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

namespace {
class CachedAttention {
public:
  CachedAttention(KernelWriter &writer, KernelWriter::Step &s, kernel::CachedAttentionOp op)
      : writer(writer), e(s.e), op(op), pointers(s.pointers), heads(op.getHeads()), width(op.getHeadDim()),
        positions(op.getSpace().getPositions().one), together(positions % 4 == 0 ? 4 : 1) {
    SymbolicDim keys = kernel::shapeOf(op.getKey())[1];
    ring = e.form(keys);
    stride = e.add(e.mul(e.ceilDiv(ring, e.machine.lanes), e.machine.lanes), e.machine.lanes);
    scores = s.allocate((keys + SymbolicDim::constant(2 * e.machine.lanes)).scaled(together));
  }

  void emit(Value item) {
    Value sequence = e.div(item, heads), head = e.rem(item, e.index(heads));
    e.loop(e.index(0), e.index(positions), together, [&](Value t) { emitQueries(sequence, head, t); });
  }

private:
  // The first element of a head in row `row` of a tensor of all heads.
  Value headOf(Value base, Value row, Value head) {
    return e.at(base, e.add(e.mul(row, heads * width), e.mul(head, width)));
  }
  Value firstKey(Value position) {
    return op.getBlock() ? e.sub(position, e.rem(position, e.index(*op.getBlock()))) : e.index(0);
  }

  void emitQueries(Value sequence, Value head, Value t) {
    Value row = e.add(e.mul(sequence, positions), t), position = e.add(e.position, t);
    Value first = firstKey(position), count = e.sub(e.add(position, together), first);
    Value firstRow = e.add(e.mul(sequence, ring), first);
    DotBlock block;
    block.a = headOf(pointers[0], row, head);
    block.element = e.f32();
    block.lda = block.ldb = e.index(heads * width);
    block.rows = e.index(together);
    block.b = headOf(pointers[1], firstRow, head);
    block.columns = count;
    block.c = scores;
    block.ldc = stride;
    block.depth = width;
    writer.dots(e, block);
    WeightedRows mixed;
    for (int64_t i = 0; i < together; ++i) {
      mixed.factors.push_back(softmax(i, e.add(position, i), first, count));
    }
    mixed.weights = scores;
    mixed.weightStride = stride;
    mixed.rows = headOf(pointers[2], firstRow, head);
    mixed.count = count;
    mixed.target = headOf(pointers[3], row, head);
    mixed.rowStride = mixed.targetStride = heads * width;
    mixed.width = width;
    sumWeightedRows(e, mixed);
  }

  // Scores of query i become probabilities up to a factor, which is returned; keys that it does not see get zero.
  Value softmax(int64_t i, Value position, Value first, Value count) {
    int64_t lanes = e.machine.lanes;
    Value row = e.at(scores, e.mul(e.index(i), stride)), seen = e.sub(e.add(position, 1), first);
    Value hidden = together > 1 && op.getBlock() ? e.sub(firstKey(position), first) : Value();
    auto visible = [&](Value at, Value yes, Value no) {
      Value value = e.select(e.mask(e.sub(seen, at)), yes, no);
      return hidden ? e.select(e.mask(e.sub(hidden, at)), no, value) : value;
    };
    auto score = [&](Value at) {
      Value scaled = e.mulf(e.loadVector(e.at(row, at)), e.splat(op.getScale().convertToDouble()));
      return visible(at, scaled, e.splat(lowest));
    };
    Value top = e.maxLanes(e.loop(e.index(0), count, lanes, e.splat(lowest), [&](Value at, ValueRange best) {
      return SmallVector<Value>{arith::MaximumFOp::create(e.b, best[0], score(at))};
    })[0]);
    Value sum = e.sumLanes(e.loop(e.index(0), count, lanes, e.splat(0.0), [&](Value at, ValueRange partial) {
      Value p = visible(at, e.exp(e.subf(score(at), e.splat(top))), e.splat(0.0));
      e.store(p, e.at(row, at));
      return SmallVector<Value>{e.addf(partial[0], p)};
    })[0]);
    return e.divf(e.number(1), sum);
  }

  KernelWriter &writer;
  Emitter &e;
  kernel::CachedAttentionOp op;
  ArrayRef<Value> pointers; // query, key, value, result
  int64_t heads, width, positions;
  int64_t together; // queries
  Value ring, stride, scores;
};

} // namespace

void cpu::emitCachedAttention(KernelWriter &writer, kernel::CachedAttentionOp op) {
  SymbolicDim items = *op.getSpace().getSequences().times(SymbolicDim::constant(op.getHeads()));
  writer.step(op.getLoc(), 4, {items}, [&](KernelWriter::Step &s) {
    CachedAttention attention(writer, s, op);
    s.e.loop(s.begin, s.end, 1, [&](Value item) { attention.emit(item); });
  });
}
