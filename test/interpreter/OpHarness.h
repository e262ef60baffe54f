// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One op in a function of its own: what the tests of single ops stand on. A case is one line: the op's name, the shapes
// of its operands and results, its attributes in MLIR's own syntax.
#pragma once

#include "compiler/Interpreter/Interpreter.h"
#include "dialects/MBLM/IR/MBLMOps.h"

#include "mlir/IR/OwningOpRef.h"

#include <random>
#include <string>
#include <vector>

namespace mblm::test {

struct Operand {
  enum Kind { Normal, PerPosition, Ids, Mask, DropoutKey, Given };
  std::vector<int64_t> shape;
  Kind kind = Normal;
  int64_t vocab = 0;            // of ids
  std::vector<int32_t> numbers; // where they are given

  Operand(std::initializer_list<int64_t> shape) : shape(shape) {}
  // A parameter, a scalar or a key has none.
  bool hasPositions() const { return shape.size() == 3 || (kind != Normal && kind != DropoutKey); }
};
// One number per position; byte ids below `vocab`; weights of targets (some of them zero).
Operand perPosition(std::initializer_list<int64_t> shape);
Operand ids(std::initializer_list<int64_t> shape, int64_t vocab);
Operand mask(std::initializer_list<int64_t> shape);
// Always the same.
Operand dropoutKey();
// Lengths or ranges: these numbers and no others.
Operand given(std::initializer_list<int64_t> shape, std::vector<int32_t> numbers);

struct Result {
  std::vector<int64_t> shape;
  bool placed = true; // its dimension 1 counts positions
  bool ids = false;
  int64_t each = 1; // numbers that a position has there

  Result(std::initializer_list<int64_t> shape) : shape(shape) {}
};
// A result without positions: the gradient of a parameter, a mean.
Result unplaced(std::initializer_list<int64_t> shape);
// Rows of tables or ranges, `each` numbers for each position.
Result numbers(std::initializer_list<int64_t> shape, int64_t each);

struct OpCase {
  std::string op;
  std::vector<Operand> operands;
  std::vector<Result> results;
  std::string attributes; // "heads = 2 : i64, inverse"
  void (*fillRegion)(mlir::OpBuilder &, mlir::Block &) = nullptr; // of ops that have one

  std::string label() const;
};

// Attributes of attention, or of its gradient, that say which of the optional operands are there: hidden keys, a dropout key.
std::string attention(const std::string &attributes, bool hidden = false, bool key = false);
std::string attentionGrad(const std::string &attributes, bool hidden = false, bool key = false);

// The cases of every op that has operands and results, several shapes each.
const std::vector<OpCase> &opCases();

// Names of the dialect's ops for which `holds`.
std::vector<std::string> opNames(llvm::function_ref<bool(mlir::RegisteredOperationName)> holds);

// @op of a case and, where asked for, @vjp (operands, gradients of the first `differentiated` results) -> operand
// gradients.
class OpFunction {
public:
  explicit OpFunction(const OpCase &opCase);

  mlir::Operation *operation() { return op; }
  std::vector<Tensor> run(std::vector<Tensor> operands) { return interpreter->call("op", std::move(operands)); }
  // Builds @vjp. The results are one gradient per operand, empty where none is due.
  void differentiate(unsigned differentiated);
  std::vector<Tensor> runVjp(std::vector<Tensor> operands, std::vector<Tensor> gradients);

private:
  mlir::func::FuncOp addFunction(llvm::StringRef name, llvm::ArrayRef<mlir::Type> arguments);
  mlir::Operation *buildOp(mlir::OpBuilder &builder, mlir::ValueRange operands);
  void finish();

  OpCase opCase;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::Operation *op = nullptr;
  std::vector<bool> due; // whether an operand has a gradient
  std::unique_ptr<Interpreter> interpreter;
};

Tensor randomTensor(const Operand &operand, std::mt19937_64 &random);
Tensor randomTensor(std::vector<int64_t> shape, std::mt19937_64 &random);

} // namespace mblm::test
