// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every value of @forward belongs to a level: bytes, the patches made of these, or the bytes that read patches again. A step of a
// level builds its ops on one position. What is read elsewhere (keys and values, what is pooled or spread, what a later level
// takes over) stands in states, position q in row q, so that ranges mean there what they mean in @forward; the ranges are the
// caller's, who knows where patches and documents begin. A prefill is a step of many positions: all of them are written before any is
// read.
#include "passes/Decode/RangedSteps.h"
#include "passes/Decode/StateTable.h"
#include "passes/Decode/StepFunction.h"
#include "passes/Locations.h"

#include "dialects/MBLM/IR/ShapeInference.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::decode;

namespace {

enum Level { None = -1, Bytes = 0, Patches = 1, Back = 2 };

// Of what an op reads at other positions than its own.
bool readsElsewhere(Operation *op, unsigned operand) {
  return (isa<RangedAttentionOp>(op) && (operand == 1 || operand == 2)) || (isa<PoolOp, SpreadOp>(op) && operand == 0);
}

bool isRanges(Operation *op) { return isa<VisibleBytesOp, VisiblePatchesOp, PatchBytesOp, BytePatchesOp>(op); }

class Levels {
public:
  explicit Levels(func::FuncOp forward) {
    for (Operation &op : forward.getBody().front().without_terminator()) {
      Level level = levelOf(&op);
      for (Value result : op.getResults()) {
        levels[result] = level;
      }
    }
    // What only the way back asks for at its own position is computed there.
    for (Operation &op : llvm::reverse(forward.getBody().front().without_terminator())) {
      if (op.getNumResults() && levels[op.getResult(0)] == Bytes && op.getNumOperands() && onlyBack(&op)) {
        for (Value result : op.getResults()) {
          levels[result] = Back;
        }
      }
    }
    patched = llvm::any_of(levels, [](const auto &entry) { return entry.second == Patches; });
  }

  Level operator[](Value value) const { return levels.lookup_or(value, None); }
  bool hasPatches() const { return patched; }

private:
  Level levelOf(Operation *op) const {
    if (isa<LoadOp, LeadOp, NgramRowsOp>(op) || isRanges(op)) {
      return None;
    }
    if (isa<PoolOp>(op)) {
      return Patches;
    }
    if (isa<SpreadOp>(op)) {
      return Back;
    }
    if (auto attention = dyn_cast<RangedAttentionOp>(op)) {
      Operation *ranges = attention.getRanges().getDefiningOp();
      if (!isa<VisibleBytesOp>(ranges)) {
        return isa<BytePatchesOp>(ranges) ? Back : Patches;
      }
    }
    Level level = isa<EmbedOp, EmbedBagOp>(op) ? Bytes : None;
    for (Value operand : op->getOperands()) {
      level = std::max(level, levels.lookup_or(operand, None));
    }
    return level;
  }

  bool onlyBack(Operation *op) const {
    for (Value result : op->getResults()) {
      for (OpOperand &use : result.getUses()) {
        Operation *user = use.getOwner();
        bool there = user->getNumResults() && levels.lookup_or(user->getResult(0), None) == Back;
        if (!there || readsElsewhere(user, use.getOperandNumber())) {
          return false;
        }
      }
    }
    return !isa<EmbedOp, EmbedBagOp, RangedAttentionOp>(op);
  }

  DenseMap<Value, Level> levels;
  bool patched = false;
};

class StepBuilder {
public:
  StepBuilder(func::FuncOp forward, const Levels &levels, const DenseMap<Value, SymbolicShape> &shapes, StateTable &states, Level level,
              int64_t positions, std::string name)
      : forward(forward), levels(levels), shapes(shapes), states(states), level(level), positions(positions), name(std::move(name)),
        builder(forward.getContext()) {}

  LogicalResult run() {
    Value logits = forward.getBody().front().getTerminator()->getOperand(0);
    bool returns = levels[logits] == level;
    builder.setInsertionPointToEnd(forward->getBlock());
    auto function = createStep(builder, forward, name, builder.getFunctionType({}, {}));
    function->setAttr(rangesAttrName, builder.getUnitAttr());
    step = function;
    builder.setInsertionPointToEnd(function.addEntryBlock());
    for (Operation &op : forward.getBody().front().without_terminator()) {
      Operation *before = step.getBody().front().empty() ? nullptr : &step.getBody().front().back();
      if (failed(build(&op))) {
        return failure();
      }
      Block &body = step.getBody().front();
      for (Operation *made = before ? before->getNextNode() : (body.empty() ? nullptr : &body.front()); made; made = made->getNextNode()) {
        made->setLoc(derivedLoc(op.getLoc(), placeOf(name, positions)));
      }
    }
    SmallVector<Value> results;
    if (returns) {
      results.push_back(map.lookup(logits));
    }
    func::ReturnOp::create(builder, function.getLoc(), results);
    function.setFunctionType(builder.getFunctionType(function.getBody().getArgumentTypes(), ValueRange(results).getTypes()));
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(step.getBody().front()))) {
      if (isOpTriviallyDead(&op)) {
        op.erase();
      }
    }
    return success();
  }

private:
  // Rows that a value has at one position: of a patch as many as it has vectors.
  int64_t rowsOf(Value value) const {
    const SymbolicDim &all = shapes.find(value)->second[1];
    return all.p ? all.p : 1;
  }
  RankedTensorType stepType(Value value) const {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape[1] = positions * rowsOf(value);
    return type.clone(shape);
  }
  Value argument(int64_t numbers, ArrayRef<NamedAttribute> rule = {}) {
    unsigned number = step.getNumArguments();
    auto type = RankedTensorType::get({ShapedType::kDynamic, numbers}, builder.getI32Type());
    (void)step.insertArgument(number, type, /*argAttrs=*/{}, step.getLoc());
    if (!rule.empty()) {
      step.setArgAttr(number, rangesAttrName, builder.getDictionaryAttr(rule));
    }
    return step.getArgument(number);
  }

  // The caller's numbers in place of ranges.
  Value rangesFor(Value ranges) {
    Value &known = arguments[ranges];
    if (known) {
      return known;
    }
    int64_t rows = 1, ahead = 0;
    std::optional<uint64_t> window, end;
    StringRef kind;
    llvm::TypeSwitch<Operation *>(ranges.getDefiningOp())
        .Case([&](VisibleBytesOp op) {
          kind = "visible_bytes";
          window = op.getWindow();
          end = op.getEnd();
        })
        .Case([&](VisiblePatchesOp op) {
          kind = "visible_patches";
          end = op.getEnd();
        })
        .Case<PatchBytesOp, BytePatchesOp>([&](auto op) {
          kind = isa<PatchBytesOp>(op) ? "patch_bytes" : "byte_patches";
          rows = op.getRows();
          window = op.getWindow();
          ahead = op.getAhead();
        });
    bool perVector = isa<PatchBytesOp>(ranges.getDefiningOp());
    auto number = [&](StringRef attr, int64_t n) { return builder.getNamedAttr(attr, builder.getI64IntegerAttr(n)); };
    return known = argument(2 * positions * (perVector ? rows : 1),
                            {builder.getNamedAttr("kind", builder.getStringAttr(kind)), number("rows", rows),
                             number("window", window ? static_cast<int64_t>(*window) : 0), number("end", end ? static_cast<int64_t>(*end) : -1),
                             number("ahead", ahead)});
  }

  // The state with all positions of a value. Several vectors of a patch stand side by side in its row.
  StateOp stateOf(Value value) {
    auto made = cast<OpResult>(value);
    const SymbolicShape &shape = shapes.find(value)->second;
    bool perPatch = shape[1].p != 0;
    SymbolicDim all = perPatch ? SymbolicDim{1, 1} : SymbolicDim{shape[1].one, 1}; // there is a patch more than bytes, at most
    return states.get(made.getOwner(), "row" + std::to_string(made.getResultNumber()), all, rowsOf(value) * shape[2].one, perPatch);
  }
  Value open(Value value) {
    StateOp state = stateOf(value);
    return GetStateOp::create(builder, value.getLoc(), state.getType(), FlatSymbolRefAttr::get(state.getSymNameAttr()));
  }
  IntegerAttr here() { return builder.getIntegerAttr(builder.getIntegerType(64, /*isSigned=*/true), 0); }

  // Whether a later step, or a key at another position, reads the value.
  bool isKept(Value value) const {
    return llvm::any_of(value.getUses(), [&](OpOperand &use) {
      Operation *user = use.getOwner();
      bool elsewhere = readsElsewhere(user, use.getOperandNumber());
      bool later = user->getNumResults() && levels[user->getResult(0)] > levels[value];
      return elsewhere || later;
    });
  }
  void keep(Value value) {
    Value rows = map.lookup(value), state = open(value);
    auto type = cast<RankedTensorType>(state.getType());
    if (rowsOf(value) > 1) {
      auto row = RankedTensorType::get({ShapedType::kDynamic, positions, type.getDimSize(2)}, type.getElementType());
      rows = RegroupOp::create(builder, value.getLoc(), row, rows);
    }
    WriteOp::create(builder, value.getLoc(), state, rows, here());
  }

  // An operand at this step's own position.
  Value own(Value value) {
    Level from = levels[value];
    if (from == None || from == level) {
      return map.lookup(value);
    }
    if (Value known = taken.lookup(value)) {
      return known;
    }
    // Positions of what went before the bytes stand first.
    int64_t lead = shapes.find(value)->second[1].one;
    auto origin = builder.getIntegerAttr(builder.getIntegerType(64, /*isSigned=*/true), lead);
    return taken[value] = ReadOp::create(builder, value.getLoc(), stepType(value), open(value), origin);
  }

  LogicalResult build(Operation *op) {
    if (isa<LoadOp>(op)) {
      builder.clone(*op, map);
      return success();
    }
    Level of = op->getNumResults() ? levels[op->getResult(0)] : None;
    if (of != level) {
      return success();
    }
    if (failed(buildOwn(op))) {
      return failure();
    }
    for (Value result : op->getResults()) {
      if (isKept(result)) {
        keep(result);
      }
    }
    return success();
  }

  LogicalResult buildOwn(Operation *op) {
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case([&](EmbedOp embed) {
          map.map(embed.getResult(), EmbedOp::create(builder, op->getLoc(), stepType(embed), argument(positions), map.lookup(embed.getTable()),
                                                     embed.getBytesAttr(), embed.getSkipAttr())
                                         .getResult());
          return success();
        })
        .Case([&](EmbedBagOp embed) { return buildEmbedding(embed); })
        .Case([&](PoolOp pool) {
          Value spans = rangesFor(pool.getSpans());
          map.map(pool.getResult(), PoolOp::create(builder, op->getLoc(), stepType(pool), open(pool.getInput()), spans, /*owners=*/Value(),
                                                pool.getKind())
                                        .getResult());
          return success();
        })
        .Case([&](SpreadOp spread) -> LogicalResult {
          if (spread.getMean()) {
            return spread.emitOpError("has no step with 'mean'");
          }
          map.map(spread.getResult(), SpreadOp::create(builder, op->getLoc(), stepType(spread), open(spread.getInput()),
                                                       rangesFor(spread.getOwners()), /*spans=*/Value(), /*mean=*/false)
                                          .getResult());
          return success();
        })
        .Case([&](RangedAttentionOp attention) {
          int64_t perRow = rowsOf(attention.getKey());
          auto made = RangedAttentionOp::create(builder, op->getLoc(), stepType(attention.getResult()), stepType(attention.getLse()),
                                                own(attention.getQuery()), open(attention.getKey()), open(attention.getValue()),
                                                rangesFor(attention.getRanges()), attention.getHeads(), attention.getKvHeads(),
                                                attention.getScale(), perRow);
          map.map(op->getResults(), made.getResults());
          return success();
        })
        .Case([&](RopeOp rope) {
          map.map(rope.getResult(), RopeOp::create(builder, op->getLoc(), own(rope.getInput()), rope.getHeadsAttr(), rope.getPairingAttr(),
                                                   rope.getBaseAttr(), rope.getInverseAttr(), here(), rope.getRotatedAttr())
                                        .getResult());
          return success();
        })
        .Case([&](SliceOp slice) { // what goes before the bytes is another step's
          map.map(slice.getResult(), own(slice.getInput()));
          return success();
        })
        .Case([&](RegroupOp regroup) {
          Value input = own(regroup.getInput());
          RankedTensorType type = stepType(regroup);
          map.map(regroup.getResult(),
                  input.getType() == type ? input : RegroupOp::create(builder, op->getLoc(), type, input).getResult());
          return success();
        })
        .Default([&](Operation *op) { return buildPointwise(op); });
  }

  // The caller's ids are those that the bytes' n-grams reach.
  LogicalResult buildEmbedding(EmbedBagOp embed) {
    auto rows = embed.getIds().getDefiningOp<NgramRowsOp>();
    if (!rows) {
      return embed.emitOpError("has no step but for rows of n-grams");
    }
    int64_t longest = 1;
    for (int64_t size : llvm::concat<const int64_t>(rows.getSizes(), rows.getListLengths())) {
      longest = std::max(longest, size);
    }
    int64_t count = longest - 1 + positions;
    Value ids = argument(count);
    auto numbers = RankedTensorType::get({ShapedType::kDynamic, count * rows.perPosition()}, builder.getI32Type());
    auto here = cast<NgramRowsOp>(builder.clone(*rows));
    here->setOperand(0, ids);
    here.getResult().setType(numbers);
    auto type = cast<RankedTensorType>(embed.getType());
    auto all = RankedTensorType::get({ShapedType::kDynamic, count, type.getDimSize(2)}, type.getElementType());
    Value bags = EmbedBagOp::create(builder, embed.getLoc(), all, here, map.lookup(embed.getTable()), embed.getBagAttr());
    if (longest > 1) {
      bags = SliceOp::create(builder, embed.getLoc(), stepType(embed), bags, uint64_t(longest - 1), uint64_t(0));
    }
    map.map(embed.getResult(), bags);
    return success();
  }

  LogicalResult buildPointwise(Operation *op) {
    auto causal = dyn_cast<CausalityOpInterface>(op);
    IRMapping here;
    for (OpOperand &operand : op->getOpOperands()) {
      TimeDependence time = causal ? causal.getTimeDependence(operand.getOperandNumber()) : TimeDependence::Later;
      if (time != TimeDependence::Pointwise && time != TimeDependence::None) {
        return op->emitOpError("has no step: it mixes positions");
      }
      here.map(operand.get(), own(operand.get()));
    }
    Operation *made = builder.clone(*op, here);
    for (auto [result, now] : llvm::zip_equal(op->getResults(), made->getResults())) {
      now.setType(stepType(result));
      map.map(result, now);
    }
    return success();
  }

  func::FuncOp forward;
  const Levels &levels;
  const DenseMap<Value, SymbolicShape> &shapes;
  StateTable &states;
  Level level;
  int64_t positions; // of a call
  std::string name;
  OpBuilder builder;
  func::FuncOp step;
  IRMapping map;
  DenseMap<Value, Value> arguments, taken;
};

} // namespace

LogicalResult decode::buildRangedSteps(func::FuncOp forward, int64_t prefillRows) {
  auto shapes = inferShapes(forward);
  if (failed(shapes)) {
    return failure();
  }
  Levels levels(forward);
  StateTable states(forward->getParentOfType<ModuleOp>(), forward);
  // Stages' numbers: patches 0, bytes 1, bytes again 2; without patches bytes are the only one.
  SmallVector<Level> stages{Bytes};
  if (levels.hasPatches()) {
    stages = {Patches, Bytes, Back};
  }
  for (auto [stage, level] : llvm::enumerate(stages)) {
    std::string number = std::to_string(stage);
    for (auto [name, rows] : {std::pair("step_", int64_t(1)), std::pair("prefill_", prefillRows), std::pair("short_prefill_", shortOf(prefillRows))}) {
      if (rows > 0 && failed(StepBuilder(forward, levels, *shapes, states, level, rows, name + number).run())) {
        return failure();
      }
    }
  }
  return success();
}
