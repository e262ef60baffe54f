// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// States and the ops on them.
#include "passes/ConvertToKernel/Converter.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

// Row `position mod n` of a state with n positions.
static Value ringRow(RowBody &r, Value position, const SymbolicDim &positions) {
  Value count = r.index(positions.one);
  if (positions.m) {
    count = r.plus(count, r.times(SlotsOp::create(r.b), r.index(positions.m)));
  }
  return arith::RemUIOp::create(r.b, position, count);
}

LogicalResult Converter::convertDecoding(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](GetStateOp get) {
        auto state = symbols.lookup<mblm::StateOp>(get.getState());
        replace(op, kernel::StateOp::create(builder, op->getLoc(), get.getType(), get.getStateAttr(), state.getOffsetAttr(),
                                            spaceOf(resultShape(op)))
                        .getResult());
        return success();
      })
      .Case([&](ReadOp read) {
        SymbolicDim positions = shapeOf(read.getState())[1];
        replaceWithRows(op, Columns::plain(widthOf(read.getResult())), op->getOperands(), [&](RowBody &r) {
          Value row = ringRow(r, r.positionFrom(read.getOrigin()), positions);
          return SmallVector<Value>{r.load(0, {r.at.sequence, row, r.at.column})};
        });
        return success();
      })
      .Case([&](WriteOp write) {
        Value rows = write.getValue();
        int64_t width = widthOf(rows);
        auto remember = RememberOp::create(builder, op->getLoc(), rows, write.getState(), spaceOf(shapeOf(rows)), width, 1, width,
                                   write.getOriginAttr());
        buildIdentity(builder, op->getLoc(), remember.getBody(), rows.getType());
        converted.push_back(op);
        return success();
      })
      .Case([&](RecallOp recall) {
        SymbolicDim positions = shapeOf(recall.getState())[1];
        int64_t reach = positions.one;
        replaceWithRows(op, Columns::plain(widthOf(recall.getResult())), op->getOperands(), [&](RowBody &r) {
          Value now = r.minus(r.at.position, r.index(reach)), position = r.plus(now, CallPositionOp::create(r.b));
          auto below = [&](Value x) {
            return arith::CmpIOp::create(r.b, arith::CmpIPredicate::slt, x, r.index(0)).getResult();
          };
          Value earlier = below(now), row = r.select(below(position), r.index(-1), ringRow(r, position, positions));
          Value before = r.loadOrZero(0, {r.at.sequence, row, r.at.column});
          return SmallVector<Value>{r.select(earlier, before, r.loadOrZero(1, {r.at.sequence, now, r.at.column}))};
        });
        return success();
      })
      .Case([&](mblm::CachedAttentionOp attention) {
        int64_t heads = attention.getHeads();
        auto cached = kernel::CachedAttentionOp::create(
            builder, op->getLoc(), attention.getType(), attention.getQuery(), attention.getKey(), attention.getValue(),
            spaceOf(resultShape(op)), heads, widthOf(attention.getQuery()) / heads, attention.getScale(), attention.getMask(),
            attention.getBlockAttr());
        replace(op, cached.getResult());
        return success();
      })
      .Case([&](SelectiveScanStepOp scan) {
        auto rates = cast<RankedTensorType>(scan.getALog().getType());
        auto type = RankedTensorType::get({rates.getDimSize(1), rates.getDimSize(0)}, rates.getElementType());
        Value transposed = TransposeOp::create(builder, op->getLoc(), type, scan.getALog());
        auto step = ScanStepOp::create(builder, op->getLoc(), scan.getType(), scan.getState(), scan.getInput(), scan.getDelta(),
                                       scan.getB(), scan.getC(), transposed, scan.getSkip(), scan.getGate(),
                                       spaceOf(resultShape(op)));
        replace(op, step.getResult());
        return success();
      })
      .Case([&](mblm::SsdStepOp ssd) {
        auto step = kernel::SsdStepOp::create(builder, op->getLoc(), ssd.getType(), ssd.getState(), ssd.getInput(), ssd.getDt(),
                                              ssd.getB(), ssd.getC(), ssd.getALog(), ssd.getSkip(), ssd.getDtBias(),
                                              spaceOf(resultShape(op)), widthOf(ssd.getDt()), ssd.getGroups(), ssd.getDtMin(),
                                              ssd.getDtMax());
        replace(op, step.getResult());
        return success();
      })
      .Default([](Operation *op) { return op->emitOpError("has no kernel"); });
}
