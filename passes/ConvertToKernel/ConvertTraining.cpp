// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loss and update, on their own and fused with the head.
#include "passes/ConvertToKernel/Converter.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

//===----------------------------------------------------------------------===//
// Logits and loss in one kernel
//===----------------------------------------------------------------------===//

// The head behind `logits` if the logits serve only cross entropies and their gradients.
static LinearOp lossHead(Value logits) {
  auto head = logits.getDefiningOp<LinearOp>();
  if (!head || head.getTransposed()) {
    return {};
  }
  bool onlyLoss = llvm::all_of(logits.getUsers(), [](Operation *user) {
    return isa<mblm::CrossEntropyOp, mblm::CrossEntropyGradOp>(user);
  });
  return onlyLoss ? head : LinearOp();
}

bool Converter::joinLoss(mblm::CrossEntropyOp op) {
  LinearOp head = lossHead(op.getLogits());
  if (!head) {
    return false;
  }
  Value input = head.getInput();
  int64_t depth = widthOf(input);
  auto fused = kernel::CrossEntropyOp::create(
      builder, op->getLoc(), op->getResultTypes(), input, pack(head.getLoc(), head.getWeight(), false), head.getBias(),
      op.getIds(), spaceOf(resultShape(op)), depth, 1, depth, widthOf(op.getLogits()), op.getOffset(), op.getIgnoreAttr());
  buildIdentity(builder, op->getLoc(), fused.getPrologue(), input.getType());
  op->replaceAllUsesWith(fused.getResults());
  erase(op);
  return true;
}

bool Converter::joinLossGrad(mblm::CrossEntropyGradOp op) {
  LinearOp head = lossHead(op.getLogits());
  // The gradient of the logits may only go where the fused kernel sends it.
  LinearOp inputGrad;
  WeightGradOp weightGrad;
  mblm::ReduceOp biasGrad;
  for (Operation *user : op->getUsers()) {
    if (auto linear = dyn_cast<LinearOp>(user); linear && linear.getTransposed() && !inputGrad) {
      inputGrad = linear;
    } else if (auto grad = dyn_cast<WeightGradOp>(user); grad && grad.getGrad() == op.getResult() && !weightGrad) {
      weightGrad = grad;
    } else if (auto sum = dyn_cast<mblm::ReduceOp>(user); sum && sum.getOver() == ReduceOver::Rows && !biasGrad) {
      biasGrad = sum;
    } else {
      return false;
    }
  }
  if (!head || !inputGrad || !weightGrad) {
    return false;
  }
  Value input = head.getInput();
  int64_t depth = widthOf(input), columns = widthOf(op.getLogits());
  SpaceAttr space = spaceOf(resultShape(op));
  auto sums = [&](int64_t n) { return RankedTensorType::get({lossChunks, 1, n}, builder.getF32Type()); };
  Location loc = op->getLoc();
  auto fused = kernel::CrossEntropyGradOp::create(
      builder, loc, TypeRange{inputGrad.getType(), sums(columns * depth), sums(columns)}, input,
      pack(head.getLoc(), head.getWeight(), false), pack(head.getLoc(), head.getWeight(), true), head.getBias(),
      op.getIds(), op.getGrad(), op.getLse(), space, depth, 1, depth, columns, op.getOffset(), op.getIgnoreAttr());
  buildIdentity(builder, loc, fused.getPrologue(), input.getType());
  inputGrad->replaceAllUsesWith(ValueRange(fused.getResult()));
  erase(inputGrad);
  SpaceAttr parts = spaceOf(SymbolicDim::constant(lossChunks), SymbolicDim::constant(1));
  auto sumLater = [&](Operation *grad, Value tensor) {
    standIn(grad->getResult(0), Parts{tensor, parts, false});
    erase(grad);
  };
  sumLater(weightGrad, fused.getWeightSums());
  if (biasGrad) {
    sumLater(biasGrad, fused.getBiasSums());
  }
  erase(op);
  return true;
}

//===----------------------------------------------------------------------===//
// On their own
//===----------------------------------------------------------------------===//

// Target and whether it counts, for the row at hand.
static std::pair<Value, Value> target(RowBody &r, unsigned ids, int64_t offset, std::optional<uint64_t> ignore) {
  Value id = r.load(ids, {r.at.sequence, r.plus(r.at.position, offset)});
  Value counts = arith::ConstantOp::create(r.b, r.b.getBoolAttr(true));
  if (ignore) {
    counts = arith::CmpIOp::create(r.b, arith::CmpIPredicate::ne, id,
                                   arith::ConstantOp::create(r.b, r.b.getI32IntegerAttr(*ignore)));
  }
  return {arith::IndexCastOp::create(r.b, r.b.getIndexType(), id), counts};
}

void Converter::convertCrossEntropy(mblm::CrossEntropyOp op) {
  int64_t columns = widthOf(op.getLogits());
  SmallVector<Value> inputs{op.getLogits(), op.getIds()};
  auto rows = buildRows(builder, op->getLoc(), spaceOf(resultShape(op)), Columns::plain(columns), inputs,
                        op->getResultTypes(), [&](RowBody &r) {
                          Value logit = r.here(0);
                          Value top = RowMaxOp::create(r.b, r.b.getF32Type(), logit); // so that exp does not overflow
                          Value sum = r.rowSum(math::ExpOp::create(r.b, r.sub(logit, top)));
                          Value lse = r.add(top, math::LogOp::create(r.b, sum));
                          auto [id, counts] = target(r, 1, op.getOffset(), op.getIgnore());
                          Value chosen = r.load(0, {r.at.sequence, r.at.position, id});
                          return SmallVector<Value>{r.select(counts, r.sub(lse, chosen), r.number(0)), lse};
                        });
  replace(op, rows.getResults());
}

void Converter::convertCrossEntropyGrad(mblm::CrossEntropyGradOp op) {
  int64_t columns = widthOf(op.getLogits());
  SmallVector<Value> inputs{op.getLogits(), op.getIds(), op.getGrad(), op.getLse()};
  replaceWithRows(op, Columns::plain(columns), inputs, [&](RowBody &r) {
    auto [id, counts] = target(r, 1, op.getOffset(), op.getIgnore());
    Value softmax = math::ExpOp::create(r.b, r.sub(r.here(0), r.here(3)));
    Value hit = arith::CmpIOp::create(r.b, arith::CmpIPredicate::eq, r.at.column, id);
    Value scale = r.select(counts, r.here(2), r.number(0));
    return SmallVector<Value>{r.mul(r.sub(softmax, r.select(hit, r.number(1), r.number(0))), scale)};
  });
}

LogicalResult Converter::convertTraining(Operation *op) {
  Location loc = op->getLoc();
  if (auto loss = dyn_cast<mblm::CrossEntropyOp>(op)) {
    convertCrossEntropy(loss);
  } else if (auto grad = dyn_cast<mblm::CrossEntropyGradOp>(op)) {
    convertCrossEntropyGrad(grad);
  } else if (auto mean = dyn_cast<mblm::MeanLossOp>(op)) {
    SpaceAttr space = spaceOf(shapeOf(mean.getTokenLoss()));
    auto fused = kernel::MeanLossOp::create(builder, loc, op->getResultTypes(), mean.getTokenLoss(), mean.getMask(),
                                            mean.getIds(), space, mean.getKind(), mean.getOffset(), mean.getIgnoreAttr());
    replace(op, fused.getResults());
  } else if (auto grad = dyn_cast<MeanLossGradOp>(op)) {
    replaceWithRows(op, Columns::plain(1), op->getOperands(), [&](RowBody &r) {
      Value count = r.here(1), zero = r.number(0);
      Value mask = r.load(2, {r.at.sequence, r.plus(r.at.position, grad.getOffset())});
      Value none = arith::CmpFOp::create(r.b, arith::CmpFPredicate::OEQ, count, zero);
      Value divisor = r.select(none, r.number(1), count);
      return SmallVector<Value>{r.select(none, zero, r.div(r.mul(r.here(0), mask), divisor))};
    });
  } else {
    auto update = cast<mblm::UpdateOp>(op);
    auto fused = kernel::UpdateOp::create(builder, loc, update.getType(), update.getHyper(), update.getDecay());
    replace(op, fused.getResult());
  }
  return success();
}
