// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logits with their cross entropy: a block has whole rows of logits, in shared memory.
#include "passes/LowerGPU/LossHead.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

namespace {
// How a block holds its logits.
struct LogitsPlan {
  explicit LogitsPlan(const LossHead &head) {
    tileColumns = head.schedule.getColumns();
    stride = ceilDiv(head.columns, tileColumns) * tileColumns + 4;
    blockRows = head.schedule.getRows();
  }
  int64_t tileColumns, stride, blockRows;
};
} // namespace

// The block's logits, without bias, as rows of shared memory.
static Value emitLogits(const KernelWriter &writer, KernelWriter::Step &s, const LossHead &head, const LogitsPlan &plan,
                        Value from) {
  ThreadEmitter &e = s.e;
  Value logits = e.shared(plan.blockRows * plan.stride * 4);
  for (int64_t n0 = 0; n0 < head.columns; n0 += plan.tileColumns) {
    auto product = makeProduct(writer, e, plan.blockRows, plan.tileColumns);
    int64_t mark = e.sharedBytes();
    auto sums = head.logits(writer, s, *product, from, e.form(head.rows), e.index(n0));
    e.releaseShared(mark);
    product->store(sums, e.at(logits, e.index(n0)), plan.stride);
  }
  e.barrier();
  return logits;
}

static Value logitAt(ThreadEmitter &e, Value line, Value v, Value bias) {
  Value logit = e.load(e.at(line, v));
  return bias ? e.addf(logit, e.load(e.at(bias, v))) : logit;
}

SymbolicDim cuda::crossEntropyTemporary(kernel::CrossEntropyOp op) { return LossHead(op).temporary(); }

void cuda::emitCrossEntropy(KernelWriter &writer, kernel::CrossEntropyOp op) {
  LossHead head(op);
  LogitsPlan plan(head);
  head.makeRows(writer);
  writer.step(op.getLoc(), head.tensors(), {head.rows, plan.blockRows}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value from = e.mul(e.blockX, plan.blockRows), bias = head.bias(s);
    Value logits = emitLogits(writer, s, head, plan, from);
    // A warp a row.
    forRowsOfBlock(e, head.space, from, plan.blockRows, warpSize, [&](Value row, Value k, Value t) {
      Value line = e.at(logits, e.mul(e.sub(row, from), plan.stride));
      auto over = [&](Value init, const Emitter::Combine &combine) {
        Value mine = e.loop(e.lane(), e.index(head.columns), warpSize, init, [&](Value v, ValueRange so) {
          return SmallVector<Value>{combine(so[0], logitAt(e, line, v, bias))};
        })[0];
        return mine;
      };
      auto larger = [&](Value x, Value y) { return arith::MaximumFOp::create(e.b, x, y).getResult(); };
      auto sum = [&](Value x, Value y) { return e.addf(x, y); };
      Value top = e.acrossThreads(over(e.number(-1e30), larger), warpSize, larger);
      Value mine = over(e.number(0), [&](Value so, Value x) { return e.addf(so, e.exp(e.subf(x, top))); });
      Value lse = e.addf(top, math::LogOp::create(e.b, e.acrossThreads(mine, warpSize, sum)));
      auto [id, counts] = head.target(s, k, t);
      Value loss = e.subf(lse, logitAt(e, line, id, bias));
      e.when(e.equal(e.lane(), e.index(0)), [&, counts = counts] {
        e.store(e.select(counts, loss, e.number(0)), e.at(s.pointers[head.results], row));
        e.store(lse, e.at(s.pointers[head.results + 1], row));
      });
    });
  });
}

void cuda::emitMeanLoss(KernelWriter &writer, kernel::MeanLossOp op) {
  // One block: a few numbers per position, summed in f64.
  writer.step(op.getLoc(), 6, {SymbolicDim::constant(1)}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Type f64 = e.b.getF64Type();
    auto wide = [&](double x) { return arith::ConstantOp::create(e.b, e.b.getF64FloatAttr(x)).getResult(); };
    auto isNot = [&](Value x) { return arith::CmpFOp::create(e.b, arith::CmpFPredicate::UNE, x, e.number(0)).getResult(); };
    SymbolicDim positions = op.getSpace().getPositions();
    Value length = e.add(e.form(positions), op.getOffset());
    SmallVector<Value> init{wide(0), wide(0)};
    auto mine = e.loop(e.thread, e.form(rowsOf(op.getSpace())), e.threads, init, [&](Value row, ValueRange so) {
      Value k = e.div(row, e.form(positions)), t = e.rem(row, e.form(positions));
      Value weight = e.load(e.at(s.pointers[1], e.add(e.mul(k, length), e.add(t, op.getOffset()))));
      Value loss = e.mulf(e.load(e.at(s.pointers[0], row)), weight), counted;
      if (op.getKind() == LossKind::Nonzero) {
        counted = isNot(loss);
      } else if (op.getKind() == LossKind::Targets) {
        Value counts = targetOf(e, s.pointers[2], positions, k, t, op.getOffset(), op.getIgnore()).second;
        counted = arith::AndIOp::create(e.b, counts, isNot(weight));
      }
      Value share = counted ? e.select(counted, wide(1), wide(0)) : arith::ExtFOp::create(e.b, f64, weight).getResult();
      return SmallVector<Value>{e.addf(so[0], arith::ExtFOp::create(e.b, f64, loss)),
                                e.addf(so[1], share)};
    });
    Value sum = e.sumOfBlock(mine[0]), count = e.sumOfBlock(mine[1]);
    if (op.getKind() == LossKind::Weighted) {
      count = e.addf(count, wide(1e-6));
    }
    Value mean = e.divf(sum, count);
    if (op.getKind() == LossKind::Nonzero) {
      mean = e.select(arith::CmpFOp::create(e.b, arith::CmpFPredicate::OEQ, count, wide(0)), wide(0), mean);
    }
    e.when(e.equal(e.thread, e.index(0)), [&] {
      for (auto [n, value] : llvm::enumerate(ArrayRef<Value>{mean, sum, count})) {
        e.store(arith::TruncFOp::create(e.b, e.f32(), value), s.pointers[3 + n]);
      }
    });
  });
}
