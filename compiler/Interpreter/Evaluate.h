// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the interpreter's op families share: one op under evaluation with its operands' values, and how its results are
// made.
#pragma once

#include "compiler/Interpreter/Interpreter.h"
#include "dialects/MBLM/IR/MBLMOps.h"
#include "runtime/Support/Dropout.h"

namespace mblm::interpreter {

struct Frame {
  mlir::Operation *op;
  llvm::SmallVector<const Tensor *> operands; // by operand number
  llvm::SmallVector<Tensor> results;          // to be filled, in order
  const CallSizes &sizes;
  Stores &stores;
  mlir::SymbolTable &symbols;

  const Tensor &operand(unsigned n) const { return *operands[n]; }
  // A new result, zero everywhere. Results are appended in order; reserved beforehand, so references stay valid.
  Tensor &result(std::vector<int64_t> shape) { return results.emplace_back(Tensor::floats(std::move(shape))); }
  Tensor &result(const Tensor &like) { return result(like.shape); }
  int64_t staticSize(unsigned resultNumber, unsigned dim) const {
    return llvm::cast<mlir::RankedTensorType>(op->getResult(resultNumber).getType()).getDimSize(dim);
  }
  // The (static) type's shape of a result.
  std::vector<int64_t> staticShape(unsigned resultNumber) const {
    return llvm::cast<mlir::RankedTensorType>(op->getResult(resultNumber).getType()).getShape().vec();
  }
};

// What the dropout with this key multiplies column `column` of row `row` by.
inline double dropoutFactor(const Tensor &key, double rate, uint64_t site, int64_t row, int64_t column,
                            int64_t columns) {
  return rt::dropoutFactor({key.i[0], key.i[1], key.i[2], key.i[3]}, rate, static_cast<uint32_t>(site), row, column,
                           columns);
}

// Each evaluates the op of `frame` where it belongs to the family; false where it does not.
bool evaluateStructure(Frame &frame);
bool evaluatePositionwise(Frame &frame);
bool evaluateSequence(Frame &frame);
bool evaluatePatches(Frame &frame);
bool evaluateStateSpace(Frame &frame);
bool evaluateDecoding(Frame &frame);
bool evaluateScan(Frame &frame);
bool evaluateTraining(Frame &frame);

} // namespace mblm::interpreter
