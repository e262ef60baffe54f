// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logits with their cross entropy, forward and backward, a block of rows at a time; the mean of token losses.
#include "passes/LowerCPU/Kernels.h"
#include "passes/LowerCPU/NarrowOperands.h"

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
  Value rows, lda;   // what the prologue made, in bf16 where `narrow`
  Value logits;      // rows `stride` apart, bias included
  int64_t stride;
  bool narrow;       // the weight is
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
  forRows(e, op.getSpace(), from, to, [&](Value row, Value k, Value t) {
    Value line = e.mul(e.sub(row, from), head.lda);
    prologue.emit(k, t, [&](unsigned, Value value, Value c, Value mask) {
      Value index = e.add(line, c);
      head.narrow ? storeNarrow(e, value, head.rows, index, mask) : e.store(value, e.at(head.rows, index), mask);
    });
  });
  int64_t packedDepth = head.narrow ? kernel::narrowDepth(depth) : depth;
  BlockProduct product;
  product.narrow = head.narrow;
  product.a = head.rows;
  product.lda = head.lda;
  product.rows = e.sub(to, from);
  product.b = packed;
  product.panelStride = e.index(packedDepth * panelWidth);
  product.ldb = e.index(head.narrow ? 2 * panelWidth : panelWidth);
  product.columns = columns;
  product.c = head.logits;
  product.ldc = e.index(head.stride);
  product.depth = e.index(packedDepth);
  product.accumulate = arith::ConstantOp::create(e.b, e.b.getBoolAttr(false));
  writer.product(e, product);
  if (bias) {
    e.loop(e.sub(to, from), [&](Value r) {
      Value row = e.at(head.logits, e.mul(r, head.stride));
      e.columns(columns, [&](Value v, Value mask) {
        e.store(e.addf(e.loadVector(e.at(row, v)), e.loadVector(e.at(bias, v))), e.at(row, v), mask);
      });
    });
  }
}

static Head allocateHead(KernelWriter::Step &s, int64_t depth, int64_t columns, bool narrow) {
  int64_t stride = ceilDiv(columns, panelWidth) * panelWidth + 16;
  if (!narrow) {
    int64_t lda = ceilDiv(depth, 16) * 16 + 16;
    return {s.allocate(blockRows * lda), s.e.index(lda), s.allocate(blockRows * stride), stride, false};
  }
  int64_t lda = kernel::narrowDepth(depth) + 32;
  Value rows = s.allocateNarrow(blockRows * lda);
  zeroNarrow(s.e, rows, s.e.index(0), s.e.index(blockRows * lda)); // the padding stays zero
  return {rows, s.e.index(lda), s.allocate(blockRows * stride), stride, true};
}

void cpu::emitCrossEntropy(KernelWriter &writer, kernel::CrossEntropyOp op) {
  SymbolicDim rows = rowsOf(op.getSpace());
  int64_t columns = op.getColumns();
  unsigned inputs = op.getInputs().size(), ids = inputs + 1 + (op.getBias() ? 1 : 0);
  writer.step(op.getLoc(), ids + 3, {rows, blockRows}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    Head head = allocateHead(s, op.getDepth(), columns, isNarrow(op.getPacked()));
    e.loop(s.begin, s.end, 1, [&](Value block) {
      Value from = e.mul(block, blockRows), to = e.min(e.add(from, blockRows), e.form(rows));
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
  int64_t columns = op.getColumns(), depth = op.getDepth();
  unsigned inputs = op.getInputs().size(), ids = inputs + 2 + (op.getBias() ? 1 : 0), results = ids + 3;
  writer.step(op.getLoc(), results + 3, {SymbolicDim::constant(lossChunks)}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    bool narrow = isNarrow(op.getPacked());
    Head head = allocateHead(s, depth, columns, narrow);
    Value tile = s.allocate(writer.floatsOfTile(narrow));
    // In bf16: gradients of the logits as rows, as columns, and the rows once more as pairs.
    int64_t packedColumns = kernel::narrowDepth(columns), packedDepth = kernel::narrowDepth(depth);
    constexpr int64_t blockDepth = 64, columnStride = blockDepth + 32; // a block's rows as depth
    static_assert(blockDepth >= blockRows && blockDepth % kernel::depthGroup == 0);
    int64_t rowStride = packedColumns + 32;
    Value gradRows, gradColumns, pairs;
    if (narrow) {
      gradRows = s.allocateNarrow(blockRows * rowStride);
      gradColumns = s.allocateNarrow((packedColumns + 16) * columnStride);
      pairs = s.allocateNarrow(blockDepth * packedDepth);
    }
    Value gradients = s.pointers[ids + 1], lse = s.pointers[ids + 2], result = s.pointers[results];
    Value no = arith::ConstantOp::create(e.b, e.b.getBoolAttr(false));
    Value yes = arith::ConstantOp::create(e.b, e.b.getBoolAttr(true));
    e.loop(s.begin, s.end, 1, [&](Value chunk) {
      Value weightSum = e.at(s.pointers[results + 1], e.mul(chunk, columns * depth));
      Value biasSum = e.at(s.pointers[results + 2], e.mul(chunk, columns));
      e.columns(columns * depth, [&](Value i, Value mask) { e.store(e.splat(0.0), e.at(weightSum, i), mask); });
      e.columns(columns, [&](Value i, Value mask) { e.store(e.splat(0.0), e.at(biasSum, i), mask); });
      // A chunk is a whole number of blocks.
      Value blocks = e.ceilDiv(e.form(rows), blockRows), perChunk = e.ceilDiv(blocks, lossChunks);
      Value firstBlock = e.mul(chunk, perChunk);
      e.loop(firstBlock, e.min(e.add(firstBlock, perChunk), blocks), 1, [&](Value block) {
        Value from = e.mul(block, blockRows), to = e.min(e.add(from, blockRows), e.form(rows));
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
        product.narrow = narrow;
        product.a = narrow ? gradRows : head.logits;
        product.lda = e.index(narrow ? rowStride : head.stride);
        product.rows = count;
        product.b = s.pointers[inputs + 1];
        product.panelStride = e.index((narrow ? packedColumns : columns) * panelWidth);
        product.ldb = e.index(narrow ? 2 * panelWidth : panelWidth);
        product.columns = depth;
        product.c = e.at(result, e.mul(from, depth));
        product.ldc = e.index(depth);
        product.padded = false;
        product.depth = e.index(narrow ? packedColumns : columns);
        product.accumulate = no;
        product.tile = tile;
        if (narrow) {
          NarrowSource logits{head.logits, e.index(head.stride)};
          roundRows(e, logits, count, packedColumns, gradRows, e.index(rowStride));
          turnRows(e, logits, count, packedColumns, gradColumns, e.index(columnStride));
          pairRows(e, {head.rows, head.lda, true}, count, packedDepth, pairs, e.index(2 * packedDepth));
        }
        writer.product(e, product);
        // weightSum[v, c] += sum over rows of dl[row, v] * a[row, c]
        product.columnMajor = !narrow;
        product.a = narrow ? gradColumns : head.logits;
        product.lda = e.index(narrow ? columnStride : head.stride);
        product.rows = e.index(columns);
        product.b = narrow ? pairs : head.rows;
        product.panelStride = e.index(narrow ? 2 * panelWidth : panelWidth);
        product.ldb = narrow ? e.index(2 * packedDepth) : head.lda;
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
