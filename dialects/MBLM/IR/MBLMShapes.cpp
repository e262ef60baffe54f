// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes of results as linear forms.
#include "dialects/MBLM/IR/MBLMOps.h"
#include "dialects/MBLM/IR/ShapeInference.h"

using namespace mlir;
using namespace mblm;

using Shapes = ArrayRef<SymbolicShape>;
using Results = SmallVectorImpl<SymbolicShape>;

// The dimensions of a static tensor type.
static SymbolicShape staticShape(Type type) {
  SymbolicShape shape;
  for (int64_t size : cast<RankedTensorType>(type).getShape()) {
    shape.push_back(SymbolicDim::constant(size));
  }
  return shape;
}

// K and T of `rows` with the (static) width of `type`.
static SymbolicShape withWidth(const SymbolicShape &rows, Type type) {
  return {rows[0], rows[1], SymbolicDim::constant(cast<RankedTensorType>(type).getDimSize(2))};
}

static SymbolicShape withPositions(const SymbolicShape &shape, int64_t more) {
  SymbolicShape result = shape;
  result[1] = result[1] + SymbolicDim::constant(more);
  return result;
}

// Splits `total` elements into [K, T (, C)] as the type says; where K and T are both dynamic, K = B.
static LogicalResult dealRows(SymbolicDim total, RankedTensorType type, Results &results) {
  std::optional<SymbolicDim> rows = total;
  if (type.getRank() == 3) {
    rows = rows->dividedBy(SymbolicDim::constant(type.getDimSize(2)));
  }
  bool freeSequences = type.isDynamicDim(0), freePositions = type.isDynamicDim(1);
  SymbolicDim sequences = SymbolicDim::batch(), positions = SymbolicDim::constant(freePositions ? 0 : type.getDimSize(1));
  if (!freeSequences) {
    sequences = SymbolicDim::constant(type.getDimSize(0));
  }
  if (rows && freePositions) {
    auto quotient = rows->dividedBy(sequences);
    if (!quotient) {
      return failure();
    }
    positions = *quotient;
  } else if (rows && freeSequences) {
    auto quotient = rows->dividedBy(positions);
    if (!quotient) {
      return failure();
    }
    sequences = *quotient;
  }
  if (!rows || sequences.times(positions) != rows) {
    return failure();
  }
  SymbolicShape shape{sequences, positions};
  if (type.getRank() == 3) {
    shape.push_back(SymbolicDim::constant(type.getDimSize(2)));
  }
  results.push_back(shape);
  return success();
}

LogicalResult LoadOp::inferSymbolicShapes(Shapes, Results &results) {
  results.push_back(staticShape(getType()));
  return success();
}

LogicalResult RegroupOp::inferSymbolicShapes(Shapes operands, Results &results) {
  auto total = numElements(operands[0]);
  return total ? dealRows(*total, cast<RankedTensorType>(getType()), results) : failure();
}

LogicalResult StartTokenOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back(withPositions(operands[0], 1));
  return success();
}

LogicalResult StartOp::inferSymbolicShapes(Shapes, Results &results) {
  SymbolicShape shape = staticShape(getType());
  if (getType().isDynamicDim(0)) {
    shape[0] = SymbolicDim::batch();
  }
  results.push_back(shape);
  return success();
}

LogicalResult SliceOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back(withPositions(operands[0], -static_cast<int64_t>(getBefore() + getAfter())));
  return success();
}

LogicalResult PadOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back(withPositions(operands[0], getBefore() + getAfter()));
  return success();
}

LogicalResult NextByteOp::inferSymbolicShapes(Shapes operands, Results &results) {
  const SymbolicShape &in = operands[0];
  auto perSequence = in[0].dividedBy(SymbolicDim::batch());
  auto positions = perSequence ? perSequence->times(in[1] + SymbolicDim::constant(-1)) : std::nullopt;
  if (!positions) {
    return failure();
  }
  results.push_back({SymbolicDim::batch(), *positions, in[2]});
  return success();
}

LogicalResult NextByteGradOp::inferSymbolicShapes(Shapes operands, Results &results) {
  const SymbolicShape &grad = operands[0];
  int64_t patch = getType().getDimSize(1) - 1;
  auto rows = grad[0].times(grad[1]);
  auto sequences = rows ? rows->dividedBy(SymbolicDim::constant(patch)) : std::nullopt;
  if (!sequences) {
    return failure();
  }
  results.push_back({*sequences, SymbolicDim::constant(patch + 1), grad[2]});
  return success();
}

LogicalResult SplitOp::inferSymbolicShapes(Shapes operands, Results &results) {
  SymbolicShape rest = operands[0];
  for (Value result : getResults()) {
    auto type = cast<RankedTensorType>(result.getType());
    if (!getPositions()) {
      results.push_back(withWidth(rest, type));
      continue;
    }
    SymbolicDim length = result == getResults().back() ? rest[1] : SymbolicDim::constant(type.getDimSize(1));
    results.push_back({rest[0], length, rest[2]});
    rest[1] = rest[1] + length.scaled(-1);
  }
  return success();
}

LogicalResult ConcatOp::inferSymbolicShapes(Shapes operands, Results &results) {
  SymbolicShape shape = withWidth(operands[0], getType());
  for (const SymbolicShape &other : operands.drop_front(getPositions() ? 1 : operands.size())) {
    shape[1] = shape[1] + other[1];
  }
  results.push_back(shape);
  return success();
}

LogicalResult PiecesOp::inferSymbolicShapes(Shapes, Results &results) {
  func::FuncOp function = getFunction();
  for (unsigned n = 0; n < getNumResults(); ++n) {
    auto perSlot = function ? function.getResultAttrOfType<IntegerAttr>(n, perSlotAttrName) : IntegerAttr();
    if (!perSlot) {
      return failure();
    }
    results.push_back(slotShape(cast<RankedTensorType>(getResult(n).getType()), perSlot.getInt()));
  }
  return success();
}

LogicalResult EmbedOp::inferSymbolicShapes(Shapes operands, Results &results) {
  auto positions = operands[0][1].dividedBy(SymbolicDim::constant(getBytes()));
  if (!positions) {
    return failure();
  }
  results.push_back({operands[0][0], *positions, SymbolicDim::constant(getType().getDimSize(2))});
  return success();
}

LogicalResult EmbedGradOp::inferSymbolicShapes(Shapes, Results &results) {
  results.push_back(staticShape(getType()));
  return success();
}

LogicalResult EmbedBagOp::inferSymbolicShapes(Shapes operands, Results &results) {
  auto positions = operands[0][1].dividedBy(SymbolicDim::constant(getBag()));
  if (!positions) {
    return failure();
  }
  results.push_back({operands[0][0], *positions, SymbolicDim::constant(getType().getDimSize(2))});
  return success();
}

LogicalResult EmbedBagGradOp::inferSymbolicShapes(Shapes, Results &results) {
  results.push_back(staticShape(getType()));
  return success();
}

LogicalResult LinearOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back(withWidth(operands[0], getType()));
  return success();
}

LogicalResult WeightGradOp::inferSymbolicShapes(Shapes, Results &results) {
  results.push_back(staticShape(getType()));
  return success();
}

LogicalResult NormGradOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back(operands[1]);
  results.push_back(operands[2]);
  if (getBiasGrad()) {
    results.push_back(operands[2]);
  }
  return success();
}

LogicalResult ReduceOp::inferSymbolicShapes(Shapes, Results &results) {
  results.push_back(staticShape(getType()));
  return success();
}

LogicalResult AttentionOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back(operands[0]);
  results.push_back(withWidth(operands[0], getLse().getType()));
  return success();
}

LogicalResult AttentionGradOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.append(3, operands[1]);
  return success();
}

LogicalResult HiddenKeysOp::inferSymbolicShapes(Shapes operands, Results &results) {
  auto positions = operands[0][1].dividedBy(SymbolicDim::constant(getBytes()));
  if (!positions) {
    return failure();
  }
  results.push_back({operands[0][0], *positions});
  return success();
}

LogicalResult LeadOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back(withPositions(operands[0], getCount()));
  return success();
}

// `numbers` ids for each one of `ids`.
static LogicalResult severalForEach(const SymbolicShape &ids, int64_t numbers, Results &results) {
  results.push_back({ids[0], ids[1].scaled(numbers)});
  return success();
}

LogicalResult NgramRowsOp::inferSymbolicShapes(Shapes operands, Results &results) {
  return severalForEach(operands[0], perPosition(), results);
}

LogicalResult VisibleBytesOp::inferSymbolicShapes(Shapes operands, Results &results) {
  return severalForEach(withPositions(operands[0], -static_cast<int64_t>(getSkip())), 2, results);
}

LogicalResult VisiblePatchesOp::inferSymbolicShapes(Shapes operands, Results &results) {
  return severalForEach(operands[1], 2, results);
}

LogicalResult PatchBytesOp::inferSymbolicShapes(Shapes operands, Results &results) {
  return severalForEach(operands[0], 2 * getRows(), results);
}

LogicalResult BytePatchesOp::inferSymbolicShapes(Shapes operands, Results &results) {
  return severalForEach(operands[1], 2, results);
}

// [K, R, C] with the R positions of which `ranges` are the ranges.
static LogicalResult inRanges(const SymbolicShape &input, const SymbolicShape &ranges, Results &results) {
  auto positions = ranges[1].dividedBy(SymbolicDim::constant(2));
  if (!positions) {
    return failure();
  }
  results.push_back({input[0], *positions, input[2]});
  return success();
}

LogicalResult PoolOp::inferSymbolicShapes(Shapes operands, Results &results) {
  return inRanges(operands[0], operands[1], results);
}

LogicalResult PoolGradOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back(operands[1]);
  return success();
}

LogicalResult SpreadOp::inferSymbolicShapes(Shapes operands, Results &results) {
  return inRanges(operands[0], operands[1], results);
}

LogicalResult RangedAttentionOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back(operands[0]);
  results.push_back(withWidth(operands[0], getLse().getType()));
  return success();
}

LogicalResult RangedAttentionGradOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.append({operands[1], operands[2], operands[2]});
  return success();
}

LogicalResult EntropyOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back({operands[0][0], operands[0][1]});
  return success();
}

LogicalResult CausalConvWeightGradOp::inferSymbolicShapes(Shapes, Results &results) {
  results.push_back(staticShape(getType()));
  return success();
}

// Each gradient has the shape of the operand it belongs to; the one of the gate comes last.
LogicalResult SelectiveScanGradOp::inferSymbolicShapes(Shapes operands, Results &results) {
  for (unsigned operand : {1, 2, 3, 4, 5, 6}) {
    results.push_back(operands[operand]);
  }
  if (getGate()) {
    results.push_back(operands[7]);
  }
  return success();
}

LogicalResult SsdGradOp::inferSymbolicShapes(Shapes operands, Results &results) {
  for (unsigned operand : {1, 2, 3, 4, 5, 6, 7}) {
    results.push_back(operands[operand]);
  }
  return success();
}

LogicalResult CrossEntropyOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.append(2, {operands[0][0], operands[0][1]});
  return success();
}

LogicalResult CrossEntropyGradOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back(operands[1]);
  return success();
}

LogicalResult MeanLossOp::inferSymbolicShapes(Shapes, Results &results) {
  results.append(3, SymbolicShape());
  return success();
}

LogicalResult MeanLossGradOp::inferSymbolicShapes(Shapes operands, Results &results) {
  SymbolicShape shape = operands[2];
  shape[1] = shape[1] + SymbolicDim::constant(-static_cast<int64_t>(getOffset()));
  results.push_back(shape);
  return success();
}

// Ops that keep their first operand's shape.
#define SAME_SHAPE(OP)                                                                                                 \
  LogicalResult OP::inferSymbolicShapes(Shapes operands, Results &results) {                                           \
    results.push_back(operands[0]);                                                                                    \
    return success();                                                                                                  \
  }
SAME_SHAPE(PositionOp)
SAME_SHAPE(NormOp)
SAME_SHAPE(ActivationOp)
SAME_SHAPE(ActivationGradOp)
SAME_SHAPE(DropoutOp)
SAME_SHAPE(AddOp)
SAME_SHAPE(MultiplyOp)
SAME_SHAPE(TokenShiftOp)
SAME_SHAPE(RopeOp)
SAME_SHAPE(CausalConvOp)
SAME_SHAPE(SelectiveScanOp)
SAME_SHAPE(SsdOp)
#undef SAME_SHAPE
