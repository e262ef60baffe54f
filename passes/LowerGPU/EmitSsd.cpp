// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mamba-2's recurrence: a block has a slice of a head in a sequence, and its state in registers from chunk to chunk. A chunk's
// positions see each other through a masked square of products.
#include "passes/LowerGPU/SsdBlock.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

static int64_t tileBytesOf(const SsdPlan &plan) {
  int64_t chunk = plan.shape.chunk, states = plan.shape.states, columns = std::min(plan.slice, plan.shape.width);
  auto bytes = [](int64_t rows, int64_t columns) { return SsdBlock::tileBytes(rows, columns, 4); };
  return 2 * bytes(chunk, states) + bytes(chunk, columns) + bytes(chunk, chunk) + bytes(states, columns) + 6 * 4 * chunk;
}

void cuda::emitSsd(KernelWriter &writer, kernel::SsdOp op) {
  SsdPlan plan = ssdPlan(op, tileBytesOf);
  bool single = plan.units().single();
  Grid grid{*plan.shape.space.getSequences().times(SymbolicDim::constant(plan.blocks()))};
  writer.step(op.getLoc(), 8, grid, blockThreads, [&](KernelWriter::Step &s) {
    SsdBlock a(writer, s, plan, s.pointers, op->getOperands());
    ThreadEmitter &e = s.e;
    int64_t chunk = plan.shape.chunk, states = plan.shape.states, columns = a.columns(), features = plan.shape.heads * plan.shape.width;
    SsdBlock::Tile b = a.allocate(chunk, states), c = a.allocate(chunk, states), x = a.allocate(chunk, columns);
    SsdBlock::Tile mixing = a.allocate(chunk, chunk), entry;
    if (!single) {
      entry = a.allocate(states, columns);
    }
    a.allocateSteps();
    a.setSlice(e.blockX);
    auto square = a.product(chunk, chunk), rows = a.product(chunk, columns), state = a.product(states, columns);
    Memory result{s.pointers[7], {}, cast<RankedTensorType>(op.getType()).getElementType(), true};
    auto emitChunk = [&](Value number, ValueRange carried) {
      a.setChunk(number);
      a.bring(a.rowsOf(SsdBlock::B), b);
      a.bring(a.rowsOf(SsdBlock::C), c);
      SsdBlock::Rows input = a.rowsOf(SsdBlock::Input);
      a.bring(input, x);
      if (!single) {
        a.put(*state, carried, entry);
      }
      a.bringSteps();
      auto scores = square->multiply(square->zeros(), c.byRows(), b.byRows(), b.columns), decays = a.decays(*square);
      for (auto [score, decay] : llvm::zip(scores, decays)) {
        score = e.mulf(score, decay);
      }
      scores = square->map(scores, [&](Value, Value j, Value sum) { return e.mulf(sum, a.get(a.steps.d, j)); });
      a.put(*square, scores, mixing);
      // exp(s) c S + M x
      auto y = rows->zeros();
      if (!single) {
        y = a.scaleRows(*rows, rows->multiply(y, c.byRows(), entry.byColumns(), c.columns), a.steps.in);
      }
      e.barrier();
      y = rows->multiply(y, mixing.byRows(), x.byColumns(), x.rows);
      rows->visit(y, [&](Value i, Value column, ArrayRef<Value> neighbours) {
        for (auto [n, sum] : llvm::enumerate(neighbours)) {
          Value p = e.add(column, n), feature = e.add(a.firstColumn, p);
          Value exists = arith::AndIOp::create(e.b, e.less(i, a.count), e.less(p, input.columns));
          e.when(exists, [&, sum = sum] {
            Value at = a.place(i, features, e.add(e.mul(a.head, plan.shape.width), feature));
            e.storeNumbers(e.fma(a.skipOf(feature), a.get(x, i, p), sum), result, at);
          });
        }
      });
      e.barrier();
      if (single) {
        return TileProduct::Sums();
      }
      // S = exp(s[last]) S + b^T (exp(s[last] - s) d x)
      input.factors = a.steps.update;
      a.bring(input, x);
      auto next = a.scaleAll(carried, a.wholeDecay());
      e.barrier();
      next = state->multiply(next, b.byColumns(), x.byColumns(), x.rows);
      e.barrier();
      return next;
    };
    if (single) {
      emitChunk(e.index(0), {});
    } else {
      e.loop(e.index(0), plan.units().perSequence(e), 1, state->zeros(), emitChunk);
    }
  });
}
