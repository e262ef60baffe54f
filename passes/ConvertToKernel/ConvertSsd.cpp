// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mamba-2's recurrence. Its operands are parts of what a convolution and a linear map made: they are read where they lie.
#include "passes/ConvertToKernel/Converter.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

namespace {
struct Reads {
  Value input, dt, b, c;
  SmallVector<int64_t, 4> offsets;
};
} // namespace

// Looks through splits, which are still `mblm` ops where they wait for the recurrence.
template <typename OpT>
static Reads readThroughSplits(OpT op, bool fuse) {
  Reads reads{op.getInput(), op.getDt(), op.getB(), op.getC(), {}};
  for (Value *source : {&reads.input, &reads.dt, &reads.b, &reads.c}) {
    int64_t offset = 0;
    auto split = source->getDefiningOp<SplitOp>();
    if (fuse && split) {
      for (Value part : split.getResults().take_front(cast<OpResult>(*source).getResultNumber())) {
        offset += widthOf(part);
      }
      *source = split.getInput();
    }
    reads.offsets.push_back(offset);
  }
  return reads;
}

void Converter::convertSsd(mblm::SsdOp op) {
  Reads reads = readThroughSplits(op, fuse);
  int64_t heads = widthOf(op.getDt()), groups = op.getGroups();
  auto ssd = kernel::SsdOp::create(builder, op->getLoc(), op.getType(), reads.input, reads.dt, reads.b, reads.c, op.getDtBias(),
                                   op.getALog(), op.getSkip(), spaceOf(resultShape(op)), reads.offsets, heads,
                                   widthOf(op.getInput()) / heads, groups, widthOf(op.getB()) / groups, op.getChunk(),
                                   op.getDtMin(), op.getDtMax());
  replace(op, ssd.getResult());
}

// The sum over the parts that lie side by side in each group of columns.
static Value sumParts(OpBuilder &builder, Location loc, SpaceAttr space, Value parts, Type type, int64_t groups, int64_t count) {
  if (count == 1) {
    return parts;
  }
  int64_t columns = cast<RankedTensorType>(type).getShape().back(), width = columns / groups;
  auto rows = buildRows(builder, loc, space, {columns, groups, width}, parts, type, [&](RowBody &r) {
    Value first = r.times(r.at.segment, r.index(count * width)), sum;
    for (int64_t n = 0; n < count; ++n) {
      Value part = r.load(0, {r.at.sequence, r.at.position, r.plus(r.plus(first, n * width), r.at.offset)});
      sum = sum ? r.add(sum, part) : part;
    }
    return SmallVector<Value>{sum};
  });
  return rows.getResult(0);
}

void Converter::convertSsdGrad(mblm::SsdGradOp op) {
  Location loc = op->getLoc();
  Reads reads = readThroughSplits(op, fuse);
  int64_t heads = widthOf(op.getDt()), groups = op.getGroups(), states = widthOf(op.getB()) / groups;
  int64_t parts = ssdParts(heads, groups);
  SymbolicShape shape = resultShape(op);
  SpaceAttr space = spaceOf(shape), rows = spaceOf(shape[0], SymbolicDim::constant(1));
  auto b = cast<RankedTensorType>(op.getB().getType());
  Type bParts = RankedTensorType::get({b.getDimSize(0), b.getDimSize(1), groups * parts * states}, b.getElementType());
  auto perSequence = [&](Value parameter) {
    return RankedTensorType::get({b.getDimSize(0), 1, widthOf(parameter)}, b.getElementType());
  };
  auto grads = kernel::SsdGradOp::create(
      builder, loc, op.getInputGrad().getType(), op.getDtGrad().getType(), bParts, bParts, perSequence(op.getALog()),
      perSequence(op.getDtBias()), perSequence(op.getSkip()), op.getGrad(), reads.input, reads.dt, reads.b, reads.c,
      op.getDtBias(), op.getALog(), op.getSkip(), space, reads.offsets, heads, widthOf(op.getInput()) / heads, groups, states,
      op.getChunk(), op.getDtMin(), op.getDtMax());
  op.getInputGrad().replaceAllUsesWith(grads.getInputGrad());
  op.getDtGrad().replaceAllUsesWith(grads.getDtGrad());
  op.getBGrad().replaceAllUsesWith(sumParts(builder, loc, space, grads.getBGrad(), b, groups, parts));
  op.getCGrad().replaceAllUsesWith(sumParts(builder, loc, space, grads.getCGrad(), b, groups, parts));
  for (auto [grad, sums] : {std::pair<Value, Value>{op.getALogGrad(), grads.getALogSums()},
                            {op.getDtBiasGrad(), grads.getDtBiasSums()},
                            {op.getSkipGrad(), grads.getSkipSums()}}) {
    standIn(grad, Parts{sums, rows, false});
  }
  converted.push_back(op);
}
