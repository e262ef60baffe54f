// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of the kernel ops, and the shapes of their values.
#include "dialects/Kernel/IR/KernelOps.h"

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

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

LogicalResult kernel::LoadOp::verify() {
  auto type = cast<RankedTensorType>(getTensor().getType());
  // load_c1
  if (static_cast<int64_t>(getIndices().size()) != type.getRank()) {
    return emitOpError("expects one index per dimension of 'tensor' (")
           << type.getRank() << "), but got " << getIndices().size();
  }
  // load_c2
  if (getType() != type.getElementType()) {
    return emitOpError("expects the result to have the element type of 'tensor' (")
           << type.getElementType() << "), but got " << getType();
  }
  return success();
}

// Arguments are `tensors` in order, then five indices; the terminator yields `yields` values.
static LogicalResult verifyRowProgram(Operation *op, StringRef name, Region &region, TypeRange tensors, unsigned yields) {
  Block &body = region.front();
  if (body.getNumArguments() != tensors.size() + 5) {
    return op->emitOpError("expects '") << name << "' to have " << tensors.size() + 5 << " arguments, but got "
                                        << body.getNumArguments();
  }
  for (auto [index, type] : llvm::enumerate(tensors)) {
    if (body.getArgument(index).getType() != type) {
      return op->emitOpError("expects argument ") << index << " of '" << name << "' to be " << type << ", but got "
                                                  << body.getArgument(index).getType();
    }
  }
  for (BlockArgument index : body.getArguments().take_back(5)) {
    if (!index.getType().isIndex()) {
      return op->emitOpError("expects the last five arguments of '") << name << "' to be indices, but got "
                                                                     << index.getType();
    }
  }
  auto yield = dyn_cast<YieldOp>(body.getTerminator());
  if (!yield || yield.getValues().size() != yields) {
    return op->emitOpError("expects '") << name << "' to yield " << yields << " values, but got "
                                        << (yield ? yield.getValues().size() : 0);
  }
  return success();
}

static LogicalResult verifySegments(Operation *op, int64_t columns, int64_t segments, int64_t width) {
  if (segments < 1 || width < 1 || segments * width < columns || (segments - 1) * width >= columns) {
    return op->emitOpError("expects 'segments' x 'width' to just cover 'columns' (")
           << columns << "), but got " << segments << " x " << width;
  }
  return success();
}

LogicalResult RowsOp::verify() {
  if (failed(verifyRowProgram(*this, "body", getBody(), getInputs().getTypes(), getNumResults()))) {
    return failure(); // rows_c1, rows_c2
  }
  return verifySegments(*this, getColumns(), getSegments(), getWidth()); // rows_c3
}

LogicalResult PackRowsOp::verify() {
  if (failed(verifyRowProgram(*this, "body", getBody(), getInputs().getTypes(), 1))) {
    return failure();
  }
  return verifySegments(*this, getColumns(), getSegments(), getWidth());
}

LogicalResult PackOp::verify() {
  auto weight = cast<RankedTensorType>(getWeight().getType()), packed = cast<RankedTensorType>(getType());
  int64_t n = weight.getDimSize(getTransposed() ? 1 : 0), c = weight.getDimSize(getTransposed() ? 0 : 1);
  // pack_c1
  if (packed.getShape() != ArrayRef<int64_t>{ceilDiv(n, panelWidth), c, panelWidth}) {
    return emitOpError("expects the result to have shape [")
           << ceilDiv(n, panelWidth) << ", " << c << ", " << panelWidth << "], but got " << packed;
  }
  return success();
}

LogicalResult GemmOp::verify() {
  if (failed(verifyRowProgram(*this, "prologue", getPrologue(), getInputs().getTypes(), 1))) {
    return failure(); // gemm_c1
  }
  SmallVector<Type> epilogueTypes{getEpilogue().front().getArgument(0).getType()};
  llvm::append_range(epilogueTypes, getEpilogueInputs().getTypes());
  if (failed(verifyRowProgram(*this, "epilogue", getEpilogue(), epilogueTypes, getNumResults()))) {
    return failure(); // gemm_c2
  }
  // gemm_c3
  auto packed = cast<RankedTensorType>(getPacked().getType());
  int64_t depth = getDepth(), columns = getColumns();
  if (packed.getShape() != ArrayRef<int64_t>{ceilDiv(columns, panelWidth), depth, panelWidth}) {
    return emitOpError("expects 'packed' to have shape [")
           << ceilDiv(columns, panelWidth) << ", " << depth << ", " << panelWidth << "], but got " << packed;
  }
  if (failed(verifySegments(*this, depth, getPrologueSegments(), getPrologueWidth()))) {
    return failure();
  }
  return verifySegments(*this, columns, getSegments(), getWidth());
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

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
  return {SymbolicDim{scale(rows.one) + columns, scale(rows.m), scale(rows.b), scale(rows.bm)}, SymbolicDim::constant(1)};
}

SymbolicShape kernel::shapeOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.hasStaticShape()) {
    return spaceShape({}, type);
  }
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    // Ids and masks: [B, M * inner].
    auto module = argument.getOwner()->getParentOp()->getParentOfType<ModuleOp>();
    int64_t inner = 1;
    if (auto attr = module->getAttrOfType<IntegerAttr>("mblm.inner")) {
      inner = attr.getInt();
    }
    return {SymbolicDim::batch(), SymbolicDim{0, inner, 0, 0}};
  }
  auto result = cast<OpResult>(value);
  Operation *op = result.getOwner();
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
        SymbolicDim elements{(rows.one + packRows) * width, rows.m * width, rows.b * width, rows.bm * width};
        return SymbolicShape{elements, SymbolicDim::constant(1)};
      })
      .Case<AttentionOp, AttentionGradOp, CrossEntropyOp, CrossEntropyGradOp, RopeTableOp, ViewOp>(
          [&](auto anchored) {
            if (isa<RopeTableOp>(op)) {
              return SymbolicShape{anchored.getSpace().getPositions(), SymbolicDim::constant(type.getDimSize(1))};
            }
            return spaceShape(anchored.getSpace(), type);
          });
}
