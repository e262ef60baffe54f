// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs @example of a module through the reference interpreter. Inputs are easy to follow by hand: floats and parameters
// count 1, 2, 3, ...; ids count 0, 1, 2, 3, 0, 1, ... An argument with the attribute mblm.numbers has these instead. States count
// 1, 2, 3, ..., too; B = 1, M = 2 and P = 1. Prints arguments, results and, where there are parameters or states, the buffers.
#include "compiler/Interpreter/Interpreter.h"
#include "dialects/MBLM/IR/MBLMOps.h"
#include "dialects/Register.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mblm;

static std::vector<double> counted(int64_t elements) {
  std::vector<double> values;
  for (int64_t i = 1; i <= elements; ++i) {
    values.push_back(static_cast<double>(i));
  }
  return values;
}

static Tensor input(mlir::RankedTensorType type, mlir::DenseI64ArrayAttr numbers) {
  std::vector<int64_t> shape = type.getShape().vec();
  if (numbers) {
    llvm::ArrayRef<int64_t> given = numbers;
    return type.getElementType().isF32() ? Tensor::floats(shape, {given.begin(), given.end()})
                                         : Tensor::ids(shape, {given.begin(), given.end()});
  }
  if (type.getElementType().isF32()) {
    return Tensor::floats(shape, counted(type.getNumElements()));
  }
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    ids.push_back(static_cast<int32_t>(i % 4));
  }
  return Tensor::ids(shape, ids);
}

static void print(const std::vector<double> &values) {
  for (double value : values) {
    llvm::outs() << " " << llvm::format("%.5g", value == 0 ? 0.0 : value); // no negative zeros
  }
  llvm::outs() << "\n";
}

static void print(llvm::StringRef name, size_t number, const Tensor &tensor) {
  llvm::outs() << name << " " << number << " [";
  llvm::interleaveComma(tensor.shape, llvm::outs());
  llvm::outs() << "]:";
  print(tensor.i.empty() ? tensor.f : std::vector<double>(tensor.i.begin(), tensor.i.end()));
}

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  auto module = argc == 2 ? mlir::parseSourceFile<mlir::ModuleOp>(argv[1], &context) : nullptr;
  auto example = module ? module->lookupSymbol<mlir::func::FuncOp>("example") : nullptr;
  if (!example) {
    llvm::errs() << "expects one argument, an .mlir file with @example\n";
    return 2;
  }
  Interpreter interpreter(*module);
  Stores &stores = interpreter.stores();
  stores.parameters = counted(interpreter.parameterElements());
  stores.gradients.assign(stores.parameters.size(), 1);
  stores.firstMoment.assign(stores.parameters.size(), 0);
  stores.secondMoment.assign(stores.parameters.size(), 0);

  constexpr CallSizes sizes{1, 2, 1};
  for (auto state : module->getOps<StateOp>()) {
    auto type = mlir::cast<mlir::RankedTensorType>(state.getType());
    int64_t positions = type.isDynamicDim(1) ? sizes.slots + int64_t(state.getMore()) : type.getDimSize(1);
    int64_t begin = state.getOffset()[0] + state.getOffset()[2] * sizes.batch;
    stores.state = counted(std::max<int64_t>(int64_t(stores.state.size()), begin + positions * type.getDimSize(2)));
  }

  std::vector<Tensor> arguments;
  for (mlir::Type type : example.getArgumentTypes()) {
    arguments.push_back(input(mlir::cast<mlir::RankedTensorType>(type),
                              example.getArgAttrOfType<mlir::DenseI64ArrayAttr>(arguments.size(), "mblm.numbers")));
    print("argument", arguments.size() - 1, arguments.back());
  }
  std::vector<Tensor> results = interpreter.call(example, arguments, sizes);
  for (size_t i = 0; i < results.size(); ++i) {
    print("result", i, results[i]);
  }
  if (!stores.parameters.empty()) {
    llvm::outs() << "parameters:";
    print(stores.parameters);
    llvm::outs() << "gradients:";
    print(stores.gradients);
  }
  if (!stores.state.empty()) {
    llvm::outs() << "state:";
    print(stores.state);
  }
}
