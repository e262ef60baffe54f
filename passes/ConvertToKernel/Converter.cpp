// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walk, the ops that only move data, and the pass.
#include "passes/ConvertToKernel/Converter.h"
#include "passes/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

namespace mblm {
#define GEN_PASS_DEF_CONVERTTOKERNELPASS
#include "passes/Passes.h.inc"
} // namespace mblm

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

LogicalResult Converter::inferShapes() {
  for (BlockArgument argument : function.getArguments()) {
    shapes[argument] = kernel::shapeOf(argument);
  }
  for (Operation &op : function.getBody().front()) {
    auto interface = dyn_cast<SymbolicShapeOpInterface>(op);
    SmallVector<SymbolicShape> operands, results;
    for (Value operand : op.getOperands()) {
      operands.push_back(shapes.lookup(operand));
    }
    if (interface && failed(interface.inferSymbolicShapes(operands, results))) {
      return op.emitOpError("expects sizes that are linear forms of B, M and P");
    }
    for (auto [result, shape] : llvm::zip(op.getResults(), results)) {
      shapes[result] = shape;
    }
  }
  return success();
}

SymbolicShape Converter::shapeOf(Value value) {
  auto known = shapes.find(value);
  return known != shapes.end() ? known->second : kernel::shapeOf(value);
}

void Converter::joinKernels() {
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front().without_terminator())) {
    builder.setInsertionPoint(&op);
    if (auto attention = dyn_cast<mblm::AttentionOp>(op)) {
      convertAttention(attention);
    } else if (auto grad = dyn_cast<mblm::AttentionGradOp>(op)) {
      convertAttentionGrad(grad);
    } else if (auto scan = dyn_cast<SelectiveScanOp>(op)) {
      convertScan(scan);
    } else if (auto grad = dyn_cast<SelectiveScanGradOp>(op)) {
      convertScanGrad(grad);
    } else if (auto ssd = dyn_cast<mblm::SsdOp>(op)) {
      convertSsd(ssd);
    } else if (auto grad = dyn_cast<mblm::SsdGradOp>(op)) {
      convertSsdGrad(grad);
    }
  }
  eraseDead();
  // The gradient looks at the logits' users, so it goes first.
  for (auto grad : llvm::to_vector(function.getOps<mblm::CrossEntropyGradOp>())) {
    builder.setInsertionPoint(grad);
    joinLossGrad(grad);
  }
  for (auto loss : llvm::to_vector(function.getOps<mblm::CrossEntropyOp>())) {
    builder.setInsertionPoint(loss);
    joinLoss(loss);
  }
  eraseDead();
}

// Forgets the op's values before they go: a later op's may come to lie at the same address.
void Converter::erase(Operation *op) {
  for (Value result : op->getResults()) {
    shapes.erase(result);
    gradientSums.erase(result);
  }
  op->erase();
}

void Converter::eraseDead() {
  llvm::sort(converted, [](Operation *a, Operation *b) { return b->isBeforeInBlock(a); });
  for (Operation *op : converted) {
    erase(op);
  }
  converted.clear();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front()))) {
    if (isOpTriviallyDead(&op)) {
      erase(&op);
    }
  }
}

void Converter::replace(Operation *op, ValueRange values) {
  op->replaceAllUsesWith(values);
  converted.push_back(op);
}

void Converter::replaceWithRows(Operation *op, Columns columns, ValueRange inputs, const RowProgram &program) {
  RowsOp rows = buildRows(builder, op->getLoc(), spaceOf(resultShape(op)), columns, inputs, op->getResultTypes(), program);
  replace(op, rows.getResults());
}

void Converter::standIn(Value grad, ArrayRef<Parts> parts) {
  if (grad.use_empty()) {
    return;
  }
  SmallVector<Value> tensors;
  for (const Parts &part : parts) {
    tensors.push_back(part.tensor);
  }
  auto cast = UnrealizedConversionCastOp::create(builder, grad.getLoc(), grad.getType(), tensors);
  gradientSums[cast.getResult(0)].assign(parts.begin(), parts.end());
  grad.replaceAllUsesWith(cast.getResult(0));
  standIns.push_back(cast);
}

int64_t Converter::offsetOf(ArrayAttr parameters) {
  auto name = cast<FlatSymbolRefAttr>(parameters[0]);
  return symbols.lookup<ParameterOp>(name.getAttr())->getAttrOfType<IntegerAttr>("offset").getInt();
}

LogicalResult Converter::convertStructure(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](mblm::LoadOp load) {
        auto weight = WeightOp::create(builder, op->getLoc(), load.getType(), load.getParameters(),
                                       offsetOf(load.getParameters()));
        replace(op, weight.getResult());
        return success();
      })
      .Case([&](GradientOp gradient) {
        converted.push_back(op);
        return convertGradient(gradient.getValue(), gradient.getParameters());
      })
      .Case([&](RegroupOp regroup) {
        auto view = ViewOp::create(builder, op->getLoc(), regroup.getType(), regroup.getInput(), spaceOf(resultShape(op)));
        replace(op, view.getResult());
        return success();
      })
      .Case([&](StartTokenOp start) {
        replaceWithRows(op, Columns::plain(widthOf(start.getResult())), op->getOperands(), [&](RowBody &r) {
          Value before = r.minus(r.at.position, r.index(1));
          Value rest = r.loadOrZero(0, {r.at.sequence, before, r.at.column});
          return SmallVector<Value>{r.select(r.equal(r.at.position, 0), r.here(1), rest)};
        });
        return success();
      })
      .Case([&](StartOp start) {
        replaceWithRows(op, Columns::plain(widthOf(start.getResult())), op->getOperands(),
                        [&](RowBody &r) { return SmallVector<Value>{r.here(0)}; });
        return success();
      })
      .Case([&](SliceOp slice) {
        replaceWithRows(op, Columns::plain(widthOf(slice.getResult())), op->getOperands(), [&](RowBody &r) {
          Value position = r.plus(r.at.position, slice.getBefore());
          return SmallVector<Value>{r.load(0, {r.at.sequence, position, r.at.column})};
        });
        return success();
      })
      .Case([&](PadOp pad) {
        replaceWithRows(op, Columns::plain(widthOf(pad.getResult())), op->getOperands(), [&](RowBody &r) {
          Value position = r.minus(r.at.position, r.index(pad.getBefore()));
          return SmallVector<Value>{r.loadOrZero(0, {r.at.sequence, position, r.at.column})};
        });
        return success();
      })
      .Case([&](NextByteOp next) {
        int64_t patch = cast<RankedTensorType>(next.getInput().getType()).getDimSize(1) - 1;
        int64_t perSlot = shapeOf(next.getInput())[0].bm; // sequences of one batch row: perSlot * M
        replaceWithRows(op, Columns::plain(widthOf(next.getResult())), op->getOperands(), [&](RowBody &r) {
          Value first = r.equal(r.at.position, 0);
          Value before = r.select(first, r.index(0), r.minus(r.at.position, r.index(1)));
          Value base = r.times(r.at.sequence, r.times(SlotsOp::create(r.b), r.index(perSlot)));
          Value sequence = r.plus(base, arith::DivUIOp::create(r.b, before, r.index(patch)));
          Value slot = r.plus(arith::RemUIOp::create(r.b, before, r.index(patch)), 1);
          return SmallVector<Value>{r.load(0, {sequence, r.select(first, r.index(0), slot), r.at.column})};
        });
        return success();
      })
      .Case([&](NextByteGradOp next) {
        int64_t patch = cast<RankedTensorType>(next.getType()).getDimSize(1) - 1;
        int64_t perSlot = resultShape(op)[0].bm;
        replaceWithRows(op, Columns::plain(widthOf(next.getResult())), op->getOperands(), [&](RowBody &r) {
          Value sequences = r.times(SlotsOp::create(r.b), r.index(perSlot));
          Value row = arith::DivUIOp::create(r.b, r.at.sequence, sequences);
          Value number = arith::RemUIOp::create(r.b, r.at.sequence, sequences);
          Value unread = arith::AndIOp::create(
              r.b, r.equal(r.at.position, 0),
              arith::CmpIOp::create(r.b, arith::CmpIPredicate::ne, number, r.index(0)));
          Value position = r.plus(r.times(number, r.index(patch)), r.at.position);
          return SmallVector<Value>{r.loadOrZero(0, {row, r.select(unread, r.index(-1), position), r.at.column})};
        });
        return success();
      })
      .Case([&](SplitOp split) {
        SmallVector<Value> parts;
        int64_t offset = 0;
        if (split.getPositions()) {
          SmallVector<SymbolicShape> shapes;
          (void)split.inferSymbolicShapes(shapeOf(split.getInput()), shapes); // as when all shapes were inferred
          for (auto [result, shape] : llvm::zip_equal(split.getResults(), shapes)) {
            auto rows = buildRows(builder, op->getLoc(), spaceOf(shape), Columns::plain(widthOf(result)), op->getOperands(),
                                  result.getType(), [&](RowBody &r) {
                                    Value position = r.plus(r.at.position, offset);
                                    return SmallVector<Value>{r.load(0, {r.at.sequence, position, r.at.column})};
                                  });
            parts.push_back(rows.getResult(0));
            offset += shape[1].one;
          }
          replace(op, parts);
          return success();
        }
        for (Value result : split.getResults()) {
          int64_t width = widthOf(result);
          auto rows = buildRows(builder, op->getLoc(), spaceOf(resultShape(op)), Columns::plain(width), op->getOperands(),
                                result.getType(), [&](RowBody &r) {
                                  Value column = r.plus(r.at.column, offset);
                                  return SmallVector<Value>{r.load(0, {r.at.sequence, r.at.position, column})};
                                });
          parts.push_back(rows.getResult(0));
          offset += width;
        }
        replace(op, parts);
        return success();
      })
      .Case([&](ConcatOp concat) {
        if (concat.getPositions()) {
          replaceWithRows(op, Columns::plain(widthOf(concat.getResult())), op->getOperands(), [&](RowBody &r) {
            Value result;
            int64_t offset = 0;
            for (unsigned n = 0; n < concat.getInputs().size(); ++n) {
              Value position = r.minus(r.at.position, r.index(offset));
              Value here = r.loadOrZero(n, {r.at.sequence, position, r.at.column});
              auto reached = [&] { return arith::CmpIOp::create(r.b, arith::CmpIPredicate::sge, r.at.position, r.index(offset)); };
              result = result ? r.select(reached(), here, result) : here;
              offset += shapeOf(concat.getInputs()[n])[1].one;
            }
            return SmallVector<Value>{result};
          });
          return success();
        }
        // Segments as wide as the widths' greatest common divisor never straddle two inputs.
        int64_t width = 0, total = widthOf(concat.getResult());
        for (Value input : concat.getInputs()) {
          width = std::gcd(width, widthOf(input));
        }
        replaceWithRows(op, {total, total / width, width}, op->getOperands(), [&](RowBody &r) {
          Value result;
          int64_t offset = 0;
          for (unsigned n = 0; n < concat.getInputs().size(); ++n) {
            int64_t end = offset + widthOf(concat.getInputs()[n]);
            Value begins = arith::CmpIOp::create(r.b, arith::CmpIPredicate::sge, r.at.segment, r.index(offset / width));
            Value ends = arith::CmpIOp::create(r.b, arith::CmpIPredicate::slt, r.at.segment, r.index(end / width));
            Value inside = arith::AndIOp::create(r.b, begins, ends);
            Value segment = r.select(inside, r.minus(r.at.segment, r.index(offset / width)), r.index(0));
            Value column = r.plus(r.times(segment, r.index(width)), r.at.offset);
            Value here = r.load(n, {r.at.sequence, r.at.position, column});
            result = result ? r.select(inside, here, result) : here;
            offset = end;
          }
          return SmallVector<Value>{result};
        });
        return success();
      })
      .Default([](Operation *op) { return op->emitOpError("has no kernel"); });
}

LogicalResult Converter::convert(Operation *op) {
  builder.setInsertionPoint(op);
  if (isa<mblm::LoadOp, GradientOp, RegroupOp, StartTokenOp, StartOp, SliceOp, PadOp, NextByteOp, NextByteGradOp, SplitOp,
          ConcatOp>(op)) {
    return convertStructure(op);
  }
  if (isa<GetStateOp, ReadOp, WriteOp, RecallOp, mblm::CachedAttentionOp, SelectiveScanStepOp, mblm::SsdStepOp>(op)) {
    return convertDecoding(op);
  }
  if (isa<TokenShiftOp, RopeOp, mblm::AttentionOp, mblm::AttentionGradOp, mblm::SsdOp, mblm::SsdGradOp, mblm::ScanOp,
          mblm::ScanGradOp>(op)) {
    return convertSequence(op);
  }
  if (isa<HiddenKeysOp, PatchStartsOp, PatchLengthsOp, LeadOp, NgramRowsOp, VisibleBytesOp, VisiblePatchesOp, PatchBytesOp, BytePatchesOp, mblm::PoolOp,
          mblm::PoolGradOp, SpreadOp, mblm::RangedAttentionOp, mblm::RangedAttentionGradOp, EntropyOp>(op)) {
    return convertPatches(op);
  }
  if (isa<CausalConvOp, CausalConvWeightGradOp, SelectiveScanOp, SelectiveScanGradOp>(op)) {
    return convertStateSpace(op);
  }
  if (isa<mblm::CrossEntropyOp, mblm::CrossEntropyGradOp, mblm::MeanLossOp, MeanLossGradOp, mblm::UpdateOp>(op)) {
    return convertTraining(op);
  }
  return convertPositionwise(op);
}

LogicalResult Converter::run() {
  if (failed(inferShapes())) {
    return failure();
  }
  if (fuse) {
    joinKernels();
  }
  SmallVector<Operation *> ops;
  for (Operation &op : function.getBody().front().without_terminator()) {
    ops.push_back(&op);
  }
  for (Operation *op : ops) {
    Operation *before = op->getPrevNode();
    bool isWork = isa_and_nonnull<MBLMDialect>(op->getDialect()) && !isa<PiecesOp>(op);
    if (isWork && failed(convert(op))) {
      return failure();
    }
    // What is computed again stays apart from its first computation, or that would have to be kept after all.
    if (Attribute again = op->getAttr("mblm.recompute")) {
      for (Operation *made = before ? before->getNextNode() : &op->getBlock()->front(); made != op;
           made = made->getNextNode()) {
        made->setAttr("mblm.recompute", again);
      }
    }
  }
  llvm::append_range(converted, standIns);
  eraseDead();
  return success();
}

namespace {
struct ConvertToKernelPass : mblm::impl::ConvertToKernelPassBase<ConvertToKernelPass> {
  using ConvertToKernelPassBase::ConvertToKernelPassBase;

  void runOnOperation() override {
    StepWeights stepWeights(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (failed(Converter(function, fuse, stepWeights).run())) {
        return signalPassFailure();
      }
    }
  }
};
} // namespace
