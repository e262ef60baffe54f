// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks a function as the interpreter does, with sizes instead of values.
#include "compiler/Interpreter/Workspace.h"

#include "dialects/MBLM/IR/MBLMOps.h"
#include "dialects/MBLM/IR/ShapeInference.h"
#include "runtime/Support/Error.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mblm;

int64_t mblm::peakValueBytes(func::FuncOp function, int64_t batch, int64_t slots) {
  llvm::DenseMap<Value, SymbolicShape> shapes;
  llvm::DenseMap<Value, int64_t> uses;
  int64_t live = 0, peak = 0;
  auto bytes = [&](Value value) {
    if (value.getDefiningOp<GetStateOp>()) {
      return int64_t(0); // the caller's
    }
    bool ids = cast<RankedTensorType>(value.getType()).getElementType().isInteger(32);
    int64_t size = ids ? sizeof(int32_t) : sizeof(double);
    for (const SymbolicDim &dim : shapes[value]) {
      size *= dim.evaluate(batch, slots, /*pieceSlots=*/0, /*patches=*/slots + 1); // at most
    }
    return size;
  };
  auto define = [&](Value value, const SymbolicShape &shape) {
    shapes[value] = shape;
    live += bytes(value);
    peak = std::max(peak, live);
  };
  auto release = [&](Value value) { live -= bytes(value); };

  Block &block = function.getBody().front();
  for (Value argument : block.getArguments()) {
    auto shape = argumentShape(function, cast<BlockArgument>(argument).getArgNumber());
    if (!shape) {
      throw Error(Exit::Internal, llvm::formatv("argument of '@{0}': its sizes are unknown", function.getName()));
    }
    define(argument, *shape);
    uses[argument] = std::distance(argument.use_begin(), argument.use_end());
  }
  for (Operation &op : block.without_terminator()) {
    SmallVector<SymbolicShape> operands, results;
    for (Value operand : op.getOperands()) {
      operands.push_back(shapes[operand]);
    }
    auto shaped = dyn_cast<SymbolicShapeOpInterface>(op);
    if (!shaped) {
      results.assign(op.getNumResults(), SymbolicShape());
    } else if (failed(shaped.inferSymbolicShapes(operands, results))) {
      throw Error(Exit::Internal,
                  llvm::formatv("'{0}' in '@{1}': the results' sizes are no linear form of batch and slots",
                                op.getName(), function.getName()));
    }
    if (auto pieces = dyn_cast<PiecesOp>(op)) { // the callee's values, its arguments once more
      peak = std::max(peak, live + peakValueBytes(pieces.getFunction(), batch, slots));
    }
    for (auto [result, shape] : llvm::zip_equal(op.getResults(), results)) {
      define(result, shape);
    }
    for (Value operand : op.getOperands()) {
      if (--uses[operand] == 0) {
        release(operand);
      }
    }
    for (Value result : op.getResults()) {
      uses[result] = std::distance(result.use_begin(), result.use_end());
      if (result.use_empty()) {
        release(result);
      }
    }
  }
  return peak;
}
