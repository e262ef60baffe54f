// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/passes/AgainstInterpreter.h"

#include "compiler/Interpreter/Interpreter.h"
#include "dialects/MBLM/IR/MBLMOps.h"
#include "dialects/Register.h"
#include "runtime/Support/Convert.h"
#include "runtime/Support/Memory.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

using namespace mblm;
using namespace mblm::test;

int64_t ModuleCase::Parameter::elements() const {
  int64_t n = 1;
  for (int64_t size : shape) {
    n *= size;
  }
  return n;
}

std::string test::tensorType(llvm::ArrayRef<int64_t> shape) {
  std::string text = "tensor<";
  for (int64_t size : shape) {
    text += (size < 0 ? "?" : std::to_string(size)) + "x";
  }
  return text + "f32>";
}

namespace {

struct Numbers {
  std::vector<double> output, gradients;
};

// Parameters begin at whole cache lines.
int64_t offsetBehind(int64_t offset, const ModuleCase::Parameter &parameter) {
  return (offset + parameter.elements() + 15) / 16 * 16;
}

std::string moduleText(const ModuleCase &test) {
  std::string text = "module attributes {mblm.inner = " + std::to_string(test.inner) + " : i64} {\n", loads;
  int64_t offset = 0;
  for (const ModuleCase::Parameter &parameter : test.parameters) {
    std::string type = tensorType(parameter.shape);
    text += "mblm.parameter @" + parameter.name + " at " + std::to_string(offset) + " : " + type + "\n";
    loads += "%" + parameter.name + " = mblm.load [@" + parameter.name + "] : " + type + "\n";
    offset = offsetBehind(offset, parameter);
  }
  std::string arguments = "%ids: tensor<?x" + (test.isStep ? std::to_string(test.inner) : "?") + "xi32>";
  if (test.dropout) {
    arguments += ", %key: tensor<4xi32>";
  }
  if (!test.lengths.empty()) {
    arguments += ", %lengths: tensor<?x?xi32> {mblm.per_patch}";
  }
  if (!test.ranges.empty()) {
    arguments += ", %ranges: tensor<?x" + std::to_string(test.perSequence(test.ranges)) + "xi32> {mblm.ranges}";
  }
  return text + test.states + "func.func @train_step(" + arguments + ") -> " + test.resultType + " {\n" + loads + test.body + "}\n}\n";
}

rt::ModelInfo modelInfo(const ModuleCase &test) {
  rt::ModelInfo info;
  info.name = "module";
  info.vocab = test.vocab;
  info.pad = 0;
  info.inner = test.inner;
  for (const ModuleCase::Parameter &parameter : test.parameters) {
    info.parameters.push_back({parameter.name, parameter.shape, info.parameterElements, "zeros", 0});
    info.parameterElements = offsetBehind(info.parameterElements, parameter);
  }
  return info;
}

struct Inputs {
  std::vector<int32_t> ids;
  std::vector<float> parameters;
};

Inputs randomInputs(const ModuleCase &test, int64_t elements, uint64_t seed) {
  std::mt19937_64 random(seed);
  Inputs inputs;
  for (int64_t n = 0; n < test.batch * test.slots * test.inner; ++n) {
    inputs.ids.push_back(int32_t(random() % uint64_t(test.vocab)));
  }
  for (const ModuleCase::Parameter &parameter : test.parameters) {
    for (int64_t n = 0; n < parameter.elements(); ++n) {
      double uniform = double(random() % 200001) / 100000.0 - 1;
      float value = float(parameter.middle + parameter.spread * uniform);
      inputs.parameters.push_back(test.narrow ? rt::floatFromBrain(rt::brainFromFloat(value)) : value);
    }
    inputs.parameters.resize((inputs.parameters.size() + 15) / 16 * 16);
  }
  EXPECT_EQ(int64_t(inputs.parameters.size()), elements);
  return inputs;
}

mlir::OwningOpRef<mlir::ModuleOp> parse(const ModuleCase &test, mlir::MLIRContext &context) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(moduleText(test), &context);
  EXPECT_TRUE(module) << moduleText(test);
  return module;
}

const rt::Draw draw{7, 3};

int64_t stateFloats(mlir::ModuleOp module, const ModuleCase &test) {
  int64_t floats = 0;
  for (auto state : module.getOps<mblm::StateOp>()) {
    auto type = mlir::cast<mlir::RankedTensorType>(state.getType());
    floats += test.batch * type.getDimSize(1) * type.getDimSize(2);
  }
  return floats;
}

Numbers interpret(const ModuleCase &test, mlir::MLIRContext &context, const Inputs &inputs) {
  auto module = parse(test, context);
  Interpreter interpreter(*module);
  interpreter.stores().parameters.assign(inputs.parameters.begin(), inputs.parameters.end());
  interpreter.stores().gradients.assign(inputs.parameters.size(), 0);
  std::vector<Tensor> arguments{Tensor::ids({test.batch, test.slots * test.inner}, inputs.ids)};
  if (test.dropout) {
    rt::DropoutKey key = rt::dropoutKey(draw);
    arguments.push_back(Tensor::ids({4}, {key.begin(), key.end()}));
  }
  for (const std::vector<int32_t> *numbers : {&test.lengths, &test.ranges}) {
    if (!numbers->empty()) {
      arguments.push_back(Tensor::ids({test.batch, test.perSequence(*numbers)}, *numbers));
    }
  }
  interpreter.stores().state.assign(stateFloats(*module, test), 0);
  auto results = interpreter.call("train_step", std::move(arguments), {test.batch, test.slots, test.position});
  return {results[0].f, interpreter.stores().gradients};
}

Numbers execute(const ModuleCase &test, mlir::MLIRContext &context, const Inputs &inputs, size_t outputs,
                const Native &native) {
  auto module = parse(test, context);
  pipelines::toKernelPhase(*module, native.fusion);
  int64_t floats = stateFloats(*module, test);
  rt::Buffer state(std::max<int64_t>(1, floats), "the state");
  auto program = compileKernels(*module, modelInfo(test), native);
  int64_t elements = int64_t(inputs.parameters.size());
  rt::Buffer params(elements, "parameters"), grads(elements, "gradients"), output(int64_t(outputs), "the output");
  std::copy(inputs.parameters.begin(), inputs.parameters.end(), params.data());
  std::vector<int32_t> ids(inputs.ids);
  ids.resize(ids.size() + 64);
  rt::Call::Scalars scalars;
  rt::Call call;
  call.batch = test.batch;
  call.slots = test.slots;
  call.ids = ids.data();
  call.params = params.data();
  call.grads = grads.data();
  call.output = output.data();
  call.scalars = &scalars;
  call.position = test.position;
  call.patches = test.perSequence(test.lengths);
  call.lengths = test.lengths.data();
  call.ranges = test.ranges.data();
  call.state = test.states.empty() ? nullptr : state.data();
  if (test.dropout) {
    call.draw = draw;
  }
  Numbers numbers;
  for (int run = 0; run < 2; ++run) { // the second one finds scratch and arena full of numbers
    for (const rt::Buffer *buffer : {&grads, &state}) {
      program->hostAccess(buffer->data());
    }
    std::fill_n(grads.data(), elements, 0.0f);
    std::fill_n(state.data(), floats, 0.0f);
    std::fill_n(output.data(), outputs, NAN);
    program->run(rt::Entry::TrainStep, call);
    program->hostAccess(grads.data());
    Numbers now{{output.data(), output.data() + outputs}, {grads.data(), grads.data() + elements}};
    EXPECT_TRUE(run == 0 || (now.output == numbers.output && now.gradients == numbers.gradients)) << "second run differs";
    numbers = std::move(now);
  }
  return numbers;
}

// The largest difference relative to the largest number.
void expectClose(const std::string &what, const std::vector<double> &got, const std::vector<double> &expected,
                 double tolerance) {
  double most = 1e-6, worst = 0;
  for (size_t n = 0; n < expected.size(); ++n) {
    most = std::max(most, std::abs(expected[n]));
    worst = std::isfinite(got[n]) ? std::max(worst, std::abs(got[n] - expected[n])) : INFINITY;
  }
  EXPECT_LE(worst / most, tolerance) << what;
}

// One case, interpreted once and executed in several ways.
class Agreement {
public:
  Agreement(const ModuleCase &test, uint64_t seed, double tolerance)
      : test(test), tolerance(tolerance), context(registry()), info(modelInfo(test)),
        inputs(randomInputs(test, info.parameterElements, seed)), expected(interpret(test, context, inputs)) {
    for (auto &[name, columns] : test.columns) {
      width += columns;
    }
  }

  Numbers run(const std::string &what, const Native &native) {
    SCOPED_TRACE(what + (native.fusion.on ? ", fused" : ", unfused"));
    Numbers got = execute(test, context, inputs, expected.output.size(), native);
    int64_t first = 0;
    for (auto &[name, columns] : test.columns) {
      expectClose(name, part(got.output, first, columns), part(expected.output, first, columns), tolerance);
      first += columns;
    }
    for (const rt::Parameter &parameter : info.parameters) {
      auto begin = parameter.offset, end = parameter.offset + parameter.elements();
      expectClose("gradient of " + parameter.name, {got.gradients.begin() + begin, got.gradients.begin() + end},
                  {expected.gradients.begin() + begin, expected.gradients.begin() + end}, tolerance);
    }
    return got;
  }

private:
  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    return registry;
  }
  std::vector<double> part(const std::vector<double> &output, int64_t first, int64_t columns) {
    std::vector<double> numbers;
    for (size_t row = 0; row * width < output.size(); ++row) {
      numbers.insert(numbers.end(), &output[row * width + first], &output[row * width + first] + columns);
    }
    return numbers;
  }

  const ModuleCase &test;
  double tolerance;
  mlir::MLIRContext context;
  rt::ModelInfo info;
  Inputs inputs;
  Numbers expected;
  int64_t width = 0;
};

} // namespace

void test::expectAgreement(const ModuleCase &test, uint64_t seed, double tolerance, const std::string &precision) {
  Agreement agreement(test, seed, tolerance);
  auto run = [&](const std::string &level, bool fuse, int threads) {
    Native native;
    native.level = level;
    native.precision = precision;
    native.fusion.on = fuse;
    native.threads = threads;
    return agreement.run(level, native);
  };
  std::vector<std::string> levels = hostLevels(precision == "bf16");
  Numbers alone = run(levels.front(), true, 1), together = run(levels.front(), true, 3);
  EXPECT_TRUE(together.output == alone.output && together.gradients == alone.gradients) << "three threads differ from one";
  run(levels.front(), false, 2);
  for (size_t n = 1; n < levels.size(); ++n) {
    run(levels[n], true, 2);
  }
}

void test::expectSimulatedAgreement(const ModuleCase &test, uint64_t seed, double tolerance, const std::string &precision) {
  Native fused, single;
  fused.level = "sm_80";
  single.level = "sm_90a";
  single.fusion.on = false;
  fused.precision = single.precision = precision;
  expectAgreement(test, seed, tolerance, {fused, single});
}

void test::expectAgreement(const ModuleCase &test, uint64_t seed, double tolerance, llvm::ArrayRef<Native> ways) {
  Agreement agreement(test, seed, tolerance);
  for (Native native : ways) {
    std::string name = native.level + " in " + native.precision;
    Numbers numbers = agreement.run(name, native);
    if (native.level.rfind("sm_", 0) == 0) {
      continue;
    }
    native.threads = native.threads == 1 ? 3 : 1;
    Numbers others = agreement.run(name, native);
    EXPECT_TRUE(others.output == numbers.output && others.gradients == numbers.gradients) << name << ": threads change the numbers";
  }
}
