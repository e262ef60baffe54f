// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// DifferentiableOpInterface: every op's vector-Jacobian product, in ops of the same dialect, and whether its results
// are better computed again than kept. Operands are read as they stand in the forward pass; who calls decides which of
// them are recomputed.
#include "dialects/MBLM/IR/MBLMOps.h"

using namespace mlir;
using namespace mblm;

namespace {

LogicalResult refuseGradient(Operation *op, StringRef result) {
  return op->emitOpError("has no gradient through its result '") << result << "', but something depends on it";
}

} // namespace

//===----------------------------------------------------------------------===//
// Structure
//===----------------------------------------------------------------------===//

bool RegroupOp::isCheapToRecompute() { return true; }

// The same rows, dealt back.
LogicalResult RegroupOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  operandGrads.push_back(RegroupOp::create(builder, getLoc(), getInput().getType(), resultGrads[0]));
  return success();
}

bool StartTokenOp::isCheapToRecompute() { return true; }

LogicalResult StartTokenOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  operandGrads.push_back(
      SliceOp::create(builder, getLoc(), getInput().getType(), resultGrads[0], /*before=*/1, /*after=*/0));
  operandGrads.push_back(ReduceOp::create(builder, getLoc(), getStart().getType(), resultGrads[0], ReduceOver::Starts));
  return success();
}

bool StartOp::isCheapToRecompute() { return true; }

LogicalResult StartOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  operandGrads.push_back(ReduceOp::create(builder, getLoc(), getStart().getType(), resultGrads[0], ReduceOver::Starts));
  return success();
}

bool SliceOp::isCheapToRecompute() { return true; }

LogicalResult SliceOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  operandGrads.push_back(
      PadOp::create(builder, getLoc(), getInput().getType(), resultGrads[0], getBeforeAttr(), getAfterAttr()));
  return success();
}

bool NextByteOp::isCheapToRecompute() { return true; }

LogicalResult NextByteOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  operandGrads.push_back(NextByteGradOp::create(builder, getLoc(), getInput().getType(), resultGrads[0]));
  return success();
}

bool SplitOp::isCheapToRecompute() { return true; }

LogicalResult SplitOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  for (auto [number, grad] : llvm::enumerate(resultGrads)) {
    if (!grad) {
      return emitOpError("needs a gradient for each result to have one itself, but nothing depends on result ")
             << number;
    }
  }
  operandGrads.push_back(ConcatOp::create(builder, getLoc(), getInput().getType(), resultGrads, getPositions()));
  return success();
}

bool ConcatOp::isCheapToRecompute() { return true; }

LogicalResult ConcatOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  auto parts = SplitOp::create(builder, getLoc(), getInputs().getTypes(), resultGrads[0], getPositions());
  operandGrads.append(parts->result_begin(), parts->result_end());
  return success();
}

// @f_grad stands beside @f: the pass that sweeps backwards makes it.
LogicalResult PiecesOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  SmallVector<Value> inputs(getInputs());
  for (auto [number, grad] : llvm::enumerate(resultGrads)) {
    if (!grad) {
      return emitOpError("needs a gradient for each result to have one itself, but nothing depends on result ")
             << number;
    }
    inputs.push_back(grad);
  }
  auto isIds = [](Value value) { return cast<RankedTensorType>(value.getType()).getElementType().isInteger(32); };
  SmallVector<Type> types;
  for (Value input : getInputs()) {
    if (!isIds(input)) {
      types.push_back(input.getType());
    }
  }
  auto grads = PiecesOp::create(builder, getLoc(), types, (getCallee() + "_grad").str(), inputs);
  auto next = grads->result_begin();
  for (Value input : getInputs()) {
    operandGrads.push_back(isIds(input) ? Value() : Value(*next++));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Single positions
//===----------------------------------------------------------------------===//

bool EmbedOp::isCheapToRecompute() { return true; }

LogicalResult EmbedOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  operandGrads.push_back({}); // ids
  operandGrads.push_back(EmbedGradOp::create(builder, getLoc(), getTable().getType(), getIds(), resultGrads[0],
                                             getBytesAttr(), getSkipAttr()));
  return success();
}

bool EmbedBagOp::isCheapToRecompute() { return false; }

LogicalResult EmbedBagOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  operandGrads.push_back({}); // ids
  operandGrads.push_back(
      EmbedBagGradOp::create(builder, getLoc(), getTable().getType(), getIds(), resultGrads[0], getBagAttr()));
  return success();
}

bool PositionOp::isCheapToRecompute() { return true; }

LogicalResult PositionOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  if (getOrigin()) {
    return emitOpError("expects no 'origin' where a gradient is asked for: steps are not trained");
  }
  operandGrads.push_back(resultGrads[0]);
  operandGrads.push_back(ReduceOp::create(builder, getLoc(), getTable().getType(), resultGrads[0], ReduceOver::Batch));
  return success();
}

// y = x W^T + b:  dx = dy W,  dW = dy^T x,  db = sum dy.  Transposed, y = x W + b:  dx = dy W^T,  dW = x^T dy.
LogicalResult LinearOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  Value grad = resultGrads[0];
  bool transposed = getTransposed();
  operandGrads.push_back(LinearOp::create(builder, getLoc(), getInput().getType(), grad, getWeight(), /*bias=*/Value(),
                                          /*transposed=*/!transposed));
  operandGrads.push_back(WeightGradOp::create(builder, getLoc(), getWeight().getType(), transposed ? getInput() : grad,
                                              transposed ? grad : getInput()));
  if (getBias()) {
    operandGrads.push_back(ReduceOp::create(builder, getLoc(), getBias().getType(), grad, ReduceOver::Rows));
  }
  return success();
}

bool NormOp::isCheapToRecompute() { return true; }

LogicalResult NormOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  auto grads = NormGradOp::create(builder, getLoc(), getInput().getType(), getGain().getType(),
                                  getBias() ? getBias().getType() : Type(), resultGrads[0], getInput(), getGain(),
                                  getKindAttr(), getEpsAttr(), getGroupsAttr());
  operandGrads.append(grads->result_begin(), grads->result_end());
  return success();
}

bool ActivationOp::isCheapToRecompute() { return true; }

LogicalResult ActivationOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  operandGrads.push_back(ActivationGradOp::create(builder, getLoc(), resultGrads[0], getInput(), getKindAttr()));
  return success();
}

bool DropoutOp::isCheapToRecompute() { return true; }

// The same elements are kept.
LogicalResult DropoutOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  operandGrads.push_back(DropoutOp::create(builder, getLoc(), resultGrads[0], getKey(), getRateAttr(), getSiteAttr()));
  operandGrads.push_back({}); // key
  return success();
}

// A residual sum stands for the whole chain of sums below it: computing the last one again would keep every link alive.
bool AddOp::isCheapToRecompute() { return false; }

LogicalResult AddOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  operandGrads.append(2, resultGrads[0]);
  return success();
}

bool MultiplyOp::isCheapToRecompute() { return true; }

LogicalResult MultiplyOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  operandGrads.push_back(MultiplyOp::create(builder, getLoc(), resultGrads[0], getRhs()));
  operandGrads.push_back(MultiplyOp::create(builder, getLoc(), resultGrads[0], getLhs()));
  return success();
}

//===----------------------------------------------------------------------===//
// Sequences
//===----------------------------------------------------------------------===//

bool TokenShiftOp::isCheapToRecompute() { return true; }

LogicalResult TokenShiftOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  operandGrads.push_back(TokenShiftOp::create(builder, getLoc(), resultGrads[0], /*reverse=*/!getReverse()));
  return success();
}

bool RopeOp::isCheapToRecompute() { return true; }

// A rotation's adjoint is the rotation back.
LogicalResult RopeOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  UnitAttr inverse = getInverse() ? UnitAttr() : builder.getUnitAttr();
  operandGrads.push_back(
      RopeOp::create(builder, getLoc(), resultGrads[0], getHeadsAttr(), getPairingAttr(), getBaseAttr(), inverse,
                     getOriginAttr(), getRotatedAttr()));
  return success();
}

// Over few positions it costs little beside the linear maps around it, and its result is as large as theirs.
bool AttentionOp::isCheapToRecompute() {
  constexpr int64_t fewPositions = 32;
  int64_t positions = getQuery().getType().getDimSize(1);
  return !ShapedType::isDynamic(positions) && positions <= fewPositions;
}

LogicalResult AttentionOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  if (resultGrads[1]) {
    return refuseGradient(*this, "lse");
  }
  auto grads = AttentionGradOp::create(builder, getLoc(), resultGrads[0], getQuery(), getKey(), getValue(), getResult(),
                                       getLse(), getHidden(), getDropoutKey(), getHeadsAttr(), getScaleAttr(), getMaskAttr(),
                                       getBlockAttr(), getRateAttr(), getSiteAttr());
  operandGrads.append(grads->result_begin(), grads->result_end());
  operandGrads.resize(getNumOperands()); // hidden keys and dropout key have none
  return success();
}

// Of a sum every position gets its range's gradient, of a mean its part.
LogicalResult PoolOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  Value grad = resultGrads[0];
  if (!getOwners()) {
    return emitOpError("expects 'owners' where a gradient is asked for");
  }
  if (getKind() == PoolKind::Max || getKind() == PoolKind::Min) {
    operandGrads.push_back(PoolGradOp::create(builder, getLoc(), getInput().getType(), grad, getInput(), getResult(), getSpans(), getKind()));
  } else {
    operandGrads.push_back(SpreadOp::create(builder, getLoc(), getInput().getType(), grad, getOwners(), getSpans(),
                                            getKind() == PoolKind::Mean));
  }
  operandGrads.append(2, Value()); // ranges
  return success();
}

bool SpreadOp::isCheapToRecompute() { return true; }

LogicalResult SpreadOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  if (!getSpans()) {
    return emitOpError("expects 'spans' where a gradient is asked for");
  }
  operandGrads.push_back(PoolOp::create(builder, getLoc(), getInput().getType(), resultGrads[0], getSpans(), getOwners(),
                                        getMean() ? PoolKind::Mean : PoolKind::Sum));
  operandGrads.append(2, Value()); // ranges
  return success();
}

LogicalResult RangedAttentionOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  if (resultGrads[1]) {
    return refuseGradient(*this, "lse");
  }
  if (getPerRow() != 1) {
    return emitOpError("has no gradient with 'per_row': steps are not trained");
  }
  auto grads = RangedAttentionGradOp::create(builder, getLoc(), resultGrads[0], getQuery(), getKey(), getValue(), getResult(),
                                             getLse(), getRanges(), getHeadsAttr(), getKvHeadsAttr(), getScaleAttr());
  operandGrads.append(grads->result_begin(), grads->result_end());
  operandGrads.push_back({}); // ranges
  return success();
}

//===----------------------------------------------------------------------===//
// State spaces
//===----------------------------------------------------------------------===//

bool CausalConvOp::isCheapToRecompute() { return true; }

LogicalResult CausalConvOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  if (getReverse()) {
    return emitOpError("has no gradient with 'reverse': it is one itself");
  }
  Value grad = resultGrads[0];
  operandGrads.push_back(CausalConvOp::create(builder, getLoc(), grad, getWeight(), /*bias=*/Value(), /*reverse=*/true));
  operandGrads.push_back(CausalConvWeightGradOp::create(builder, getLoc(), getWeight().getType(), grad, getInput()));
  if (getBias()) {
    operandGrads.push_back(ReduceOp::create(builder, getLoc(), getBias().getType(), grad, ReduceOver::Rows));
  }
  return success();
}

LogicalResult SelectiveScanOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  auto grads = SelectiveScanGradOp::create(
      builder, getLoc(), getInput().getType(), getDelta().getType(), getALog().getType(), getB().getType(), getC().getType(),
      getSkip().getType(), getGate() ? getGate().getType() : Type(), resultGrads[0], getInput(), getDelta(), getALog(), getB(),
      getC(), getSkip(), getGate());
  operandGrads.append(grads->result_begin(), grads->result_end());
  return success();
}

LogicalResult SsdOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  auto grads = SsdGradOp::create(builder, getLoc(), resultGrads[0], getInput(), getDt(), getALog(), getB(), getC(), getSkip(),
                                 getDtBias(), getGroupsAttr(), getChunkAttr(), getDtMinAttr(), getDtMaxAttr());
  operandGrads.append(grads->result_begin(), grads->result_end());
  return success();
}

//===----------------------------------------------------------------------===//
// Training
//===----------------------------------------------------------------------===//

LogicalResult CrossEntropyOp::buildVjp(OpBuilder &builder, ValueRange resultGrads,
                                       SmallVectorImpl<Value> &operandGrads) {
  if (resultGrads[1]) {
    return refuseGradient(*this, "lse");
  }
  operandGrads.push_back(CrossEntropyGradOp::create(builder, getLoc(), resultGrads[0], getLogits(), getLse(), getIds(),
                                                    getOffsetAttr(), getIgnoreAttr()));
  operandGrads.push_back({}); // ids
  return success();
}

LogicalResult MeanLossOp::buildVjp(OpBuilder &builder, ValueRange resultGrads, SmallVectorImpl<Value> &operandGrads) {
  for (auto [grad, name] : {std::pair<Value, StringRef>{resultGrads[1], "sum"}, {resultGrads[2], "count"}}) {
    if (grad) {
      return refuseGradient(*this, name);
    }
  }
  operandGrads.push_back(MeanLossGradOp::create(builder, getLoc(), getTokenLoss().getType(), resultGrads[0], getCount(),
                                                getMask(), getOffsetAttr()));
  operandGrads.append(2, Value()); // mask and ids
  return success();
}
