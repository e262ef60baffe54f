// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks a function's block, keeps the values that are still needed, and hands each op to its family.
#include "compiler/Interpreter/Interpreter.h"

#include "compiler/Interpreter/Evaluate.h"
#include "runtime/Support/Error.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::interpreter;

Interpreter::Interpreter(ModuleOp module) : module(module), symbols(module) {
  for (auto parameter : module.getOps<ParameterOp>()) {
    int64_t size = cast<RankedTensorType>(parameter.getType()).getNumElements();
    elements = std::max(elements, static_cast<int64_t>(parameter.getOffset()) + size);
  }
}

bool Interpreter::has(StringRef function) { return bool(symbols.lookup<func::FuncOp>(function)); }

std::vector<Tensor> Interpreter::call(StringRef function, std::vector<Tensor> arguments, CallSizes sizes) {
  auto op = symbols.lookup<func::FuncOp>(function);
  if (!op) {
    throw Error(Exit::Internal, llvm::formatv("expected a function '@{0}' in the module, found none", function));
  }
  return call(op, std::move(arguments), sizes);
}

namespace {

// The values that some op ahead still reads.
class LiveValues {
public:
  void define(Value value, Tensor tensor) {
    if (!value.use_empty()) {
      live[value] = {std::move(tensor), std::distance(value.use_begin(), value.use_end())};
    }
  }
  const Tensor *read(Value value) { return &live.find(value)->second.tensor; }
  // One use less; the last one frees the value.
  void release(Value value) {
    auto entry = live.find(value);
    if (--entry->second.uses == 0) {
      live.erase(entry);
    }
  }

private:
  struct Entry {
    Tensor tensor;
    std::ptrdiff_t uses;
  };
  llvm::DenseMap<Value, Entry> live;
};

} // namespace

static bool fits(const Tensor &tensor, RankedTensorType type) {
  bool ids = type.getElementType().isInteger(32);
  size_t count = ids ? tensor.i.size() : tensor.f.size();
  if (tensor.rank() != type.getRank() || static_cast<int64_t>(count) != tensor.elements()) {
    return false;
  }
  return llvm::all_of(llvm::zip_equal(tensor.shape, type.getShape()), [](auto pair) {
    auto [size, expected] = pair;
    return ShapedType::isDynamic(expected) || size == expected;
  });
}

static void check(const Tensor &tensor, Value value, const llvm::Twine &where) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!fits(tensor, type)) {
    std::string expected;
    llvm::raw_string_ostream(expected) << type;
    auto sizes = llvm::map_to_vector(tensor.shape, [](int64_t size) { return std::to_string(size); });
    throw Error(Exit::Internal, llvm::formatv("{0}: expected a value of type {1}, got one of shape [{2}]", where.str(),
                                              expected, llvm::join(sizes, ", ")));
  }
}

std::vector<Tensor> Interpreter::call(func::FuncOp function, std::vector<Tensor> arguments, CallSizes sizes) {
  if (!function.getBody().hasOneBlock() || arguments.size() != function.getNumArguments()) {
    throw Error(Exit::Internal, llvm::formatv("'@{0}': expected one block and {1} arguments, got {2} blocks and {3}",
                                              function.getName(), function.getNumArguments(),
                                              function.getBody().getBlocks().size(), arguments.size()));
  }
  Block &block = function.getBody().front();
  LiveValues values;
  for (auto [n, argument] : llvm::enumerate(block.getArguments())) {
    Tensor &tensor = arguments[n];
    check(tensor, argument, llvm::formatv("argument {0} of '@{1}'", n, function.getName()));
    if (tensor.rank() == 2 && !tensor.i.empty()) {
      sizes.batch = tensor.shape[0];
    }
    values.define(argument, std::move(tensor));
  }
  for (Operation &op : block) {
    Frame frame{&op, {}, {}, sizes, buffers, symbols};
    frame.results.reserve(op.getNumResults());
    for (Value operand : op.getOperands()) {
      frame.operands.push_back(values.read(operand));
    }
    if (isa<func::ReturnOp>(op)) {
      auto returned = llvm::map_range(frame.operands, [](const Tensor *tensor) { return *tensor; });
      return {returned.begin(), returned.end()};
    }
    if (auto pieces = dyn_cast<PiecesOp>(op)) { // all slots are one piece
      auto copies = llvm::map_range(frame.operands, [](const Tensor *tensor) { return *tensor; });
      llvm::append_range(frame.results, call(pieces.getCallee(), {copies.begin(), copies.end()}));
    } else if (!evaluateStructure(frame) && !evaluatePositionwise(frame) && !evaluateSequence(frame) && !evaluatePatches(frame) &&
               !evaluateStateSpace(frame) && !evaluateScan(frame) && !evaluateDecoding(frame) &&
               !evaluateTraining(frame)) {
      throw Error(Exit::Internal, llvm::formatv("the reference interpreter has no formula for '{0}' in '@{1}'",
                                                op.getName(), function.getName()));
    }
    for (Value operand : op.getOperands()) {
      values.release(operand);
    }
    for (auto [result, tensor] : llvm::zip_equal(op.getResults(), frame.results)) {
      if (!isa<GetStateOp>(op)) { // whose elements stay where they are
        check(tensor, result, llvm::formatv("result of '{0}' in '@{1}'", op.getName(), function.getName()));
      }
      values.define(result, std::move(tensor));
    }
  }
  throw Error(Exit::Internal, llvm::formatv("'@{0}': expected a func.return at the end", function.getName()));
}
