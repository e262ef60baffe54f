// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps of the ops that look at earlier positions, or at the position's number.
#include "dialects/MBLM/IR/MBLMOps.h"

using namespace mlir;
using namespace mblm;

using Results = SmallVectorImpl<Value>;

static RankedTensorType withPositions(Value value, int64_t positions) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.clone({type.getDimSize(0), positions, type.getDimSize(2)});
}

static int64_t positionsOf(Value value) { return cast<RankedTensorType>(value.getType()).getDimSize(1); }

// Builds `op`, which looks back `reach` positions, on what was remembered and `input` together, and takes the new positions.
static Value stepLookingBack(OpBuilder &builder, StepStates &states, Operation *op, Value input, int64_t reach,
                             llvm::function_ref<Value(Value)> build) {
  Value tail = states.get("tail", op->getOperand(0), reach);
  int64_t positions = positionsOf(input);
  Value more = RecallOp::create(builder, op->getLoc(), withPositions(input, reach + positions), tail, input);
  states.keep(tail, input);
  return SliceOp::create(builder, op->getLoc(), input.getType(), build(more), reach, 0);
}

LogicalResult TokenShiftOp::buildStep(OpBuilder &builder, StepStates &states, ValueRange operands, Results &results) {
  if (getReverse()) {
    return emitOpError("has no step: with 'reverse' it needs later positions");
  }
  results.push_back(stepLookingBack(builder, states, *this, operands[0], 1, [&](Value more) {
    return TokenShiftOp::create(builder, getLoc(), more);
  }));
  return success();
}

LogicalResult CausalConvOp::buildStep(OpBuilder &builder, StepStates &states, ValueRange operands, Results &results) {
  if (getReverse()) {
    return emitOpError("has no step: with 'reverse' it needs later positions");
  }
  int64_t reach = cast<RankedTensorType>(getWeight().getType()).getDimSize(1) - 1;
  auto build = [&](Value input) {
    return CausalConvOp::create(builder, getLoc(), input.getType(), input, operands[1], getBias() ? operands[2] : Value(),
                                /*reverse=*/UnitAttr());
  };
  results.push_back(reach == 0 ? build(operands[0]).getResult()
                               : stepLookingBack(builder, states, *this, operands[0], reach, build));
  return success();
}

LogicalResult PositionOp::buildStep(OpBuilder &builder, StepStates &states, ValueRange operands, Results &results) {
  results.push_back(
      PositionOp::create(builder, getLoc(), operands[0].getType(), operands[0], operands[1], states.origin()));
  return success();
}

LogicalResult RopeOp::buildStep(OpBuilder &builder, StepStates &states, ValueRange operands, Results &results) {
  if (getOrigin()) {
    return emitOpError("has no step: its positions begin elsewhere already");
  }
  results.push_back(RopeOp::create(builder, getLoc(), operands[0], getHeadsAttr(), getPairingAttr(), getBaseAttr(),
                                   getInverseAttr(), states.origin(), getRotatedAttr()));
  return success();
}

LogicalResult AttentionOp::buildStep(OpBuilder &builder, StepStates &states, ValueRange operands, Results &results) {
  if (getMask() == MaskKind::Full) { // hidden keys are there with no other
    return emitOpError("has no step: with mask 'full' it needs later positions");
  }
  if (!getLse().use_empty()) {
    return emitOpError("has no step where 'lse' is used");
  }
  Value key = states.get("key", getKey()), value = states.get("value", getValue());
  WriteOp::create(builder, getLoc(), key, operands[1], states.origin());
  WriteOp::create(builder, getLoc(), value, operands[2], states.origin());
  results.push_back(CachedAttentionOp::create(builder, getLoc(), operands[0], key, value, getHeadsAttr(), getScaleAttr(),
                                              getMaskAttr(), getBlockAttr()));
  results.push_back({});
  return success();
}

LogicalResult SelectiveScanOp::buildStep(OpBuilder &builder, StepStates &states, ValueRange operands, Results &results) {
  Value state = states.get("state", getInput(), cast<RankedTensorType>(getALog().getType()).getDimSize(1));
  results.push_back(SelectiveScanStepOp::create(builder, getLoc(), operands[0].getType(), state, operands[0], operands[1],
                                                operands[2], operands[3], operands[4], operands[5],
                                                getGate() ? operands[6] : Value()));
  return success();
}

LogicalResult SsdOp::buildStep(OpBuilder &builder, StepStates &states, ValueRange operands, Results &results) {
  int64_t columns = cast<RankedTensorType>(getB().getType()).getDimSize(2);
  Value state = states.get("state", getInput(), columns / static_cast<int64_t>(getGroups()));
  results.push_back(SsdStepOp::create(builder, getLoc(), operands[0].getType(), state, operands[0], operands[1], operands[2],
                                      operands[3], operands[4], operands[5], operands[6], getGroupsAttr(), getDtMinAttr(),
                                      getDtMaxAttr()));
  return success();
}
