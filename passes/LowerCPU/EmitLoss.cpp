// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logits with their cross entropy, forward and backward, a block of rows at a time; the mean of token losses.
#include "passes/LowerCPU/Kernels.h"
#include "passes/LowerCPU/PackedProduct.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;
using kernel::blockRows;
using kernel::ceilDiv;
using kernel::lossChunks;
using kernel::panelWidth;

namespace {
// Logits of one block of rows, in scratch.
struct Head {
  Head(KernelWriter::Step &s, int64_t blockRows, int64_t depth, int64_t columns, bool narrow)
      : rows(s, blockRows, depth, narrow), stride(ceilDiv(columns, panelWidth) * panelWidth + 16),
        logits(s.allocate(blockRows * stride)) {}

  FactorRows rows; // what the prologue made
  int64_t stride;
  Value logits; // rows `stride` apart, bias included
};
} // namespace

// Computes rows and logits of the rows [from, to).
template <typename OpT>
static void emitLogits(KernelWriter &writer, KernelWriter::Step &s, OpT op, const Head &head, Value packed, Value bias,
                       Value from, Value to) {
  Emitter &e = s.e;
  unsigned inputs = op.getInputs().size();
  int64_t depth = op.getDepth(), columns = op.getColumns();
  RowEmitter prologue(e, op.getPrologue().front(), depth, op.getPrologueSegments(), op.getPrologueWidth(),
                      memoriesOf(ArrayRef(s.pointers).take_front(inputs), op.getInputs()));
  head.rows.fill(e, prologue, op.getSpace(), from, to);
  BlockProduct product;
  product.a = head.rows.pointer;
  product.lda = e.index(head.rows.stride);
  product.rows = e.sub(to, from);
  // In bf16 gradients of logits are factors of whole groups: what stands behind the last column must be zero, as the weight there is.
  product.columns = e.index(head.rows.narrow ? ceilDiv(columns, panelWidth) * panelWidth : columns);
  product.c = head.logits;
  product.ldc = e.index(head.stride);
  multiplyByPacked(writer, e, {packed, depth, head.rows.narrow}, kernel::cpuScheduleOf(op).getDepth(), product);
  if (bias) {
    e.loop(e.sub(to, from), [&](Value r) {
      Value row = e.at(head.logits, e.mul(r, head.stride));
      e.columns(columns, [&](Value v, Value mask) {
        e.store(e.addf(e.loadVector(e.at(row, v)), e.loadVector(e.at(bias, v))), e.at(row, v), mask);
      });
    });
  }
}

void cpu::emitCrossEntropy(KernelWriter &writer, kernel::CrossEntropyOp op) {
  SymbolicDim rows = rowsOf(op.getSpace());
  int64_t columns = op.getColumns(), rowsPerItem = kernel::cpuScheduleOf(op).getRows();
  unsigned inputs = op.getInputs().size(), ids = inputs + 1 + (op.getBias() ? 1 : 0);
  writer.step(op.getLoc(), ids + 3, {rows, rowsPerItem}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    Head head(s, rowsPerItem, op.getDepth(), columns, isNarrow(op.getPacked()));
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value from = e.mul(item, rowsPerItem), to = e.min(e.add(from, rowsPerItem), e.form(rows));
      emitLogits(writer, s, op, head, s.pointers[inputs], op.getBias() ? s.pointers[inputs + 1] : Value(), from, to);
      forRows(e, op.getSpace(), from, to, [&](Value row, Value k, Value t) {
        Value logits = e.at(head.logits, e.mul(e.sub(row, from), head.stride));
        Value best = e.splat(-1e30);
        int64_t lanes = e.machine.lanes;
        auto overVocabulary = [&](Value init, const std::function<Value(Value, Value)> &combine) {
          int64_t full = columns / lanes * lanes;
          Value result = init;
          if (full) {
            result = e.loop(e.index(0), e.index(full), lanes, init, [&](Value v, ValueRange so) {
              return SmallVector<Value>{combine(e.loadVector(e.at(logits, v)), so[0])};
            })[0];
          }
          if (columns > full) {
            Value last = e.select(e.mask(e.index(columns - full)), e.loadVector(e.at(logits, e.index(full))), e.splat(-1e30));
            result = combine(last, result);
          }
          return result;
        };
        Value top = e.maxLanes(overVocabulary(best, [&](Value x, Value so) {
          return arith::MaximumFOp::create(e.b, x, so).getResult();
        }));
        Value wide = e.splat(top);
        Value sum = e.sumLanes(overVocabulary(e.splat(0.0), [&](Value x, Value so) { return e.addf(so, e.exp(e.subf(x, wide))); }));
        Value lse = e.addf(top, e.log1(sum));
        auto [id, counts] = targetOf(e, s.pointers[ids], op.getSpace().getPositions(), k, t, op.getOffset(), op.getIgnore());
        Value loss = e.subf(lse, e.load(e.at(logits, id)));
        e.store(e.select(counts, loss, e.number(0)), e.at(s.pointers[ids + 1], row));
        e.store(lse, e.at(s.pointers[ids + 2], row));
      });
    });
  });
}

void cpu::emitCrossEntropyGrad(KernelWriter &writer, kernel::CrossEntropyGradOp op) {
  SymbolicDim rows = rowsOf(op.getSpace());
  kernel::CpuScheduleAttr schedule = kernel::cpuScheduleOf(op);
  int64_t columns = op.getColumns(), depth = op.getDepth(), rowsPerBlock = schedule.getRows();
  unsigned inputs = op.getInputs().size(), ids = inputs + 2 + (op.getBias() ? 1 : 0), results = ids + 3;
  writer.step(op.getLoc(), results + 3, {SymbolicDim::constant(lossChunks)}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    bool narrow = isNarrow(op.getPacked());
    Head head(s, rowsPerBlock, depth, columns, narrow);
    Value tile = s.allocate(writer.floatsOfTile(narrow));
    // In bf16: gradients of the logits as rows, as columns, and the rows once more as pairs.
    int64_t packedColumns = kernel::narrowDepth(columns), packedDepth = kernel::narrowDepth(depth);
    int64_t blockDepth = kernel::narrowDepth(rowsPerBlock), columnStride = blockDepth + 32; // a block's rows as depth
    int64_t rowStride = packedColumns + 32;
    Value gradRows, gradColumns, pairs;
    if (narrow) {
      gradRows = s.allocateNarrow(rowsPerBlock * rowStride);
      gradColumns = s.allocateNarrow((packedColumns + 16) * columnStride);
      pairs = s.allocateNarrow(blockDepth * packedDepth);
    }
    Value gradients = s.pointers[ids + 1], lse = s.pointers[ids + 2], result = s.pointers[results];
    Value yes = arith::ConstantOp::create(e.b, e.b.getBoolAttr(true));
    e.loop(s.begin, s.end, 1, [&](Value chunk) {
      Value weightSum = e.at(s.pointers[results + 1], e.mul(chunk, columns * depth));
      Value biasSum = e.at(s.pointers[results + 2], e.mul(chunk, columns));
      e.columns(columns * depth, [&](Value i, Value mask) { e.store(e.splat(0.0), e.at(weightSum, i), mask); });
      e.columns(columns, [&](Value i, Value mask) { e.store(e.splat(0.0), e.at(biasSum, i), mask); });
      // A chunk is a whole number of block sums' rows, its blocks as many as the schedule says.
      Value perChunk = e.mul(e.ceilDiv(e.ceilDiv(e.form(rows), blockRows), lossChunks), blockRows), begin = e.mul(chunk, perChunk);
      Value end = e.min(e.add(begin, perChunk), e.form(rows));
      e.loop(begin, end, rowsPerBlock, [&](Value from) {
        Value to = e.min(e.add(from, rowsPerBlock), end);
        emitLogits(writer, s, op, head, s.pointers[inputs], op.getBias() ? s.pointers[inputs + 2] : Value(), from, to);
        forRows(e, op.getSpace(), from, to, [&](Value row, Value k, Value t) {
          Value logits = e.at(head.logits, e.mul(e.sub(row, from), head.stride));
          auto [id, counts] = targetOf(e, s.pointers[ids], op.getSpace().getPositions(), k, t, op.getOffset(), op.getIgnore());
          Value scale = e.select(counts, e.load(e.at(gradients, row)), e.number(0));
          Value wide = e.splat(scale), shift = e.splat(e.load(e.at(lse, row)));
          e.columns(columns, [&](Value v, Value mask) {
            Value softmax = e.exp(e.subf(e.loadVector(e.at(logits, v)), shift));
            e.store(e.mulf(softmax, wide), e.at(logits, v), mask);
          });
          Value hit = e.at(logits, id);
          e.store(e.subf(e.load(hit), scale), hit);
          e.columns(columns, [&](Value v, Value mask) {
            e.store(e.addf(e.loadVector(e.at(biasSum, v)), e.loadVector(e.at(logits, v))), e.at(biasSum, v), mask);
          });
        });
        BlockProduct product;
        Value count = e.sub(to, from);
        product.a = narrow ? gradRows : head.logits;
        product.lda = e.index(narrow ? rowStride : head.stride);
        product.rows = count;
        product.columns = e.index(depth);
        product.c = e.at(result, e.mul(from, depth));
        product.ldc = e.index(depth);
        product.padded = false;
        product.tile = tile;
        if (narrow) {
          NarrowSource logits{head.logits, e.index(head.stride)};
          roundRows(e, logits, count, packedColumns, gradRows, e.index(rowStride));
          turnRows(e, logits, count, packedColumns, gradColumns, e.index(columnStride));
          pairRows(e, {head.rows.pointer, e.index(head.rows.stride), true}, count, packedDepth, pairs, e.index(2 * packedDepth));
        }
        multiplyByPacked(writer, e, {s.pointers[inputs + 1], columns, narrow}, schedule.getDepth(), product);
        // weightSum[v, c] += sum over rows of dl[row, v] * a[row, c]
        product.narrow = narrow;
        product.columnMajor = !narrow;
        product.a = narrow ? gradColumns : head.logits;
        product.lda = e.index(narrow ? columnStride : head.stride);
        product.rows = e.index(columns);
        product.b = narrow ? pairs : head.rows.pointer;
        product.panelStride = e.index(panelPitch(narrow));
        product.ldb = e.index(narrow ? 2 * packedDepth : head.rows.stride);
        product.c = weightSum;
        product.depth = narrow ? wholeGroups(e, count) : count;
        product.accumulate = yes;
        writer.product(e, product);
      });
    });
  });
}

void cpu::emitMeanLoss(KernelWriter &writer, kernel::MeanLossOp op) {
  // One work item: a few numbers per position, summed in f64 in order.
  writer.step(op.getLoc(), 6, {SymbolicDim::constant(1)}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    Type f64 = e.b.getF64Type();
    auto wide = [&](double x) { return arith::ConstantOp::create(e.b, e.b.getF64FloatAttr(x)).getResult(); };
    SymbolicDim positions = op.getSpace().getPositions();
    Value length = e.add(e.form(positions), op.getOffset());
    SmallVector<Value> init{wide(0), wide(0)};
    Value zero = e.number(0);
    auto isNot = [&](Value x) { return arith::CmpFOp::create(e.b, arith::CmpFPredicate::UNE, x, zero).getResult(); };
    auto totals = e.loop(e.index(0), e.form(rowsOf(op.getSpace())), 1, init, [&](Value row, ValueRange so) {
      Value k = e.div(row, e.form(positions)), t = e.rem(row, e.form(positions));
      Value weight = e.load(e.at(s.pointers[1], e.add(e.mul(k, length), e.add(t, op.getOffset()))));
      Value loss = e.mulf(e.load(e.at(s.pointers[0], row)), weight);
      Value counted;
      if (op.getKind() == LossKind::Nonzero) {
        counted = isNot(loss);
      } else if (op.getKind() == LossKind::Targets) {
        Value counts = targetOf(e, s.pointers[2], positions, k, t, op.getOffset(), op.getIgnore()).second;
        counted = arith::AndIOp::create(e.b, counts, isNot(weight));
      }
      Value share = counted ? e.select(counted, wide(1), wide(0)) : arith::ExtFOp::create(e.b, f64, weight).getResult();
      Value sum = arith::AddFOp::create(e.b, so[0], arith::ExtFOp::create(e.b, f64, loss));
      Value count = arith::AddFOp::create(e.b, so[1], share);
      return SmallVector<Value>{sum, count};
    });
    if (op.getKind() == LossKind::Weighted) {
      totals[1] = arith::AddFOp::create(e.b, totals[1], wide(1e-6));
    }
    Value mean = arith::DivFOp::create(e.b, totals[0], totals[1]);
    if (op.getKind() == LossKind::Nonzero) {
      Value none = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OEQ, totals[1], wide(0));
      mean = e.select(none, wide(0), mean);
    }
    auto narrow = [&](Value x) { return arith::TruncFOp::create(e.b, e.f32(), x).getResult(); };
    e.store(narrow(mean), s.pointers[3]);
    e.store(narrow(totals[0]), s.pointers[4]);
    e.store(narrow(totals[1]), s.pointers[5]);
  });
}
