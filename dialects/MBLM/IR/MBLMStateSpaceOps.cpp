// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of convolutions and state-space recurrences.
#include "dialects/MBLM/IR/MBLMVerify.h"

using namespace mlir;
using namespace mblm;

LogicalResult CausalConvOp::verify() {
  ExpectedSize width{sizeOf(getInput(), 2), "dim(input, 2)"};
  // causal_conv_c1
  if (failed(expectSize(*this, getWeight(), "weight", 0, width)) ||
      failed(expectStatic(*this, getWeight(), "weight", 1)) ||
      failed(expectAtLeast(*this, "taps", sizeOf(getWeight(), 1), 1))) {
    return failure();
  }
  // causal_conv_c2
  return getBias() ? expectSize(*this, getBias(), "bias", 0, width) : success();
}

LogicalResult CausalConvWeightGradOp::verify() {
  // causal_conv_weight_grad_c1
  if (failed(expectShape(*this, getInput(), "input",
                         {{sizeOf(getGrad(), 0), "dim(grad, 0)"},
                          {sizeOf(getGrad(), 1), "dim(grad, 1)"},
                          {sizeOf(getGrad(), 2), "dim(grad, 2)"}}))) {
    return failure();
  }
  // causal_conv_weight_grad_c2
  return success(succeeded(expectSize(*this, getResult(), "result", 0, {sizeOf(getGrad(), 2), "dim(grad, 2)"})) &&
                 succeeded(expectStatic(*this, getResult(), "result", 1)) &&
                 succeeded(expectAtLeast(*this, "taps", sizeOf(getResult(), 1), 1)));
}

// Constraints C1 to C4 of mblm.selective_scan, for it, its gradient and its step.
template <typename OpTy>
static LogicalResult verifySelectiveScan(OpTy op) {
  Value input = op.getInput();
  // selective_scan_c1, selective_scan_grad_c1, selective_scan_step_c1
  if (op.getGate() && op.getGate().getType() != input.getType()) {
    return op.emitOpError("expects 'gate' to have the type of 'input' (")
           << input.getType() << "), but got " << op.getGate().getType();
  }
  // selective_scan_c2, selective_scan_grad_c2, selective_scan_step_c2
  if (failed(expectSize(op, op.getALog(), "a_log", 0, {sizeOf(input, 2), "dim(input, 2)"})) ||
      failed(expectStatic(op, op.getALog(), "a_log", 1))) {
    return failure();
  }
  // selective_scan_c3, selective_scan_grad_c3, selective_scan_step_c3
  if (failed(expectShape(op, op.getB(), "b",
                         {{sizeOf(input, 0), "dim(input, 0)"},
                          {sizeOf(input, 1), "dim(input, 1)"},
                          {sizeOf(op.getALog(), 1), "dim(a_log, 1)"}}))) {
    return failure();
  }
  // selective_scan_c4, selective_scan_grad_c4, selective_scan_step_c4
  return expectSize(op, op.getSkip(), "skip", 0, {sizeOf(input, 2), "dim(input, 2)"});
}

LogicalResult SelectiveScanOp::verify() { return verifySelectiveScan(*this); }

LogicalResult SelectiveScanGradOp::verify() {
  if (failed(verifySelectiveScan(*this))) {
    return failure();
  }
  // selective_scan_grad_c5
  if (bool(getGate()) != bool(getGateGrad())) {
    return emitOpError("expects 'gateGrad' where 'gate' is and only there, but got ")
           << (getGate() ? "a gate without it" : "it without a gate");
  }
  if (getGate() && getGateGrad().getType() != getGate().getType()) {
    return emitOpError("expects 'gateGrad' to have the type of 'gate' (")
           << getGate().getType() << "), but got " << getGateGrad().getType();
  }
  return success();
}

// "expects 'groups' to divide dim(dt, 2) (8), but got 3 (remainder 2)"
static LogicalResult expectDivides(Operation *op, StringRef name, int64_t divisor, int64_t size, StringRef formula) {
  if (ShapedType::isStatic(size) && size % divisor) {
    return op->emitOpError("expects '") << name << "' to divide " << formula << " (" << size << "), but got " << divisor
                                        << " (remainder " << size % divisor << ")";
  }
  return success();
}

// Constraints C1 to C4 and C6 of mblm.ssd, for it, its gradient and its step.
template <typename OpTy>
static LogicalResult verifySsd(OpTy op) {
  Value input = op.getInput(), dt = op.getDt();
  int64_t heads = sizeOf(dt, 2), groups = static_cast<int64_t>(op.getGroups());
  ExpectedSize perHead{heads, "dim(dt, 2)"};
  // ssd_c1, ssd_grad_c1, ssd_step_c1
  if (failed(expectShape(op, dt, "dt", {{sizeOf(input, 0), "dim(input, 0)"}, {sizeOf(input, 1), "dim(input, 1)"}})) ||
      failed(expectStatic(op, dt, "dt", 2)) || failed(expectStatic(op, input, "input", 2)) ||
      failed(expectDivides(op, "dim(dt, 2)", heads, sizeOf(input, 2), "dim(input, 2)"))) {
    return failure();
  }
  // ssd_c2, ssd_grad_c2, ssd_step_c2
  if (failed(expectShape(op, op.getB(), "b", {{sizeOf(input, 0), "dim(input, 0)"}, {sizeOf(input, 1), "dim(input, 1)"}})) ||
      failed(expectAtLeast(op, "groups", groups, 1)) ||
      failed(expectDivides(op, "groups", groups, heads, "dim(dt, 2)")) ||
      failed(expectStatic(op, op.getB(), "b", 2)) ||
      failed(expectDivides(op, "groups", groups, sizeOf(op.getB(), 2), "dim(b, 2)"))) {
    return failure();
  }
  // ssd_c3, ssd_grad_c3, ssd_step_c3
  if (failed(expectSize(op, op.getALog(), "a_log", 0, perHead))) {
    return failure();
  }
  // ssd_c4, ssd_grad_c4, ssd_step_c4
  int64_t skip = sizeOf(op.getSkip(), 0);
  if (skip != heads && skip != sizeOf(input, 2)) {
    return op.emitOpError("expects dimension 0 of 'skip' to be dim(dt, 2) (")
           << heads << ") or dim(input, 2) (" << sizeOf(input, 2) << "), but got " << skip;
  }
  // ssd_c6, ssd_grad_c6, ssd_step_c6
  double least = op.getDtMin().convertToDouble(), most = op.getDtMax().convertToDouble();
  if (!(least >= 0 && least <= most)) {
    return op.emitOpError("expects 0 <= 'dt_min' <= 'dt_max', but got ") << least << " and " << most;
  }
  return success();
}

LogicalResult SsdOp::verify() {
  // ssd_c5
  return success(succeeded(verifySsd(*this)) && succeeded(expectAtLeast(*this, "chunk", static_cast<int64_t>(getChunk()), 1)));
}

LogicalResult SsdGradOp::verify() {
  // ssd_grad_c5
  return success(succeeded(verifySsd(*this)) && succeeded(expectAtLeast(*this, "chunk", static_cast<int64_t>(getChunk()), 1)));
}

// selective_scan_step_c5, ssd_step_c5
template <typename OpTy>
static LogicalResult verifyStepState(OpTy op, int64_t states, StringRef formula) {
  Value state = op.getState(), input = op.getInput();
  if (!state.template getDefiningOp<GetStateOp>()) {
    return op.emitOpError("expects 'state' to be an mblm.get_state, but got ") << state;
  }
  if (failed(expectStatic(op, input, "input", 1))) {
    return failure();
  }
  return expectShape(op, state, "state",
                     {{sizeOf(input, 0), "dim(input, 0)"}, {states, formula}, {sizeOf(input, 2), "dim(input, 2)"}});
}

LogicalResult SelectiveScanStepOp::verify() {
  return success(succeeded(verifySelectiveScan(*this)) &&
                 succeeded(verifyStepState(*this, sizeOf(getALog(), 1), "dim(a_log, 1)")));
}

LogicalResult SsdStepOp::verify() {
  return success(succeeded(verifySsd(*this)) &&
                 succeeded(verifyStepState(*this, sizeOf(getB(), 2) / static_cast<int64_t>(getGroups()), "dim(b, 2) / groups")));
}

LogicalResult SelectiveScanStepOp::inferSymbolicShapes(ArrayRef<SymbolicShape> operands, SmallVectorImpl<SymbolicShape> &results) {
  results.push_back(operands[1]);
  return success();
}

LogicalResult SsdStepOp::inferSymbolicShapes(ArrayRef<SymbolicShape> operands, SmallVectorImpl<SymbolicShape> &results) {
  results.push_back(operands[1]);
  return success();
}
