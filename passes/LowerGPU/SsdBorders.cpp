// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/SsdBorders.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

SymbolicDim SsdBorders::floats(const SsdPlan &plan) {
  const SsdShape &shape = plan.shape;
  int64_t borders = shape.heads * (2 * shape.states * shape.width + plan.slices());
  return plan.units().floats(sumFloats(shape) + (plan.units().single() ? 0 : borders));
}

SsdBorders::SsdBorders(ThreadEmitter &e, const SsdPlan &plan, Value temporary) : e(e), plan(plan) {
  const SsdShape &shape = plan.shape;
  if (plan.units().single()) {
    sumRows = temporary;
    return;
  }
  Value units = plan.units().count(e), numbers = e.mul(units, shape.heads * shape.states * shape.width);
  states = temporary;
  grads = e.at(states, numbers);
  dots = e.at(grads, numbers);
  sumRows = e.at(dots, e.mul(units, plan.blocks()));
}

Value SsdBorders::dotOf(Value unit, Value head, Value slice) {
  return e.at(dots, e.add(e.mul(unit, plan.blocks()), e.add(e.mul(head, plan.slices()), slice)));
}

Value SsdBorders::dot(Value unit, Value head) {
  Value sum = e.number(0);
  for (int64_t slice = 0; slice < plan.slices(); ++slice) {
    sum = e.addf(sum, e.load(dotOf(unit, head, e.index(slice))));
  }
  return sum;
}

// A block goes through the chunks of a slice of a head, forward with the state or backward with its gradient.
static void emitSweep(KernelWriter &writer, kernel::SsdGradOp op, const SsdPlan &plan, unsigned tensors, bool forward) {
  const SsdShape &shape = plan.shape;
  Grid grid{*shape.space.getSequences().times(SymbolicDim::constant(plan.blocks()))};
  writer.step(op.getLoc(), tensors, grid, blockThreads, [&](KernelWriter::Step &s) {
    SsdBlock a(writer, s, plan, ArrayRef(s.pointers).drop_front(), op->getOperands().drop_front());
    ThreadEmitter &e = s.e;
    SsdBorders borders(e, plan, s.pointers.back());
    Memory grad{s.pointers[0], {}, cast<RankedTensorType>(op.getGrad().getType()).getElementType(), true};
    SsdBlock::Tile left = a.allocate(shape.chunk, shape.states), right = a.allocate(shape.chunk, a.columns());
    a.allocateSteps();
    a.setSlice(e.blockX);
    auto state = a.product(shape.states, a.columns());
    Value chunks = plan.units().perSequence(e), last = e.sub(chunks, e.index(1));
    Value columns = a.columnsOfSlice();
    e.loop(e.index(0), chunks, 1, state->zeros(), [&](Value n, ValueRange carried) {
      Value number = forward ? n : e.sub(last, n), unit = e.add(e.mul(a.sequence, chunks), number);
      Value border = forward ? borders.state(unit, a.head) : borders.grad(unit, a.head);
      auto placeOf = [&](Value row, Value column) { return e.add(e.mul(row, shape.width), e.add(a.firstColumn, column)); };
      state->visit(carried, [&](Value row, Value column, ArrayRef<Value> neighbours) {
        for (auto [next, value] : llvm::enumerate(neighbours)) {
          Value p = e.add(column, next);
          Value exists = arith::AndIOp::create(e.b, e.less(row, e.index(shape.states)), e.less(p, columns));
          e.when(exists, [&, value = value] { e.store(value, e.at(border, placeOf(row, p))); });
        }
      });
      if (!forward) {
        // Behind the last chunk the gradient is zero, and so it is where there is no such number.
        Value after = borders.state(e.add(e.mul(a.sequence, chunks), e.min(e.add(number, 1), last)), a.head);
        Value dot = e.sumOfBlock(state->total(carried, [&](Value row, Value column, Value value) {
          Value exists = arith::AndIOp::create(e.b, e.less(row, e.index(shape.states)), e.less(column, columns));
          return e.mulf(value, e.load(e.at(after, e.select(exists, placeOf(row, column), e.index(0)))));
        }));
        Value slice = e.div(a.firstColumn, plan.slice);
        e.when(e.equal(e.thread, e.index(0)), [&] { e.store(dot, borders.dotOf(unit, a.head, slice)); });
      }
      a.setChunk(number);
      a.bringSteps();
      a.bring(a.rowsOf(forward ? SsdBlock::B : SsdBlock::C), left);
      SsdBlock::Rows rows = forward ? a.rowsOf(SsdBlock::Input) : a.featuresOf(grad);
      rows.factors = forward ? a.steps.update : a.steps.in;
      a.bring(rows, right);
      auto next = a.scaleAll(carried, a.wholeDecay());
      e.barrier();
      next = state->multiply(next, left.byColumns(), right.byColumns(), left.rows);
      e.barrier();
      return next;
    });
  });
}

void cuda::emitSsdBorders(KernelWriter &writer, kernel::SsdGradOp op, const SsdPlan &plan, unsigned tensors) {
  emitSweep(writer, op, plan, tensors, /*forward=*/true);
  emitSweep(writer, op, plan, tensors, /*forward=*/false);
}
