// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps with explicit state, derived from @forward. A stage's ops are built again on the positions of one call: ops on single
// positions as they are, others by their own rule (StatefulOpInterface). What reaches the stage below goes through a state
// that holds the slots of its one open patch.
#include "passes/Decode/Clocks.h"
#include "passes/Decode/RangedSteps.h"
#include "passes/Decode/StateTable.h"
#include "passes/Decode/StepFunction.h"
#include "passes/Locations.h"
#include "passes/Passes.h"

#include "mlir/IR/IRMapping.h"

namespace mblm {
#define GEN_PASS_DEF_DECODEPASS
#include "passes/Passes.h.inc"
} // namespace mblm

using namespace mlir;
using namespace mblm;
using namespace mblm::decode;

namespace {

// What a function computes.
struct Call {
  std::string name;
  int64_t rows;   // positions
  bool start;     // the start vector, not slots
  bool outputs;   // whether it makes the context of the stage below, or the logits
};

// One function: the ops of one stage on the positions of one call.
class StepBuilder : public StepStates {
public:
  StepBuilder(func::FuncOp forward, const Clocks &clocks, StateTable &states, Clock &clock, const Call &call)
      : forward(forward), clocks(clocks), states(states), clock(clock), call(call), builder(forward.getContext()) {}

  LogicalResult run() {
    Value logits = forward.getBody().front().getTerminator()->getOperand(0);
    bool returns = call.outputs && !call.start && !clock.context;
    Type result = returns ? Type(stepType(logits)) : Type();
    builder.setInsertionPointToEnd(forward->getBlock());
    int64_t bytes = clock.embed.getBytes();
    auto ids = RankedTensorType::get({ShapedType::kDynamic, call.rows * bytes}, builder.getI32Type());
    auto type = builder.getFunctionType(call.start ? TypeRange() : TypeRange(ids), returns ? TypeRange(result) : TypeRange());
    auto function = createStep(builder, forward, call.name, type);
    body = function.addEntryBlock();
    builder.setInsertionPointToEnd(body);
    for (Operation &op : forward.getBody().front().without_terminator()) {
      if (failed(build(&op))) {
        return failure();
      }
    }
    for (auto &[state, rows, origin] : kept) {
      WriteOp::create(builder, derivedLoc(rows.getLoc(), "/keep"), state, rows, origin);
    }
    func::ReturnOp::create(builder, function.getLoc(), returns ? ValueRange(map.lookup(logits)) : ValueRange());
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*body))) {
      if (isOpTriviallyDead(&op)) {
        op.erase();
      }
    }
    return success();
  }

  //===--------------------------------------------------------------------===//
  // StepStates
  //===--------------------------------------------------------------------===//

  IntegerAttr origin() const override {
    Builder attributes(current->getContext());
    return attributes.getIntegerAttr(attributes.getIntegerType(64, /*isSigned=*/true), slots && clock.starts ? -1 : 0);
  }

  Value get(StringRef name, Value like, std::optional<int64_t> positions) override {
    const SymbolicShape &shape = clocks.shapeOf(like);
    return open(states.get(current, name, positions ? SymbolicDim::constant(*positions) : shape[1], shape[2].one));
  }

  void keep(Value state, Value rows) override { kept.push_back({state, rows, origin()}); }

private:
  RankedTensorType stepType(Value value) const {
    auto type = cast<RankedTensorType>(value.getType());
    return RankedTensorType::get({ShapedType::kDynamic, call.rows, type.getShape().back()}, type.getElementType());
  }

  Value open(StateOp state) {
    return GetStateOp::create(builder, current->getLoc(), state.getType(), FlatSymbolRefAttr::get(state.getSymNameAttr()));
  }

  // The state with the slots of the open patch of the stage below the one that makes `context`.
  Value openContext(RegroupOp context) {
    const SymbolicShape &shape = clocks.shapeOf(context);
    return open(states.get(context, "slots", shape[1], shape[2].one));
  }

  LogicalResult build(Operation *op) {
    current = op;
    if (isa<LoadOp>(op)) {
      builder.clone(*op, map);
      return success();
    }
    Tick tick = op->getNumResults() ? clocks.lookup(op->getResult(0)) : Tick();
    slots = tick.slot;
    if (!tick.clock) {
      return success(); // ids
    }
    Location loc = derivedLoc(op->getLoc(), placeOf(call.name, call.rows));
    if (tick.clock != &clock) {
      // The context that the stage above left.
      if (tick.context && tick.clock == clock.parent && !call.start && op == clock.parent->context) {
        slots = true;
        map.map(op->getResult(0), ReadOp::create(builder, loc, stepType(op->getResult(0)), openContext(clock.parent->context),
                                                 origin()));
      }
      return success();
    }
    if (call.start && tick.slot) {
      return success(); // the start vector has neither bytes nor context
    }
    Operation *before = body->empty() ? nullptr : &body->back();
    if (failed(buildOwn(op, tick))) {
      return failure();
    }
    for (Operation *made = before ? before->getNextNode() : &body->front(); made; made = made->getNextNode()) {
      made->setLoc(loc);
    }
    return success();
  }

  LogicalResult buildOwn(Operation *op, Tick tick) {
    if (auto embed = dyn_cast<EmbedOp>(op)) {
      auto made = cast<EmbedOp>(builder.clone(*op));
      made->setOperands({body->getArgument(0), map.lookup(embed.getTable())});
      made.getResult().setType(stepType(embed));
      map.map(embed.getResult(), made.getResult());
      return success();
    }
    if (auto start = dyn_cast<StartTokenOp>(op)) {
      map.map(start.getResult(), call.start ? StartOp::create(builder, op->getLoc(), stepType(start), map.lookup(start.getStart()))
                                            : map.lookup(start.getInput()));
      return success();
    }
    if (isa<SliceOp>(op)) { // a position is there, or nobody asks for it
      map.map(op->getResult(0), map.lookup(op->getOperand(0)));
      return success();
    }
    if (auto regroup = dyn_cast<RegroupOp>(op)) {
      if (!tick.context) {
        map.map(regroup.getResult(), map.lookup(regroup.getInput()));
      } else if (call.outputs) {
        auto type = cast<RankedTensorType>(regroup.getType());
        auto patch = RankedTensorType::get({ShapedType::kDynamic, type.getDimSize(1), type.getDimSize(2)}, type.getElementType());
        Value opened = RegroupOp::create(builder, op->getLoc(), patch, map.lookup(regroup.getInput()));
        kept.push_back({openContext(regroup), opened, {}});
      }
      return success();
    }
    SmallVector<Value> operands, results;
    for (Value operand : op->getOperands()) {
      operands.push_back(map.lookup(operand));
    }
    if (auto stateful = dyn_cast<StatefulOpInterface>(op)) {
      if (failed(stateful.buildStep(builder, *this, operands, results))) {
        return failure();
      }
      for (auto [result, made] : llvm::zip_equal(op->getResults(), results)) {
        map.map(result, made);
      }
      return success();
    }
    auto causal = dyn_cast<CausalityOpInterface>(op);
    for (unsigned n = 0; n < operands.size(); ++n) {
      TimeDependence time = causal ? causal.getTimeDependence(n) : TimeDependence::Later;
      if (time != TimeDependence::Pointwise && time != TimeDependence::None) {
        return op->emitOpError("has no step: it mixes positions, but lacks StatefulOpInterface");
      }
    }
    Operation *made = builder.clone(*op, map);
    for (auto [result, now] : llvm::zip_equal(op->getResults(), made->getResults())) {
      now.setType(stepType(result));
    }
    return success();
  }

  struct Kept {
    Value state, rows;
    IntegerAttr origin;
  };

  func::FuncOp forward;
  const Clocks &clocks;
  StateTable &states;
  Clock &clock;
  Call call;
  OpBuilder builder;
  Block *body = nullptr;
  IRMapping map;
  SmallVector<Kept> kept;
  Operation *current = nullptr; // of @forward
  bool slots = false;           // whether its positions are slots
};

// Slots that a stage has positions for.
int64_t mostSlots(func::FuncOp forward, const Clocks &clocks, Clock &clock) {
  int64_t most = std::numeric_limits<int64_t>::max();
  for (auto position : forward.getOps<PositionOp>()) {
    if (clocks.lookup(position).clock == &clock) {
      most = std::min(most, cast<RankedTensorType>(position.getTable().getType()).getDimSize(0));
    }
  }
  return most;
}

class DecodePass : public mblm::impl::DecodePassBase<DecodePass> {
public:
  using DecodePassBase::DecodePassBase;

  void runOnOperation() override {
    auto forward = getOperation().lookupSymbol<func::FuncOp>("forward");
    bool ranged = forward && !forward.getOps<RangedAttentionOp>().empty();
    if (!forward || !forward.getBody().hasOneBlock() || forward.getNumArguments() > (ranged ? 2 : 1) || forward.getNumResults() != 1) {
      getOperation().emitError("expects a function @forward from ids (and lengths of patches) to logits, of one block");
      return signalPassFailure();
    }
    if (ranged) {
      if (failed(buildRangedSteps(forward, prefillRows))) {
        signalPassFailure();
      }
      return;
    }
    Clocks clocks;
    if (failed(clocks.analyse(forward))) {
      return signalPassFailure();
    }
    StateTable states(getOperation(), forward);
    for (auto [number, clock] : llvm::enumerate(clocks.stages())) {
      std::string stage = "_" + std::to_string(number);
      SmallVector<Call> calls;
      if (clock->starts) {
        calls.push_back({"begin" + stage, 1, true, true});
      }
      calls.push_back({"step" + stage, 1, false, true});
      for (auto [name, rows] : {std::pair("prefill", int64_t(prefillRows)), std::pair("short_prefill", shortOf(prefillRows))}) {
        if (number == 0 && rows > 0 && rows <= mostSlots(forward, clocks, *clock)) {
          calls.push_back({name + stage, rows, false, false});
        }
      }
      for (const Call &call : calls) {
        if (failed(StepBuilder(forward, clocks, states, *clock, call).run())) {
          return signalPassFailure();
        }
      }
    }
  }
};

} // namespace
