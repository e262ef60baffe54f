// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logits with their cross entropy: a block has whole rows of logits, in shared memory. Backward, the gradients of the logits go
// to memory once, since three products read them.
#include "passes/LowerGPU/Kernels.h"
#include "passes/LowerGPU/TileProduct.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;
using kernel::lossChunks;

namespace {
// How the logits of some rows are worked out.
struct HeadPlan {
  template <typename OpT>
  HeadPlan(OpT op, unsigned weightAt)
      : prologue{op.getPrologue().front(), static_cast<int64_t>(op.getDepth()), static_cast<int64_t>(op.getPrologueSegments()),
                 static_cast<int64_t>(op.getPrologueWidth())},
        weight(op.getPacked()), space(op.getSpace()), rows(rowsOf(space)), columns(op.getColumns()), weightAt(weightAt),
        plainRows(readsPlainRows(prologue, op.getInputs(), space)) {
    constexpr int64_t widest = 256;
    int64_t tiles = ceilDiv(columns, widest);
    tileColumns = ceilDiv(ceilDiv(columns, tiles), 16) * 16;
    stride = tiles * tileColumns + 4;
    blockRows = 48 * stride * 4 <= 80 << 10 ? 48 : 16;
  }
  SymbolicDim rowFloats() const { return plainRows ? SymbolicDim() : scaled(rows, prologue.columns); }
  int64_t paddedColumns() const { return ceilDiv(columns, 8) * 8; } // whole 16-byte pieces

  RowProgram prologue;
  Weight weight;
  kernel::SpaceAttr space;
  SymbolicDim rows;
  int64_t columns, tileColumns, stride, blockRows;
  unsigned weightAt;
  bool plainRows;
};

// Pointers of both ops, behind their inputs.
template <typename OpT> struct Pointers {
  explicit Pointers(OpT op) {
    unsigned inputs = op.getInputs().size(), weights = std::is_same_v<OpT, kernel::CrossEntropyGradOp> ? 2 : 1;
    weight = inputs;
    bias = op.getBias() ? std::optional<unsigned>(inputs + weights) : std::nullopt;
    ids = inputs + weights + (bias ? 1 : 0);
    results = op->getNumOperands();
    temporary = results + op->getNumResults();
  }
  unsigned weight, ids, results, temporary;
  std::optional<unsigned> bias;
};
} // namespace

// Puts the rows that the logits are made of into the temporary, where they are not there already.
template <typename OpT>
static void makeRows(KernelWriter &writer, OpT op, const HeadPlan &plan, unsigned tensors, unsigned temporary) {
  if (!plan.plainRows) {
    emitRowsInto(writer, op, plan.space, plan.prologue, op.getInputs(), tensors, 0, temporary, writer.storage());
  }
}

// Where they are.
template <typename OpT>
static Memory rowsOfHead(const KernelWriter &writer, KernelWriter::Step &s, OpT op, const HeadPlan &plan, unsigned temporary) {
  return plan.plainRows ? memoryOf(s.pointers[0], op.getInputs()[0])
                        : Memory{s.pointers[temporary], {}, writer.storage(), true};
}

// The block's logits, without bias, as rows of shared memory.
static Value emitLogits(const KernelWriter &writer, KernelWriter::Step &s, const HeadPlan &plan, const Memory &rowsAt,
                        Value from) {
  ThreadEmitter &e = s.e;
  int64_t depth = plan.prologue.columns;
  Value logits = e.shared(plan.blockRows * plan.stride * 4);
  for (int64_t n0 = 0; n0 < plan.columns; n0 += plan.tileColumns) {
    auto product = makeProduct(writer, e, plan.blockRows, plan.tileColumns);
    Factor a;
    a.base = rowsAt.base;
    a.element = rowsAt.element;
    a.stride = depth;
    a.first = from;
    a.end = e.form(plan.rows);
    Factor b = a;
    b.base = s.pointers[plan.weightAt];
    b.element = plan.weight.element;
    b.first = e.index(n0);
    b.end = e.index(plan.columns);
    int64_t mark = e.sharedBytes();
    auto sums = streamProduct(*product, a, b, e.index(0), e.index(depth), depth, product->zeros());
    e.releaseShared(mark);
    product->store(sums, e.at(logits, e.index(n0)), plan.stride);
  }
  e.barrier();
  return logits;
}

// Calls `body` for each of the block's rows, a warp a row.
static void forLogits(ThreadEmitter &e, const HeadPlan &plan, Value logits, Value from,
                      const std::function<void(Value row, Value k, Value t, Value line)> &body) {
  forRowsOfBlock(e, plan.space, from, plan.blockRows, warpSize, [&](Value row, Value k, Value t) {
    body(row, k, t, e.at(logits, e.mul(e.sub(row, from), plan.stride)));
  });
}

static Value logitAt(ThreadEmitter &e, Value line, Value v, Value bias) {
  Value logit = e.load(e.at(line, v));
  return bias ? e.addf(logit, e.load(e.at(bias, v))) : logit;
}

SymbolicDim cuda::crossEntropyTemporary(kernel::CrossEntropyOp op) { return HeadPlan(op, 0).rowFloats(); }

void cuda::emitCrossEntropy(KernelWriter &writer, kernel::CrossEntropyOp op) {
  Pointers<kernel::CrossEntropyOp> at(op);
  HeadPlan plan(op, at.weight);
  unsigned tensors = at.temporary + !plan.plainRows;
  auto rowsAt = [&](KernelWriter::Step &s) { return rowsOfHead(writer, s, op, plan, at.temporary); };
  makeRows(writer, op, plan, tensors, at.temporary);
  writer.step(op.getLoc(), tensors, {plan.rows, plan.blockRows}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value from = e.mul(e.blockX, plan.blockRows), bias = at.bias ? s.pointers[*at.bias] : Value();
    Value logits = emitLogits(writer, s, plan, rowsAt(s), from);
    forLogits(e, plan, logits, from, [&](Value row, Value k, Value t, Value line) {
      auto over = [&](Value init, const Emitter::Combine &combine) {
        Value mine = e.loop(e.lane(), e.index(plan.columns), warpSize, init, [&](Value v, ValueRange so) {
          return SmallVector<Value>{combine(so[0], logitAt(e, line, v, bias))};
        })[0];
        return mine;
      };
      auto larger = [&](Value x, Value y) { return arith::MaximumFOp::create(e.b, x, y).getResult(); };
      auto sum = [&](Value x, Value y) { return e.addf(x, y); };
      Value top = e.acrossThreads(over(e.number(-1e30), larger), warpSize, larger);
      Value mine = over(e.number(0), [&](Value so, Value x) { return e.addf(so, e.exp(e.subf(x, top))); });
      Value lse = e.addf(top, math::LogOp::create(e.b, e.acrossThreads(mine, warpSize, sum)));
      auto [id, counts] = targetOf(e, s.pointers[at.ids], plan.space.getPositions(), k, t, op.getOffset(), op.getIgnore());
      Value loss = e.subf(lse, logitAt(e, line, id, bias));
      e.when(e.equal(e.lane(), e.index(0)), [&, counts = counts] {
        e.store(e.select(counts, loss, e.number(0)), e.at(s.pointers[at.results], row));
        e.store(lse, e.at(s.pointers[at.results + 1], row));
      });
    });
  });
}

SymbolicDim cuda::crossEntropyGradTemporary(kernel::CrossEntropyGradOp op) {
  HeadPlan plan(op, 0);
  return plan.rowFloats() + scaled(plan.rows, plan.paddedColumns());
}

// Sums over the rows of each of the 16 parts: of the logits' gradients alone.
static void emitBiasSums(KernelWriter &writer, kernel::CrossEntropyGradOp op, const HeadPlan &plan, unsigned tensors,
                         unsigned result, const std::function<Memory(KernelWriter::Step &)> &logitGrads) {
  int64_t groups = ceilDiv(plan.columns, warpSize), stride = plan.paddedColumns(), warps = blockThreads / warpSize;
  writer.step(op.getLoc(), tensors, {SymbolicDim::constant(groups), 1, lossChunks}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value column = e.add(e.mul(e.blockX, warpSize), e.lane()), inside = e.less(column, e.index(plan.columns));
    Memory source = logitGrads(s);
    Value first = e.select(inside, column, e.index(0));
    Value rows = e.form(plan.rows), perPart = e.ceilDiv(rows, lossChunks);
    Value begin = e.min(e.mul(e.blockY, perPart), rows), end = e.min(e.add(begin, perPart), rows);
    Value sum = e.loop(e.add(begin, e.warp()), end, warps, e.number(0), [&](Value r, ValueRange so) {
      return SmallVector<Value>{e.addf(so[0], e.loadNumbers(source, e.add(e.mul(r, stride), first), /*wide=*/false))};
    })[0];
    addWarps(e, sum, [&](Value total) {
      e.when(inside, [&] {
        e.store(total, e.at(s.pointers[result], e.add(e.mul(e.blockY, plan.columns), column)));
      });
    });
  });
}

void cuda::emitCrossEntropyGrad(KernelWriter &writer, kernel::CrossEntropyGradOp op) {
  Pointers<kernel::CrossEntropyGradOp> at(op);
  HeadPlan plan(op, at.weight);
  unsigned tensors = at.temporary + 1;
  int64_t depth = plan.prologue.columns, columns = plan.columns, stride = plan.paddedColumns();
  auto rowsAt = [&](KernelWriter::Step &s) { return rowsOfHead(writer, s, op, plan, at.temporary); };
  auto logitGrads = [&](KernelWriter::Step &s) {
    return Memory{s.e.at(s.pointers[at.temporary], s.e.form(plan.rowFloats())), {}, writer.storage(), true};
  };
  makeRows(writer, op, plan, tensors, at.temporary);
  writer.step(op.getLoc(), tensors, {plan.rows, plan.blockRows}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value from = e.mul(e.blockX, plan.blockRows), bias = at.bias ? s.pointers[*at.bias] : Value();
    Value logits = emitLogits(writer, s, plan, rowsAt(s), from);
    forLogits(e, plan, logits, from, [&](Value row, Value k, Value t, Value line) {
      auto [id, counts] = targetOf(e, s.pointers[at.ids], plan.space.getPositions(), k, t, op.getOffset(), op.getIgnore());
      Value scale = e.select(counts, e.load(e.at(s.pointers[at.ids + 1], row)), e.number(0));
      Value lse = e.load(e.at(s.pointers[at.ids + 2], row)), target = e.mul(row, stride);
      Memory gradsOfLogits = logitGrads(s);
      e.loop(e.lane(), e.index(stride), warpSize, [&, id = id](Value v) {
        Value inside = e.less(v, e.index(columns));
        Value grad = e.valueWhen(inside, [&] {
          Value probability = e.exp(e.subf(logitAt(e, line, v, bias), lse));
          Value product = e.mulf(probability, scale);
          return e.select(e.equal(v, id), e.subf(product, scale), product);
        });
        e.storeNumbers(grad, gradsOfLogits, e.add(target, v));
      });
    });
  });
  // The gradient of the rows: dl times the weight.
  constexpr int64_t tileRows = kernel::blockRows, tileColumns = 128;
  writer.step(op.getLoc(), tensors, {plan.rows, tileRows, ceilDiv(depth, tileColumns)}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    auto product = makeProduct(writer, e, tileRows, tileColumns);
    Value from = e.mul(e.blockX, tileRows), rows = e.form(plan.rows), c0 = e.mul(e.blockY, tileColumns);
    Factor a;
    a.base = logitGrads(s).base;
    a.element = writer.storage();
    a.stride = stride;
    a.first = from;
    a.end = rows;
    Factor b;
    b.base = s.pointers[at.weight];
    b.element = plan.weight.element;
    b.stride = depth;
    b.depthInside = false;
    b.first = c0;
    b.end = e.index(depth);
    b.endFactor = depth;
    // Rows are padded with zeros up to their stride.
    auto sums = streamProduct(*product, a, b, e.index(0), e.index(columns), stride, product->zeros());
    writeTile(*product, sums, memoryOf(s.pointers[at.results], op.getResult()), from, rows, c0, depth);
  });
  SumProduct p;
  p.rows = plan.rows;
  p.columns = columns;
  p.depth = depth;
  p.parts = lossChunks;
  p.grad = {at.temporary, plan.rowFloats(), stride, writer.storage()};
  p.packed = {at.temporary, {}, depth, writer.storage()};
  if (plan.plainRows) {
    p.packed = {0, {}, depth, cast<RankedTensorType>(op.getInputs()[0].getType()).getElementType()};
  }
  p.target = at.results + 1;
  emitSumProduct(writer, op.getLoc(), tensors, p);
  emitBiasSums(writer, op, plan, tensors, at.results + 2, logitGrads);
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
      } else {
        Value counts = targetOf(e, s.pointers[2], positions, k, t, op.getOffset(), op.getIgnore()).second;
        counted = arith::AndIOp::create(e.b, counts, isNot(weight));
      }
      return SmallVector<Value>{e.addf(so[0], arith::ExtFOp::create(e.b, f64, loss)),
                                e.addf(so[1], e.select(counted, wide(1), wide(0)))};
    });
    Value sum = e.sumOfBlock(mine[0]), count = e.sumOfBlock(mine[1]);
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
