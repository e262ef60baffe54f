// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Decode/Clocks.h"

#include "dialects/MBLM/IR/ShapeInference.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::decode;

LogicalResult Clocks::analyse(func::FuncOp forward) {
  auto inferred = inferShapes(forward);
  if (failed(inferred)) {
    return failure();
  }
  shapes = std::move(*inferred);
  for (Operation &op : forward.getBody().front().without_terminator()) {
    if (failed(visit(&op))) {
      return failure();
    }
  }
  return orderStages(forward);
}

// Rows that go back to one sequence for each of the batch stay what they are; patches become slots of the stage below.
LogicalResult Clocks::visitRegroup(RegroupOp regroup) {
  Value input = regroup.getInput(), result = regroup.getResult();
  if (cast<RankedTensorType>(result.getType()).getRank() == 2) {
    return success(); // ids
  }
  Tick tick = ticks.lookup(input);
  if (shapes[result][0] == SymbolicDim::batch()) {
    ticks[result] = tick;
    return success();
  }
  auto patches = shapes[input][0].times(shapes[input][1]);
  if (!tick.clock || tick.slot || tick.context || tick.clock->context || patches != shapes[result][0]) {
    return regroup.emitOpError("expects a stage's outputs, each opened as one patch of the only stage below, but got ")
           << describe(shapes[input]) << " and " << describe(shapes[result]);
  }
  tick.clock->context = regroup;
  tick.context = true;
  ticks[result] = tick;
  return success();
}

LogicalResult Clocks::visit(Operation *op) {
  if (isa<LoadOp>(op)) {
    return success();
  }
  if (auto embed = dyn_cast<EmbedOp>(op)) {
    clocks.emplace_back().embed = embed;
    ticks[embed] = {&clocks.back(), true, false};
    return success();
  }
  if (auto regroup = dyn_cast<RegroupOp>(op)) {
    return visitRegroup(regroup);
  }
  Tick tick;
  for (Value operand : op->getOperands()) {
    Tick other = ticks.lookup(operand);
    if (!other.clock) {
      continue;
    }
    if (!tick.clock || (tick.clock == other.clock && tick.slot == other.slot && tick.context == other.context)) {
      tick = other;
      continue;
    }
    // Slots meet the context of the stage above.
    if (tick.context) {
      std::swap(tick, other);
    }
    bool joins = other.context && !tick.context && tick.slot && tick.clock != other.clock;
    if (!joins || (tick.clock->parent && tick.clock->parent != other.clock)) {
      return op->emitOpError("expects operands of one stage, or slots and the context of the stage above");
    }
    tick.clock->parent = other.clock;
  }
  if (!tick.clock) {
    return op->emitOpError("expects an operand that stems from the ids");
  }
  if (isa<StartTokenOp>(op)) {
    if (!tick.slot || tick.clock->starts) {
      return op->emitOpError("expects the slots of a stage that has no start vector yet");
    }
    tick.clock->starts = true;
    tick.slot = false;
  }
  for (Value result : op->getResults()) {
    ticks[result] = tick;
  }
  return success();
}

LogicalResult Clocks::orderStages(func::FuncOp forward) {
  for (Clock &clock : clocks) {
    if (!clock.starts) { // every slot is a position
      for (auto &[value, tick] : ticks) {
        tick.slot = tick.slot && tick.clock != &clock;
      }
    }
    if (!clock.parent) {
      order.push_back(&clock);
    }
  }
  while (order.size() == 1 || (!order.empty() && order.back()->context && order.size() < clocks.size())) {
    auto below = llvm::find_if(clocks, [&](Clock &clock) { return clock.parent == order.back(); });
    if (below == clocks.end()) {
      break;
    }
    order.push_back(&*below);
  }
  Tick last = ticks.lookup(forward.getBody().front().getTerminator()->getOperand(0));
  if (order.size() != clocks.size() || order.empty() || last.clock != order.back() || last.context) {
    return forward.emitError("expected stages one below the other, the last of which makes the logits");
  }
  return success();
}
