// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Proves @forward and @loss causal: one pass over their ops bounds the newest byte behind every row (NewestByte.h). The
// proof is the bound of the logits; only if it fails is an op to blame looked for, the first one whose rows see bytes
// beyond their own slot although its operands' rows do not.
#include "dialects/MBLM/IR/ShapeInference.h"
#include "passes/Analysis/NewestByte.h"
#include "passes/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace mblm {
#define GEN_PASS_DEF_CHECKCAUSALITYPASS
#include "passes/Passes.h.inc"
} // namespace mblm

using namespace mblm;
using Rows = ArrayRef<int64_t>;

// Positions of a sequence, or -1 where they are dynamic; then each batch element is one sequence.
static int64_t positions(Value value) {
  int64_t size = cast<RankedTensorType>(value.getType()).getDimSize(1);
  return ShapedType::isDynamic(size) ? -1 : size;
}

// `before` rows without bytes ahead of each sequence and `after` behind it; negative numbers drop rows.
static NewestByte padded(const NewestByte &in, int64_t length, int64_t before, int64_t after) {
  if (length < 0) {
    return in.shifted(-before);
  }
  return in.mapped(length, length + before + after, [&](int64_t t, Rows rows) {
    int64_t from = t - before;
    return from >= 0 && from < length ? rows[from] : NewestByte::none;
  });
}

static NewestByte regrouped(RegroupOp op, const NewestByte &in) {
  auto from = cast<RankedTensorType>(op.getInput().getType()), to = cast<RankedTensorType>(op.getType());
  if (from.getRank() == 2) {
    return in;
  }
  int64_t wide = from.getDimSize(2), narrow = to.getDimSize(2);
  if (ShapedType::isDynamic(wide) || (wide % narrow && narrow % wide)) {
    return NewestByte::anything();
  }
  return wide >= narrow ? in.opened(wide / narrow) : in.closed(narrow / wide);
}

// Rows without the start rows, moved on by one; the first row of all is the first start row.
static NewestByte nextByte(NextByteOp op, const NewestByte &in) {
  NewestByte moved = padded(in, positions(op.getInput()), -1, 0).shifted(-1);
  return moved.at(0) >= in.at(0) ? moved : moved.joined(NewestByte::upTo(in.at(0)));
}

static NewestByte shiftedBack(Value input, const NewestByte &in) {
  int64_t length = positions(input);
  return in.joined(length < 0 ? in.shifted(1) : in.mapped(length, length, [&](int64_t t, Rows rows) {
    return t + 1 < length ? rows[t + 1] : NewestByte::none;
  }));
}

// How many positions of `whole` stand before and behind part `number` of it; behind the last ones of a dynamic number, none.
static std::pair<int64_t, int64_t> positionsAround(ValueRange parts, unsigned number, Value whole) {
  int64_t before = 0;
  for (Value part : parts.take_front(number)) {
    before += positions(part);
  }
  return {before, positions(whole) < 0 ? 0 : positions(whole) - before - positions(parts[number])};
}

// Ranges of `mblm.visible_bytes` end at the query's position in the whole sequence, all others are not known.
static NewestByte seenInRanges(RangedAttentionOp op, const NewestByte &in) {
  auto visible = op.getRanges().getDefiningOp<VisibleBytesOp>();
  return visible ? padded(in.prefixed(positions(op.getKey())), positions(op.getKey()), -static_cast<int64_t>(visible.getSkip()), 0)
                 : NewestByte::anything();
}

// What rows of a result see through one operand. Ops that change the number of rows are treated one by one, all
// others as their interface says.
static NewestByte seenThrough(CausalityOpInterface op, unsigned result, unsigned operand, const NewestByte &in) {
  TimeDependence time = op.getTimeDependence(operand);
  if (time == TimeDependence::None) {
    return NewestByte::nothing();
  }
  Value value = op->getOperand(operand);
  return TypeSwitch<Operation *, NewestByte>(op)
      .Case([&](RegroupOp regroup) { return regrouped(regroup, in); })
      .Case([&](StartTokenOp) { return padded(in, positions(value), 1, 0); })
      .Case([&](SliceOp slice) {
        return padded(in, positions(value), -static_cast<int64_t>(slice.getBefore()),
                      -static_cast<int64_t>(slice.getAfter()));
      })
      .Case([&](PadOp pad) { return padded(in, positions(value), pad.getBefore(), pad.getAfter()); })
      .Case([&](NextByteOp next) { return nextByte(next, in); })
      .Case([&](SplitOp split) {
        auto [before, behind] = positionsAround(split.getResults(), result, value);
        return split.getPositions() ? padded(in, positions(value), -before, -behind) : in;
      })
      .Case([&](ConcatOp concat) {
        auto [before, behind] = positionsAround(concat.getInputs(), operand, concat.getResult());
        return concat.getPositions() ? padded(in, positions(value), before, behind) : in;
      })
      .Case([&](EmbedOp embed) { return in.closed(embed.getBytes()); })
      .Case([&](RangedAttentionOp ranged) { return operand == 0 ? in : seenInRanges(ranged, in); })
      .Default([&](Operation *other) {
        if (auto shift = dyn_cast<TokenShiftOp>(other); shift && shift.getReverse()) {
          return shiftedBack(value, in);
        }
        if (auto attention = dyn_cast<AttentionOp>(other); attention && time == TimeDependence::Later) {
          return positions(value) < 0 ? NewestByte::anything() : in.closed(positions(value)).opened(positions(value));
        }
        if (time == TimeDependence::Pointwise) {
          return in;
        }
        return time == TimeDependence::Prefix ? in.prefixed(positions(value)) : NewestByte::anything();
      });
}

namespace {

// The bounds of one function's values.
class FunctionBounds {
public:
  // Emits an error where a size or a dependence is unknown.
  LogicalResult compute(func::FuncOp func);
  LogicalResult compute(Block &block);
  // Bytes that stand before the first of `rows`, of which there are as many fewer than bytes: a prefix.
  int64_t skipped(Value rows) const;
  // Row t of `rows` may depend on bytes before t + offset. `user` is the op that takes the rows so.
  LogicalResult check(Value rows, int64_t offset, Operation *user) const;

private:
  LogicalResult enter(PiecesOp pieces);
  int64_t ownSlotEnd(Value value, int64_t row) const;
  std::optional<int64_t> rowBeyondSlot(Value value) const;
  Operation *findCulprit(Value rows) const;

  Block *body = nullptr;
  DenseMap<Value, SymbolicShape> shapes;
  llvm::MapVector<Value, NewestByte> newest;
};

struct CheckCausalityPass : public mblm::impl::CheckCausalityPassBase<CheckCausalityPass> {
  void runOnOperation() override;
};

} // namespace

LogicalResult FunctionBounds::compute(func::FuncOp func) {
  body = &func.getBody().front();
  auto inferred = inferShapes(func);
  if (failed(inferred)) {
    return failure();
  }
  shapes = std::move(*inferred);
  for (BlockArgument argument : func.getArguments()) {
    auto type = cast<RankedTensorType>(argument.getType());
    bool perByte = type.getRank() == 2 && (type.getElementType().isInteger(32) || !type.hasStaticShape());
    newest.insert({argument, perByte ? NewestByte::itself() : NewestByte::nothing()});
  }
  return compute(*body);
}

// The callee of `pieces`, as if its ops stood in the place of `pieces`.
LogicalResult FunctionBounds::enter(PiecesOp pieces) {
  func::FuncOp callee = pieces.getFunction();
  auto inferred = inferShapes(callee);
  if (failed(inferred)) {
    return failure();
  }
  shapes.insert(inferred->begin(), inferred->end());
  Block &block = callee.getBody().front();
  for (auto [argument, input] : llvm::zip_equal(block.getArguments(), pieces.getInputs())) {
    newest.insert({argument, newest.find(input)->second});
  }
  if (failed(compute(block))) {
    return failure();
  }
  for (auto [result, returned] : llvm::zip_equal(pieces.getResults(), block.getTerminator()->getOperands())) {
    newest.insert({result, newest.find(returned)->second});
  }
  return success();
}

LogicalResult FunctionBounds::compute(Block &block) {
  for (Operation &op : block.without_terminator()) {
    if (auto pieces = dyn_cast<PiecesOp>(op)) {
      if (failed(enter(pieces))) {
        return failure();
      }
      continue;
    }
    auto causal = dyn_cast<CausalityOpInterface>(op);
    if (!causal && op.getNumOperands() && op.getNumResults()) {
      return op.emitOpError("expects an op that says which positions it depends on");
    }
    for (OpResult result : op.getResults()) {
      NewestByte seen = NewestByte::nothing();
      for (auto [number, operand] : llvm::enumerate(op.getOperands())) {
        if (causal) {
          seen = seen.joined(seenThrough(causal, result.getResultNumber(), number, newest.find(operand)->second));
        }
      }
      newest.insert({result, seen});
    }
  }
  return success();
}

int64_t FunctionBounds::skipped(Value rows) const {
  SymbolicDim less = shapes.find(body->getArgument(0))->second[1] + shapes.find(rows)->second[1].scaled(-1);
  return less.isConstant() ? less.one : 0;
}

// The number of the newest byte that row `row` may see were the bytes dealt out evenly over the value's rows. The sizes
// are compared for one batch element and many slots, where start rows no longer count.
int64_t FunctionBounds::ownSlotEnd(Value value, int64_t row) const {
  constexpr int64_t manySlots = 1 << 16;
  auto count = [&](Value v) {
    const SymbolicShape &shape = shapes.find(v)->second;
    return shape[0].evaluate(1, manySlots) * shape[1].evaluate(1, manySlots);
  };
  int64_t prefix = std::max<int64_t>(skipped(value), 0);
  return (row + 1) * (count(body->getArgument(0)) - prefix) / std::max<int64_t>(count(value), 1) - 1 + prefix;
}

// The first row that sees a byte behind its own slot.
std::optional<int64_t> FunctionBounds::rowBeyondSlot(Value value) const {
  const NewestByte &seen = newest.find(value)->second;
  if (cast<RankedTensorType>(value.getType()).getRank() < 2) {
    return std::nullopt;
  }
  for (int64_t row = 0; row < 2 * seen.period(); ++row) {
    if (seen.at(row) > ownSlotEnd(value, row)) {
      return row;
    }
  }
  return std::nullopt;
}

// The first op on the way to `rows` that shows a row more than its slot, though its operands do not; or null.
Operation *FunctionBounds::findCulprit(Value rows) const {
  llvm::SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.inclusive = true;
  (void)getBackwardSlice(rows, &slice, options);
  auto leaks = [&](Value value) { return rowBeyondSlot(value).has_value(); };
  for (Operation &op : body->without_terminator()) {
    if (slice.contains(&op) && llvm::any_of(op.getResults(), leaks) && llvm::none_of(op.getOperands(), leaks)) {
      return &op;
    }
  }
  return nullptr;
}

static std::string byteName(int64_t byte) {
  return byte == NewestByte::all ? "every byte" : "byte " + std::to_string(byte);
}

LogicalResult FunctionBounds::check(Value rows, int64_t offset, Operation *user) const {
  const NewestByte &seen = newest.find(rows)->second;
  auto late = seen.firstLateRow(offset);
  if (!late) {
    return success();
  }
  Operation *culprit = findCulprit(rows);
  if (!culprit) {
    return user->emitOpError("expects row ") << *late << " of the logits to depend on bytes before " << *late + offset
                                             << " only, but it depends on " << byteName(seen.at(*late));
  }
  Value leak = *llvm::find_if(culprit->getResults(), [&](Value value) { return rowBeyondSlot(value).has_value(); });
  int64_t row = *rowBeyondSlot(leak);
  InFlightDiagnostic error = culprit->emitOpError("expects row ");
  error << row << " of its result to see bytes up to the end of its own slot (" << ownSlotEnd(leak, row)
        << "), but it sees " << byteName(newest.find(leak)->second.at(row));
  error.attachNote(user->getLoc()) << "row " << *late << " of the logits may depend on bytes before " << *late + offset
                                   << ", but depends on " << byteName(seen.at(*late));
  return error;
}

void CheckCausalityPass::runOnOperation() {
  markAllAnalysesPreserved();
  auto forward = getOperation().lookupSymbol<func::FuncOp>("forward");
  if (!forward || forward.isExternal() || forward.getNumArguments() == 0 || forward.getNumResults() == 0) {
    getOperation().emitError(
        "expects a function @forward with byte ids as its first argument and logits as its result");
    return signalPassFailure();
  }
  FunctionBounds bounds;
  Operation *end = forward.getBody().front().getTerminator();
  if (failed(bounds.compute(forward)) || failed(bounds.check(end->getOperand(0), 1 + bounds.skipped(end->getOperand(0)), end))) {
    return signalPassFailure();
  }
  auto loss = getOperation().lookupSymbol<func::FuncOp>("loss");
  if (!loss || loss.isExternal()) {
    return;
  }
  // In @loss the op itself says which byte a row predicts.
  FunctionBounds lossBounds;
  if (failed(lossBounds.compute(loss))) {
    return signalPassFailure();
  }
  for (auto predicted : loss.getOps<CrossEntropyOp>()) {
    if (failed(lossBounds.check(predicted.getLogits(), static_cast<int64_t>(predicted.getOffset()), predicted))) {
      return signalPassFailure();
    }
  }
}
