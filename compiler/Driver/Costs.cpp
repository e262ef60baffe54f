// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums over all ops of a function.
#include "compiler/Driver/Costs.h"

#include "dialects/MBLM/IR/MBLMOps.h"
#include "dialects/MBLM/IR/ShapeInference.h"
#include "dialects/MBLM/IR/StepWeights.h"
#include "runtime/Support/Error.h"

using namespace mlir;
using namespace mblm;

driver::Cost driver::costOf(ModuleOp module, StringRef name, int64_t batch, int64_t slots, int64_t patches) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function) {
    throw Error(Exit::Internal, "internal error: the module has no function '" + name.str() + "'");
  }
  auto shapes = inferShapes(function);
  if (failed(shapes)) {
    throw Error(Exit::Internal, "internal error: sizes of function '" + name.str() + "' are unknown");
  }
  auto sizesOf = [&](ValueRange values) {
    SmallVector<SmallVector<int64_t>> sizes;
    for (Value value : values) {
      SmallVector<int64_t> &size = sizes.emplace_back();
      for (const SymbolicDim &dim : shapes->lookup(value)) {
        size.push_back(dim.evaluate(batch, slots, /*pieceSlots=*/0, patches));
      }
    }
    return sizes;
  };
  auto bytesOf = [](ArrayRef<SmallVector<int64_t>> sizes) {
    double bytes = 0;
    for (const SmallVector<int64_t> &size : sizes) {
      double product = sizeof(float);
      for (int64_t n : size) {
        product *= double(n);
      }
      bytes += product;
    }
    return bytes;
  };
  Cost cost;
  function.walk([&](PiecesOp pieces) {
    Cost inner = costOf(module, pieces.getCallee(), batch, slots);
    cost.flops += inner.flops;
    cost.bytes += inner.bytes;
  });
  function.walk([&](CostOpInterface op) {
    auto operands = sizesOf(op->getOperands()), results = sizesOf(op->getResults());
    cost.flops += op.getFlops(operands, results);
    // Loads, regroupings and the like only give names to what is there.
    if (op->getNumOperands() > 0 && !isa<RegroupOp>(op.getOperation())) {
      cost.bytes += bytesOf(operands) + bytesOf(results);
    }
  });
  return cost;
}

double driver::weightBytesOf(ModuleOp module, StringRef name) {
  double bytes = 0;
  StepWeights stepWeights(module);
  if (auto function = module.lookupSymbol<func::FuncOp>(name)) {
    function.walk([&](LinearOp linear) {
      auto weight = cast<RankedTensorType>(linear.getWeight().getType());
      double elements = double(weight.getNumElements()), scales = double(weight.getDimSize(0));
      bytes += stepWeights.inInt8(linear) ? elements + scales * double(sizeof(float)) : elements * double(sizeof(float));
    });
  }
  return bytes;
}
