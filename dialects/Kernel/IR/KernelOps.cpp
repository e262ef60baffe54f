// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shapes of the kernel ops' values, and the indices of row programs.
#include "dialects/Kernel/IR/KernelOps.h"

#include "dialects/MBLM/IR/ShapeInference.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

RowIndices kernel::rowIndices(Block &body) {
  unsigned first = body.getNumArguments() - 5;
  return {body.getArgument(first), body.getArgument(first + 1), body.getArgument(first + 2), body.getArgument(first + 3),
          body.getArgument(first + 4)};
}

Value kernel::positionsOf(OpBuilder &builder, Location loc, const SymbolicDim &positions) {
  Value sum = arith::ConstantIndexOp::create(builder, loc, positions.one);
  if (positions.m) {
    Value factor = arith::ConstantIndexOp::create(builder, loc, positions.m);
    Value slots = SlotsOp::create(builder, loc, builder.getIndexType());
    sum = arith::AddIOp::create(builder, loc, sum, arith::MulIOp::create(builder, loc, slots, factor));
  }
  return sum;
}

static SymbolicShape spaceShape(SpaceAttr space, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  SymbolicShape shape;
  if (tensor.hasStaticShape()) {
    for (int64_t size : tensor.getShape()) {
      shape.push_back(SymbolicDim::constant(size));
    }
    return shape;
  }
  shape = {space.getSequences(), space.getPositions()};
  if (tensor.getRank() == 3) {
    shape.push_back(SymbolicDim::constant(tensor.getDimSize(2)));
  }
  return shape;
}

// [blocks, C], generously: the form bounds ceil(rows / 64) * C, not each factor.
static SymbolicShape blockSumShape(SpaceAttr space, int64_t columns) {
  SymbolicDim rows = *space.getSequences().times(space.getPositions());
  auto scale = [&](int64_t n) { return ceilDiv(n * columns, blockRows); };
  return {rows.mapped(scale) + SymbolicDim::constant(columns), SymbolicDim::constant(1)};
}

SymbolicShape kernel::shapeOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.hasStaticShape()) {
    return spaceShape({}, type);
  }
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
    // Entries have no others; rows in tests of single ops are the outermost stage's.
    return argumentShape(function, argument.getArgNumber())
        .value_or(SymbolicShape{SymbolicDim::batch(), SymbolicDim::slots(), SymbolicDim::constant(type.getShape().back())});
  }
  auto result = cast<OpResult>(value);
  Operation *op = result.getOwner();
  if (auto pieces = dyn_cast<PiecesOp>(op)) {
    SmallVector<SymbolicShape> shapes;
    (void)pieces.inferSymbolicShapes({}, shapes);
    return shapes[result.getResultNumber()];
  }
  auto sums = [&](ArrayRef<int64_t> listed) { return llvm::is_contained(listed, result.getResultNumber()); };
  return llvm::TypeSwitch<Operation *, SymbolicShape>(op)
      .Case<RowsOp, GemmOp>([&](auto rows) {
        return sums(rows.getBlockSums()) ? blockSumShape(rows.getSpace(), type.getDimSize(1))
                                         : spaceShape(rows.getSpace(), type);
      })
      .Case([&](PackRowsOp pack) {
        SymbolicDim rows = *pack.getSpace().getSequences().times(pack.getSpace().getPositions());
        // The form bounds ceil(rows / 256) * 256 rows.
        int64_t width = ceilDiv(pack.getColumns(), panelWidth) * panelWidth;
        return SymbolicShape{(rows + SymbolicDim::constant(packRows)).scaled(width), SymbolicDim::constant(1)};
      })
      .Case([&](SsdGradOp grad) {
        SymbolicShape shape = spaceShape(grad.getSpace(), type);
        bool perSequence = type.getDimSize(1) == 1 && result.getResultNumber() >= 4;
        return perSequence ? SymbolicShape{shape[0], SymbolicDim::constant(1), shape[2]} : shape;
      })
      .Case([&](IntegersOp integers) { return spaceShape(integers.getResultSpace(), type); })
      .Case([&](PoolGradOp grad) { return spaceShape(grad.getInputSpace(), type); })
      .Case([&](RangedAttentionGradOp grad) {
        return spaceShape(result.getResultNumber() == 0 ? grad.getSpace() : grad.getKeySpace(), type);
      })
      .Case<PoolOp, RangedAttentionOp>([&](auto ranged) { return spaceShape(ranged.getSpace(), type); })
      .Case<StateOp, ScanStepOp, SsdStepOp, AttentionOp, CachedAttentionOp, AttentionGradOp, ScanOp, ScanGradOp, SsdOp, PrefixOp, PrefixGradOp,
            CrossEntropyOp, CrossEntropyGradOp, RopeTableOp, ViewOp>(
          [&](auto anchored) {
            if (isa<RopeTableOp>(op)) {
              return SymbolicShape{anchored.getSpace().getPositions(), SymbolicDim::constant(type.getDimSize(1))};
            }
            return spaceShape(anchored.getSpace(), type);
          });
}
