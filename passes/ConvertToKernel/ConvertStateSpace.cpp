// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Causal convolutions and scans. Convolutions are row programs that read the rows before; a scan is a kernel of its own.
#include "passes/ConvertToKernel/Converter.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

void Converter::convertConv(CausalConvOp op) {
  int64_t channels = widthOf(op.getInput()), taps = widthOf(op.getWeight());
  auto type = RankedTensorType::get({taps, channels}, builder.getF32Type());
  SmallVector<Value> inputs{op.getInput(), TransposeOp::create(builder, op->getLoc(), type, op.getWeight())};
  if (op.getBias()) {
    inputs.push_back(op.getBias());
  }
  replaceWithRows(op, Columns::plain(channels), inputs, [&](RowBody &r) {
    Value sum = op.getBias() ? r.here(2) : Value();
    for (int64_t i = 0; i < taps; ++i) {
      Value distance = r.index(taps - 1 - i);
      Value position = op.getReverse() ? r.plus(r.at.position, distance) : r.minus(r.at.position, distance);
      Value input = r.loadOrZero(0, {r.at.sequence, position, r.at.column});
      Value product = r.mul(r.load(1, {r.index(i), r.at.column}), input);
      sum = sum ? r.add(sum, product) : product;
    }
    return SmallVector<Value>{sum};
  });
}

void Converter::convertConvWeightGrad(CausalConvWeightGradOp op) {
  int64_t channels = widthOf(op.getGrad()), taps = widthOf(op.getResult());
  SmallVector<Type> types(taps, RankedTensorType::get({ShapedType::kDynamic, channels}, builder.getF32Type()));
  SmallVector<int64_t> blockSums;
  for (int64_t i = 0; i < taps; ++i) {
    blockSums.push_back(i);
  }
  auto rows = buildRows(
      builder, op->getLoc(), spaceOf(shapeOf(op.getGrad())), Columns::plain(channels), op->getOperands(), types,
      [&](RowBody &r) {
        SmallVector<Value> products;
        for (int64_t i = 0; i < taps; ++i) {
          Value position = r.minus(r.at.position, r.index(taps - 1 - i));
          products.push_back(r.mul(r.here(0), r.loadOrZero(1, {r.at.sequence, position, r.at.column})));
        }
        return products;
      },
      blockSums);
  SmallVector<Parts> parts;
  for (int64_t i = 0; i < taps; ++i) {
    parts.push_back({rows.getResult(i), rows.getSpace(), true, /*first=*/i, /*stride=*/taps});
  }
  standIn(op.getResult(), parts);
  converted.push_back(op);
}

//===----------------------------------------------------------------------===//
// Scans
//===----------------------------------------------------------------------===//

namespace {
// A scan's operands behind the splits that they come from, and their first features there.
struct ScanReads {
  SmallVector<Value> sources; // input, delta, b, c, gate
  SmallVector<int64_t> offsets;
  Value gate() const { return sources.size() > 4 ? sources[4] : Value(); }
};
} // namespace

template <typename OpT>
static ScanReads scanReads(OpT op, bool throughSplits) {
  ScanReads reads;
  for (Value operand : {op.getInput(), op.getDelta(), op.getB(), op.getC(), op.getGate()}) {
    if (!operand) {
      continue;
    }
    int64_t offset = 0;
    if (auto split = operand.getDefiningOp<SplitOp>(); split && throughSplits) {
      for (Value part : split.getResults()) {
        if (part == operand) {
          break;
        }
        offset += widthOf(part);
      }
      operand = split.getInput();
    }
    reads.sources.push_back(operand);
    reads.offsets.push_back(offset);
  }
  return reads;
}

void Converter::convertScan(SelectiveScanOp op) {
  ScanReads reads = scanReads(op, fuse);
  auto scan = ScanOp::create(builder, op->getLoc(), op->getResultTypes(), reads.sources[0], reads.sources[1],
                             reads.sources[2], reads.sources[3], op.getALog(), op.getSkip(), reads.gate(),
                             spaceOf(resultShape(op)), reads.offsets, widthOf(op.getResult()));
  replace(op, scan.getResult());
}

void Converter::convertScanGrad(SelectiveScanGradOp op) {
  ScanReads reads = scanReads(op, fuse);
  SpaceAttr space = spaceOf(shapeOf(op.getGrad()));
  int64_t channels = widthOf(op.getGrad()), states = widthOf(op.getALog());
  auto tensor = [&](ArrayRef<int64_t> shape) { return RankedTensorType::get(shape, builder.getF32Type()); };
  auto rows = cast<RankedTensorType>(op.getGrad().getType());
  SmallVector<Type> types{op.getInputGrad().getType(), op.getDeltaGrad().getType(), op.getBGrad().getType(),
                          op.getCGrad().getType(), tensor({scanParts, 1, channels * states}), tensor({scanParts, 1, channels}),
                          tensor({rows.getDimSize(0), rows.getDimSize(1),
                                  ceilDiv(channels, scanChannels(channels)) * 2 * states})};
  if (op.getGate()) {
    types.push_back(op.getGateGrad().getType());
  }
  auto grads = ScanGradOp::create(builder, op->getLoc(), types, op.getGrad(), reads.sources[0], reads.sources[1],
                                  reads.sources[2], reads.sources[3], op.getALog(), op.getSkip(), reads.gate(), space,
                                  reads.offsets, channels);
  SpaceAttr parts = spaceOf(SymbolicDim::constant(scanParts), SymbolicDim::constant(1));
  standIn(op.getALogGrad(), Parts{grads.getALogSums(), parts, false});
  standIn(op.getSkipGrad(), Parts{grads.getSkipSums(), parts, false});
  op.getInputGrad().replaceAllUsesWith(grads.getInputGrad());
  op.getDeltaGrad().replaceAllUsesWith(grads.getDeltaGrad());
  op.getBGrad().replaceAllUsesWith(grads.getBGrad());
  op.getCGrad().replaceAllUsesWith(grads.getCGrad());
  if (op.getGate()) {
    op.getGateGrad().replaceAllUsesWith(grads.getGateGrad());
  }
  converted.push_back(op);
}

LogicalResult Converter::convertStateSpace(Operation *op) {
  if (auto conv = dyn_cast<CausalConvOp>(op)) {
    convertConv(conv);
  } else if (auto grad = dyn_cast<CausalConvWeightGradOp>(op)) {
    convertConvWeightGrad(grad);
  } else if (auto scan = dyn_cast<SelectiveScanOp>(op)) {
    convertScan(scan);
  } else {
    convertScanGrad(cast<SelectiveScanGradOp>(op));
  }
  return success();
}
