// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops on the flat buffers (load, gradient, update), dynamic sizes, the program that carries f32 buffers to them and
// back, and what the interpreter refuses.
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Interpreter/ReferenceProgram.h"
#include "dialects/MBLM/IR/MBLMOps.h"
#include "runtime/Support/Error.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using namespace mblm;

namespace {

// Two parameters with a hole of two elements before the second; @step trains on gradients that stand there already.
const char *const text = R"(
  mblm.parameter @a at 0 : tensor<1x1xf32>
  mblm.parameter @b at 1 : tensor<2x1xf32>
  mblm.parameter @c at 5 : tensor<1xf32>
  func.func @both() -> tensor<3x1xf32> {
    %0 = mblm.load [@a, @b] : tensor<3x1xf32>
    return %0 : tensor<3x1xf32>
  }
  func.func @add(%v: tensor<3x1xf32>) {
    mblm.gradient [@a, @b], %v : tensor<3x1xf32>
    return
  }
  func.func @step(%hyper: tensor<8xf32>, %decay: tensor<3xf32>) -> tensor<f32> {
    %0 = mblm.update %hyper, %decay : tensor<8xf32>, tensor<3xf32>
    return %0 : tensor<f32>
  }
  func.func @deal(%ids: tensor<?x?xi32>, %x: tensor<?x2x1xf32>) -> tensor<?x?x1xf32> {
    %0 = mblm.regroup %x : tensor<?x2x1xf32> -> tensor<?x?x1xf32>
    return %0 : tensor<?x?x1xf32>
  }
  func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x1xf32> {
    %0 = mblm.load [@a, @b] : tensor<3x1xf32>
    %1 = mblm.embed %ids, %0 : tensor<?x?xi32>, tensor<3x1xf32> -> tensor<?x?x1xf32>
    return %1 : tensor<?x?x1xf32>
  }
  func.func @empty() -> tensor<1x1x1xf32> {
    %0 = mblm.load [@c] : tensor<1xf32>
    %1 = mblm.start %0 : tensor<1xf32> -> tensor<1x1x1xf32>
    return %1 : tensor<1x1x1xf32>
  }
  func.func @train_step(%scale: tensor<f32>, %hyper: tensor<8xf32>, %decay: tensor<3xf32>)
      -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) {
    %0 = mblm.update %hyper, %decay : tensor<8xf32>, tensor<3xf32>
    return %scale, %scale, %scale, %0 : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>
  }
)";

class Parameters : public testing::Test {
protected:
  Parameters() : context(std::make_shared<MLIRContext>()) {
    context->loadDialect<MBLMDialect, func::FuncDialect>();
    module = parseSourceString<ModuleOp>(text, context.get());
    interpreter = std::make_unique<Interpreter>(*module);
    Stores &stores = interpreter->stores();
    stores.parameters = {10, 1, 2, 77, 78, 20};
    stores.gradients = {3, 0, 0, 55, 56, 4};
    stores.firstMoment.assign(6, 0);
    stores.secondMoment.assign(6, 0);
  }

  // lr 0.4, betas 0.9 and 0.99, eps 1, decay 0.1 of @a alone, first step; a clip that halves a norm of 5.
  double step(bool decoupled) {
    Tensor hyper = Tensor::floats({8}, {0.4, 0.9, 0.99, 1, 0.1, 2.5 + 0.5e-6, 1, decoupled ? 1.0 : 0.0});
    return interpreter->call("step", {hyper, Tensor::floats({3}, {1, 0, 0})})[0].f[0];
  }
  void expectParameters(std::vector<double> expected) {
    for (size_t n = 0; n < expected.size(); ++n) {
      EXPECT_NEAR(interpreter->stores().parameters[n], expected[n], 1e-12) << n;
    }
  }

  std::shared_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<Interpreter> interpreter;
};

TEST_F(Parameters, NeighboursLoadAsOne) {
  EXPECT_EQ(interpreter->parameterElements(), 6);
  EXPECT_EQ(interpreter->call("both", {})[0].f, (std::vector<double>{10, 1, 2}));
}

TEST_F(Parameters, GradientsAdd) {
  interpreter->call("add", {Tensor::floats({3, 1}, {100, 200, 300})});
  EXPECT_EQ(interpreter->stores().gradients, (std::vector<double>{103, 200, 300, 55, 56, 4}));
}

TEST_F(Parameters, AdamWDecaysTheWeightItself) {
  EXPECT_DOUBLE_EQ(step(true), 5);
  // g = 1.5 and 2 after clipping: a first step moves by lr g / (|g| + eps).
  expectParameters({10 - 0.4 - 0.4 * 1.5 / 2.5, 1, 2, 77, 78, 20 - 0.4 * 2 / 3.0});
  EXPECT_NEAR(interpreter->stores().firstMoment[0], 0.15, 1e-12);
  EXPECT_NEAR(interpreter->stores().secondMoment[0], 0.0225, 1e-12);
  EXPECT_EQ(interpreter->stores().gradients, (std::vector<double>{0, 0, 0, 55, 56, 0}));
}

TEST_F(Parameters, AdamAddsTheDecayToTheGradient) {
  EXPECT_DOUBLE_EQ(step(false), 5);
  expectParameters({10 - 0.4 * 2.5 / 3.5, 1, 2, 77, 78, 20 - 0.4 * 2 / 3.0});
}

TEST_F(Parameters, DynamicSequencesFollowTheIds) {
  Tensor out = interpreter->call("deal", {Tensor::ids({2, 4}, std::vector<int32_t>(8)), Tensor::floats({4, 2, 1})})[0];
  EXPECT_EQ(out.shape, (std::vector<int64_t>{2, 4, 1}));
}

TEST_F(Parameters, WrongArgumentsAreRefused) {
  EXPECT_THROW(interpreter->call("add", {Tensor::floats({2, 1})}), Error);
  EXPECT_THROW(interpreter->call("add", {}), Error);
  EXPECT_THROW(interpreter->call("nowhere", {}), Error);
}

rt::ModelInfo infoOf(const Interpreter &interpreter) {
  rt::ModelInfo info;
  info.name = "test";
  info.vocab = 1;
  info.parameters.resize(3);
  info.parameterElements = interpreter.parameterElements();
  return info;
}

TEST_F(Parameters, ProgramReadsAndReplicates) {
  auto program = makeReferenceProgram(std::move(module), context, infoOf(*interpreter));
  std::vector<float> params = {10, 1, 2, 77, 78, 20}, output(4);
  std::vector<int32_t> ids = {2, 0, 1, 1};
  rt::Call call;
  call.batch = call.slots = 2;
  call.ids = ids.data();
  call.params = params.data();
  call.output = output.data();
  program->run(rt::Entry::Forward, call);
  EXPECT_EQ(output, (std::vector<float>{2, 10, 1, 1}));
  program->run(rt::Entry::Empty, call);
  EXPECT_EQ(output, (std::vector<float>{20, 20, 1, 1}));
  EXPECT_THROW(program->run(rt::Entry::Hidden, call), Error);
  // ids, the table and the result: 4 * 4 + 3 * 8 + 4 * 8 bytes, and the parameters in f64.
  EXPECT_EQ(program->workspaceBytes(rt::Entry::Forward, 2, 2), 16 + 24 + 32 + 6 * 8);
}

TEST_F(Parameters, ProgramKeepsF64BetweenStepsUntilABufferChanges) {
  auto program = makeReferenceProgram(std::move(module), context, infoOf(*interpreter));
  std::vector<float> params = {10, 1, 2, 77, 78, 20}, grads = {3, 0, 0, 0, 0, 4}, m(6), v(6), decay = {1, 0, 0};
  float hyper[rt::HyperCount] = {0.4f, 0.9f, 0.99f, 1, 0.1f, 0, 1, 1};
  rt::Call::Scalars scalars;
  rt::Call call;
  call.batch = call.slots = 1;
  call.params = params.data();
  call.grads = grads.data();
  call.m = m.data();
  call.v = v.data();
  call.hyper = hyper;
  call.decay = decay.data();
  call.scalars = &scalars;

  // The same steps on the interpreter alone never pass through f32.
  Stores &exact = interpreter->stores();
  OwningOpRef<ModuleOp> copy = parseSourceString<ModuleOp>(text, context.get());
  Interpreter alone(*copy);
  alone.stores() = exact;
  auto steps = [&](float gradient, double weight) {
    grads[0] = gradient;
    alone.stores().gradients = {gradient, 0, 0, 0, 0, weight};
    grads[5] = static_cast<float>(weight);
    for (int n = 0; n < 5; ++n, ++hyper[rt::Step]) {
      program->run(rt::Entry::TrainStep, call);
      Tensor inputs = Tensor::floats({8}, {hyper, hyper + rt::HyperCount});
      alone.call("step", {inputs, Tensor::floats({3}, {1, 0, 0})});
    }
  };
  steps(3, 4);
  EXPECT_EQ(params[0], static_cast<float>(alone.stores().parameters[0]));
  EXPECT_EQ(v[5], static_cast<float>(alone.stores().secondMoment[5]));
  EXPECT_EQ(scalars.loss, 1);
  EXPECT_EQ(scalars.gradNorm, 0); // of the last step: gradients are zero after the first
  EXPECT_EQ(grads, std::vector<float>(6));

  params[0] = alone.stores().parameters[0] = -3;
  steps(0.5f, 0.25);
  EXPECT_EQ(params[0], static_cast<float>(alone.stores().parameters[0]));
  EXPECT_LT(params[0], 0);
}

} // namespace
