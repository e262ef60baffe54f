// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Backward of the loss. The logits' gradients, dl = (softmax - onehot) * grad, never reach memory: both kernels work out the
// logits that they need again, since the rows' log-sum-exp is known.
#include "passes/LowerGPU/LossHead.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;
using kernel::lossChunks;

namespace {
// Of some rows in shared memory: what turns logits into their gradients.
class RowFacts {
public:
  RowFacts(KernelWriter::Step &s, const LossHead &head, int64_t rows)
      : s(s), e(s.e), head(head), rows(rows), lse(e.shared(rows * 4)), scale(e.shared(rows * 4)), id(e.shared(rows * 4)) {}

  // For rows [from, from + rows); those from `end` on have no gradient.
  void fetch(Value from, Value end) {
    Value positions = e.form(head.space.getPositions());
    e.share(rows, [&](Value number) {
      Value there = e.less(e.add(from, number), end), row = e.select(there, e.add(from, number), e.index(0));
      auto [target, counts] = head.target(s, e.div(row, positions), e.rem(row, positions));
      Value grad = e.load(e.at(s.pointers[head.ids + 1], row));
      e.store(e.select(arith::AndIOp::create(e.b, there, counts), grad, e.number(0)), e.at(scale, number));
      e.store(e.load(e.at(s.pointers[head.ids + 2], row)), e.at(lse, number));
      e.store(arith::IndexCastOp::create(e.b, i32(), target), e.at(id, number, i32()));
    });
  }

  // Of a tile of logits whose columns begin at `n0`; zero for columns that are not there.
  TileProduct::Sums gradients(TileProduct &product, ValueRange logits, Value n0) {
    Value bias = head.bias(s);
    return product.map(logits, [&](Value row, Value column, Value logit) {
      Value v = e.add(n0, column), inside = e.less(v, e.index(head.columns));
      if (bias) {
        logit = e.addf(logit, e.load(e.at(bias, e.select(inside, v, e.index(0)))));
      }
      Value factor = e.load(e.at(scale, row)), number = arith::IndexCastOp::create(e.b, i32(), v);
      Value isTarget = e.equal(number, e.load(e.at(id, row, i32()), i32()));
      Value grad = e.mulf(e.exp(e.subf(logit, e.load(e.at(lse, row)))), factor);
      return e.select(inside, e.select(isTarget, e.subf(grad, factor), grad), e.number(0));
    });
  }

private:
  Type i32() { return e.b.getI32Type(); }

  KernelWriter::Step &s;
  ThreadEmitter &e;
  const LossHead &head;
  const int64_t rows;
  Value lse, scale, id;
};
} // namespace

SymbolicDim cuda::crossEntropyGradTemporary(kernel::CrossEntropyGradOp op) { return LossHead(op).temporary(); }

// result = dl * weight: a block has the dl of its rows in shared memory.
static void emitRowGrads(KernelWriter &writer, const LossHead &head, Value result) {
  int64_t tileRows = head.schedule.getRows(), tileSide = head.schedule.getColumns();
  int64_t padded = ceilDiv(head.columns, tileSide) * tileSide, size = writer.storage().getIntOrFloatBitWidth() / 8;
  writer.step(head.op->getLoc(), head.tensors(), {head.rows, tileRows}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value from = e.mul(e.blockX, tileRows), rows = e.form(head.rows);
    RowFacts facts(s, head, tileRows);
    facts.fetch(from, rows);
    auto product = makeProduct(writer, e, tileRows, tileSide);
    SharedTile grads;
    grads.stride = product->stride(padded, /*depthInside=*/true);
    grads.base = e.shared(tileRows * grads.stride * size, 128);
    int64_t mark = e.sharedBytes();
    e.loop(e.index(0), e.index(padded), tileSide, [&](Value n0) {
      auto logits = head.logits(writer, s, *product, from, rows, n0);
      product->store(facts.gradients(*product, logits, n0), e.at(grads.base, n0, product->element()), grads.stride,
                     product->element());
    });
    e.releaseShared(mark);
    e.barrier();
    e.loop(e.index(0), e.index(head.depth), tileSide, [&](Value c0) {
      Factor weight = columnsFactor(e, s.pointers[head.weight], head.packed.element, head.depth, c0);
      auto sums = residentProduct(*product, grads, weight, e.index(0), e.index(head.columns), head.columns, product->zeros());
      writeTile(*product, sums, memoryOf(s.pointers[head.results], result), from, rows, c0, head.depth);
    });
  });
}

// Each part's sums over its rows: dl^T * rows, and those of dl alone. A block has a tile of the former, and works out the dl that
// this takes: for each tile of the depth once more, which costs little beside what a model does for its logits.
static void emitWeightGrads(KernelWriter &writer, const LossHead &head) {
  constexpr int64_t tileRows = 64; // at a time
  auto tileOf = [&](int64_t size) { return std::min(head.schedule.getColumns(), ceilDiv(size, 16) * 16); };
  int64_t tileColumns = tileOf(head.columns), tileDepth = tileOf(head.depth), across = ceilDiv(head.columns, tileColumns);
  Grid grid{SymbolicDim::constant(across * ceilDiv(head.depth, tileDepth)), 1, lossChunks};
  writer.step(head.op->getLoc(), head.tensors(), grid, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    s.leaveRoomFor(1);
    Value n0 = e.mul(e.rem(e.blockX, e.index(across)), tileColumns), c0 = e.mul(e.div(e.blockX, across), tileDepth);
    Value rows = e.form(head.rows), perPart = e.ceilDiv(rows, lossChunks);
    Value begin = e.min(e.mul(e.blockY, perPart), rows), end = e.min(e.add(begin, perPart), rows);
    auto logitProduct = makeProduct(writer, e, tileRows, tileColumns), product = makeProduct(writer, e, tileColumns, tileDepth);
    RowFacts facts(s, head, tileRows);
    Type element = product->element();
    SharedTile grads;
    grads.depthInside = false;
    grads.stride = product->stride(tileColumns, /*depthInside=*/false);
    grads.base = e.shared(tileRows * grads.stride * element.getIntOrFloatBitWidth() / 8, 128);
    int64_t mark = e.sharedBytes();
    Value sumsBias = arith::AndIOp::create(e.b, e.equal(c0, e.index(0)), e.less(e.thread, e.index(tileColumns)));
    Memory lines = head.madeRows(writer, s);
    TileProduct::Sums init{e.number(0)};
    llvm::append_range(init, product->zeros());
    auto sums = e.loop(begin, end, tileRows, init, [&](Value from, ValueRange so) {
      facts.fetch(from, end);
      auto logits = head.logits(writer, s, *logitProduct, from, end, n0);
      e.releaseShared(mark);
      logitProduct->store(facts.gradients(*logitProduct, logits, n0), grads.base, grads.stride, element);
      e.barrier();
      Memory tile{grads.base, {}, element, true};
      Value column = e.valueWhen(sumsBias, [&] {
        return e.loop(e.index(0), e.index(tileRows), 1, e.number(0), [&](Value r, ValueRange sum) {
          Value grad = e.loadNumbers(tile, e.add(e.mul(r, grads.stride), e.thread), /*wide=*/false);
          return SmallVector<Value>{e.addf(sum[0], grad)};
        })[0];
      });
      Factor factor = columnsFactor(e, lines.base, lines.element, head.depth, c0);
      TileProduct::Sums next{e.addf(so[0], column)};
      Value behind = e.min(e.add(from, tileRows), end);
      llvm::append_range(next, residentProduct(*product, grads, factor, from, behind, 1, so.drop_front()));
      e.releaseShared(mark);
      return next;
    });
    Value bias = e.add(n0, e.thread);
    e.when(arith::AndIOp::create(e.b, sumsBias, e.less(bias, e.index(head.columns))),
           [&] { e.store(sums[0], e.at(s.pointers[head.results + 2], e.add(e.mul(e.blockY, head.columns), bias))); });
    Memory target{e.at(s.pointers[head.results + 1], e.mul(e.blockY, head.columns * head.depth)), {}, e.f32(), true};
    writeTile(*product, ArrayRef(sums).drop_front(), target, n0, e.index(head.columns), c0, head.depth);
  });
}

void cuda::emitCrossEntropyGrad(KernelWriter &writer, kernel::CrossEntropyGradOp op) {
  LossHead head(op);
  head.makeRows(writer);
  emitRowGrads(writer, head, op.getResult());
  emitWeightGrads(writer, head);
}
