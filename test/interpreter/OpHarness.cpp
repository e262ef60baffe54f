// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds the functions of single ops.
#include "test/interpreter/OpHarness.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"

#include <stdexcept>

using namespace mlir;
using namespace mblm;
using namespace mblm::test;

test::Operand mblm::test::ids(std::initializer_list<int64_t> shape, int64_t vocab) {
  test::Operand operand(shape);
  operand.kind = test::Operand::Ids;
  operand.vocab = vocab;
  return operand;
}

test::Operand mblm::test::perPosition(std::initializer_list<int64_t> shape) {
  test::Operand operand(shape);
  operand.kind = test::Operand::PerPosition;
  return operand;
}

test::Operand mblm::test::mask(std::initializer_list<int64_t> shape) {
  test::Operand operand(shape);
  operand.kind = test::Operand::Mask;
  return operand;
}

test::Operand mblm::test::dropoutKey() {
  test::Operand operand({4});
  operand.kind = test::Operand::DropoutKey;
  return operand;
}

test::Operand mblm::test::given(std::initializer_list<int64_t> shape, std::vector<int32_t> numbers) {
  test::Operand operand(shape);
  operand.kind = test::Operand::Given;
  operand.numbers = std::move(numbers);
  return operand;
}

test::Result mblm::test::numbers(std::initializer_list<int64_t> shape, int64_t each) {
  test::Result result(shape);
  result.ids = true;
  result.each = each;
  return result;
}

test::Result mblm::test::unplaced(std::initializer_list<int64_t> shape) {
  test::Result result(shape);
  result.placed = false;
  return result;
}

static std::string withOptional(const std::string &attributes, const char *required, bool hidden, bool key) {
  return attributes + ", operandSegmentSizes = array<i32: " + required + (hidden ? ", 1" : ", 0") + (key ? ", 1>" : ", 0>");
}

std::string mblm::test::attention(const std::string &attributes, bool hidden, bool key) {
  return withOptional(attributes, "1, 1, 1", hidden, key);
}

std::string mblm::test::attentionGrad(const std::string &attributes, bool hidden, bool key) {
  return withOptional(attributes, "1, 1, 1, 1, 1, 1", hidden, key);
}

std::string OpCase::label() const {
  std::string text = op + " {" + attributes + "}";
  for (const test::Operand &operand : operands) {
    text += " [";
    for (int64_t size : operand.shape) {
      text += std::to_string(size) + " ";
    }
    text.back() = ']';
  }
  return text;
}

static void loadDialects(MLIRContext &context) { context.loadDialect<MBLMDialect, func::FuncDialect>(); }

std::vector<std::string> mblm::test::opNames(llvm::function_ref<bool(RegisteredOperationName)> holds) {
  MLIRContext context;
  loadDialects(context);
  std::vector<std::string> names;
  // MLIR's own list by dialect searches with a comparison that is no order: it may come back empty.
  for (RegisteredOperationName name : context.getRegisteredOperations()) {
    if (name.getDialectNamespace() == "mblm" && holds(name)) {
      names.push_back(name.getStringRef().str());
    }
  }
  return names;
}

static SmallVector<Type> typesOf(MLIRContext &context, const OpCase &opCase) {
  SmallVector<Type> types;
  for (const test::Operand &operand : opCase.operands) {
    bool isIds = llvm::is_contained({test::Operand::Ids, test::Operand::DropoutKey, test::Operand::Given}, operand.kind);
    Type element = isIds ? Type(IntegerType::get(&context, 32)) : Type(Float32Type::get(&context));
    types.push_back(RankedTensorType::get(operand.shape, element));
  }
  return types;
}

OpFunction::OpFunction(const OpCase &opCase) : opCase(opCase) {
  loadDialects(context);
  module = ModuleOp::create(UnknownLoc::get(&context));
  func::FuncOp function = addFunction("op", typesOf(context, opCase));
  OpBuilder builder = OpBuilder::atBlockEnd(&function.getBody().front());
  op = buildOp(builder, function.getArguments());
  func::ReturnOp::create(builder, function.getLoc(), op->getResults());
  function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), op->getResultTypes()));
  finish();
}

func::FuncOp OpFunction::addFunction(StringRef name, ArrayRef<Type> arguments) {
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto type = builder.getFunctionType(arguments, {});
  auto function = func::FuncOp::create(builder, UnknownLoc::get(&context), name, type);
  function.addEntryBlock();
  return function;
}

Operation *OpFunction::buildOp(OpBuilder &builder, ValueRange operands) {
  OperationState state(UnknownLoc::get(&context), opCase.op);
  state.addOperands(operands);
  for (const test::Result &result : opCase.results) {
    state.addTypes(RankedTensorType::get(result.shape, result.ids ? Type(builder.getI32Type()) : Type(builder.getF32Type())));
  }
  auto attributes = dyn_cast_or_null<DictionaryAttr>(parseAttribute("{" + opCase.attributes + "}", &context));
  if (!attributes) {
    throw std::invalid_argument("attributes of " + opCase.label());
  }
  state.addAttributes(attributes.getValue());
  if (opCase.fillRegion) {
    OpBuilder inside(&context);
    opCase.fillRegion(inside, state.addRegion()->emplaceBlock());
  }
  return builder.create(state);
}

void OpFunction::finish() {
  if (failed(verify(*module))) {
    throw std::invalid_argument("not a valid op: " + opCase.label());
  }
  interpreter = std::make_unique<Interpreter>(*module);
}

void OpFunction::differentiate(unsigned differentiated) {
  SmallVector<Type> arguments = typesOf(context, opCase);
  llvm::append_range(arguments, TypeRange(op->getResultTypes()).take_front(differentiated));
  func::FuncOp function = addFunction("vjp", arguments);
  OpBuilder builder = OpBuilder::atBlockEnd(&function.getBody().front());
  unsigned operands = opCase.operands.size();
  Operation *forward = buildOp(builder, function.getArguments().take_front(operands));
  SmallVector<Value> resultGrads(function.getArguments().drop_front(operands)), operandGrads, returned;
  resultGrads.resize(op->getNumResults());
  if (failed(cast<DifferentiableOpInterface>(forward).buildVjp(builder, resultGrads, operandGrads)) ||
      operandGrads.size() != operands) {
    throw std::logic_error("no gradient for every operand: " + opCase.label());
  }
  for (Value grad : operandGrads) {
    due.push_back(bool(grad));
    if (grad) {
      returned.push_back(grad);
    }
  }
  func::ReturnOp::create(builder, function.getLoc(), returned);
  function.setFunctionType(builder.getFunctionType(arguments, TypeRange(returned)));
  finish();
}

std::vector<Tensor> OpFunction::runVjp(std::vector<Tensor> operands, std::vector<Tensor> gradients) {
  llvm::append_range(operands, gradients);
  std::vector<Tensor> returned = interpreter->call("vjp", std::move(operands)), grads;
  auto next = returned.begin();
  for (bool isDue : due) {
    grads.push_back(isDue ? std::move(*next++) : Tensor());
  }
  return grads;
}

Tensor mblm::test::randomTensor(std::vector<int64_t> shape, std::mt19937_64 &random) {
  std::normal_distribution<double> normal;
  Tensor tensor = Tensor::floats(std::move(shape));
  for (double &value : tensor.f) {
    value = normal(random);
  }
  return tensor;
}

Tensor mblm::test::randomTensor(const test::Operand &operand, std::mt19937_64 &random) {
  if (operand.kind == test::Operand::DropoutKey) {
    return Tensor::ids({4}, {5, -6, 7, 1});
  }
  if (operand.kind == test::Operand::Given) {
    return Tensor::ids(operand.shape, operand.numbers);
  }
  Tensor tensor = randomTensor(operand.shape, random);
  if (operand.kind == test::Operand::Ids) {
    std::uniform_int_distribution<int32_t> byte(0, operand.vocab - 1);
    tensor.f.clear();
    for (int64_t n = 0; n < tensor.elements(); ++n) {
      tensor.i.push_back(byte(random));
    }
  } else if (operand.kind == test::Operand::Mask) {
    // The first weight is none, so that zero and other weights are both there.
    for (double &value : tensor.f) {
      value = &value == tensor.f.data() && tensor.elements() > 1 ? 0.0 : 0.5 + std::abs(value);
    }
  }
  return tensor;
}
