// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which positions of an operand the results' position t depends on. Where results differ, or have no positions
// (gradients of parameters, means), the answer is the widest: Later.
#include "dialects/MBLM/IR/MBLMOps.h"

using namespace mlir;
using namespace mblm;

using Time = TimeDependence;

// Ops whose sequence operand is number 0 and whose other operands have no positions.
#define INPUT_DEPENDS(OP, DEPENDENCE)                                                                                  \
  Time OP::getTimeDependence(unsigned operand) { return operand == 0 ? (DEPENDENCE) : Time::None; }
INPUT_DEPENDS(RegroupOp, Time::Patch)
INPUT_DEPENDS(StartTokenOp, Time::Earlier)
INPUT_DEPENDS(SliceOp, getBefore() ? Time::Later : Time::Pointwise)
INPUT_DEPENDS(PadOp, getBefore() ? Time::Earlier : Time::Pointwise)
INPUT_DEPENDS(NextByteOp, Time::Patch)
INPUT_DEPENDS(NextByteGradOp, Time::Patch)
INPUT_DEPENDS(SplitOp, getPositions() ? Time::Later : Time::Pointwise)
INPUT_DEPENDS(EmbedOp, getBytes() == 1 ? Time::Pointwise : Time::Patch)
INPUT_DEPENDS(EmbedBagOp, getBag() == 1 ? Time::Pointwise : Time::Patch)
INPUT_DEPENDS(LeadOp, getCount() ? Time::Earlier : Time::Pointwise)
INPUT_DEPENDS(VisibleBytesOp, !getEnd() ? Time::None : getSkip() ? Time::Later : Time::Earlier)
INPUT_DEPENDS(HiddenKeysOp, getBytes() == 1 ? Time::Pointwise : Time::Patch)
INPUT_DEPENDS(PatchBytesOp, Time::Patch) // of the bytes only how many there are
INPUT_DEPENDS(BytePatchesOp, Time::Patch)
INPUT_DEPENDS(EntropyOp, Time::Pointwise)
INPUT_DEPENDS(PositionOp, Time::Pointwise)
INPUT_DEPENDS(LinearOp, Time::Pointwise)
INPUT_DEPENDS(NormOp, Time::Pointwise)
INPUT_DEPENDS(ActivationOp, Time::Pointwise)
INPUT_DEPENDS(DropoutOp, Time::Pointwise)
INPUT_DEPENDS(ReduceOp, Time::Later)
INPUT_DEPENDS(TokenShiftOp, getReverse() ? Time::Later : Time::Prefix)
INPUT_DEPENDS(RopeOp, Time::Pointwise)
INPUT_DEPENDS(CausalConvOp, getReverse() ? Time::Later : Time::Prefix)
INPUT_DEPENDS(ReadOp, Time::Pointwise)
#undef INPUT_DEPENDS

// Ops that treat all operands alike.
#define ALL_DEPEND(OP, DEPENDENCE)                                                                                     \
  Time OP::getTimeDependence(unsigned) { return DEPENDENCE; }
ALL_DEPEND(LoadOp, Time::None)
ALL_DEPEND(GetStateOp, Time::None)
ALL_DEPEND(StartOp, Time::None)
ALL_DEPEND(ActivationGradOp, Time::Pointwise)
ALL_DEPEND(AddOp, Time::Pointwise)
ALL_DEPEND(MultiplyOp, Time::Pointwise)
ALL_DEPEND(WriteOp, Time::Pointwise)
ALL_DEPEND(RecallOp, Time::Prefix)
ALL_DEPEND(CachedAttentionOp, Time::Prefix)
ALL_DEPEND(SelectiveScanStepOp, Time::Prefix)
ALL_DEPEND(SsdStepOp, Time::Prefix)
ALL_DEPEND(EmbedGradOp, Time::Later)
ALL_DEPEND(EmbedBagGradOp, Time::Later)
ALL_DEPEND(NgramRowsOp, Time::Prefix)
ALL_DEPEND(VisiblePatchesOp, Time::Patch)
ALL_DEPEND(PoolOp, Time::Patch)
ALL_DEPEND(PoolGradOp, Time::Later)
ALL_DEPEND(SpreadOp, Time::Patch)
ALL_DEPEND(RangedAttentionGradOp, Time::Later)
ALL_DEPEND(WeightGradOp, Time::Later)
ALL_DEPEND(CausalConvWeightGradOp, Time::Later)
ALL_DEPEND(MeanLossOp, Time::Later)
#undef ALL_DEPEND

// Of positions those of the first input stay where they are.
Time ConcatOp::getTimeDependence(unsigned operand) {
  return getPositions() && operand > 0 ? Time::Earlier : Time::Pointwise;
}

Time NormGradOp::getTimeDependence(unsigned operand) { return operand < 2 ? Time::Later : Time::None; }

Time AttentionOp::getTimeDependence(unsigned operand) {
  if (operand == 0) {
    return Time::Pointwise;
  }
  if (operand >= getODSOperandIndexAndLength(4).first) { // the dropout key
    return Time::None;
  }
  return getMask() == MaskKind::Full ? Time::Later : Time::Prefix;
}

// Ranges are the data's, and no rows: what makes them sees to it that they end at the query, which may be a later row of the keys than
// of the queries (`mblm.visible_bytes` with `skip`).
Time RangedAttentionOp::getTimeDependence(unsigned operand) {
  return operand == 0 ? Time::Pointwise : operand == 3 ? Time::None : Time::Prefix;
}

// What goes into a state (input, steps, b) reaches every later position; what reads it (c, the gate) its own. Decays and
// skip have no positions.
static Time recurrenceDepends(unsigned operand) {
  switch (operand) {
  case 0:
  case 1:
  case 3:
    return Time::Prefix;
  case 4:
    return Time::Pointwise;
  default:
    return Time::None;
  }
}

Time SelectiveScanOp::getTimeDependence(unsigned operand) {
  return operand == 6 ? Time::Pointwise : recurrenceDepends(operand);
}

Time SsdOp::getTimeDependence(unsigned operand) { return recurrenceDepends(operand); }

// `grad` stands before the operands of the recurrence.
Time SelectiveScanGradOp::getTimeDependence(unsigned operand) {
  bool placed = operand == 0 || operand == 7 || recurrenceDepends(operand - 1) != Time::None;
  return placed ? Time::Later : Time::None;
}

Time SsdGradOp::getTimeDependence(unsigned operand) {
  return operand == 0 || recurrenceDepends(operand - 1) != Time::None ? Time::Later : Time::None;
}

Time AttentionGradOp::getTimeDependence(unsigned operand) {
  return operand < getODSOperandIndexAndLength(7).first ? Time::Later : Time::None;
}

// The target of row t is the byte at t + offset.
Time CrossEntropyOp::getTimeDependence(unsigned operand) {
  return operand == 1 && getOffset() ? Time::Later : Time::Pointwise;
}

Time CrossEntropyGradOp::getTimeDependence(unsigned operand) {
  return operand == 3 && getOffset() ? Time::Later : Time::Pointwise;
}

Time MeanLossGradOp::getTimeDependence(unsigned operand) {
  if (operand < 2) {
    return Time::None;
  }
  return getOffset() ? Time::Later : Time::Pointwise;
}
