// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Masks that no spec asks for yet, in every form of the attention kernels: modules written here, as native code against
// the reference interpreter.
#include "test/fuzz/Executions.h"
#include "test/support/Native.h"

#include "compiler/Interpreter/ReferenceProgram.h"
#include "dialects/Register.h"
#include "passes/Passes.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FormatVariadic.h"

#include <gtest/gtest.h>

using namespace mblm;
using namespace mblm::fuzz;

namespace {

// Sequences of `inner` bytes each, or of M where that is 1; with bytes 0 hidden from the first attention, or not.
struct Shape {
  int64_t inner, block, slots;
  bool hides = false;
};

// Two attentions over the same weights. {0}: bytes in a slot, {1}: positions, {2}: block of the mask, {3}: how bytes
// become sequences of positions, {4}: and logits rows of bytes, {5} and {6}: hidden keys and their type.
const char *text = R"(
module attributes {{mblm.inner = {0} : i64} {{
  mblm.parameter @table at 0 : tensor<7x16xf32>
  mblm.parameter @q at 112 : tensor<16x16xf32>
  mblm.parameter @k at 368 : tensor<16x16xf32>
  mblm.parameter @v at 624 : tensor<16x16xf32>
  mblm.parameter @head at 880 : tensor<7x16xf32>
  mblm.parameter @start at 992 : tensor<7xf32>
  func.func @loss(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {{
    %logits = func.call @forward(%ids) : (tensor<?x?xi32>) -> tensor<?x?x7xf32>
    %tokens, %lse = mblm.cross_entropy %logits, %ids : tensor<?x?x7xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    %loss, %sum, %count = mblm.mean_loss targets %tokens, %mask, %ids
      : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %loss, %sum, %count : tensor<f32>, tensor<f32>, tensor<f32>
  }
  func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x7xf32> {{
    %table = mblm.load [@table] : tensor<7x16xf32>
{3}
    %w = mblm.load [@q, @k, @v] : tensor<48x16xf32>
    %p1 = mblm.linear %x, %w : tensor<?x{1}x16xf32>, tensor<48x16xf32> -> tensor<?x{1}x48xf32>
    %q1, %k1, %v1 = mblm.split %p1 : tensor<?x{1}x48xf32>
      -> tensor<?x{1}x16xf32>, tensor<?x{1}x16xf32>, tensor<?x{1}x16xf32>
    %y1, %lse1 = mblm.attention %q1, %k1, %v1 mask(full) {5} {{heads = 2 : i64, scale = 0.4 : f64}
      : tensor<?x{1}x16xf32>, tensor<?x{1}x2xf32>{6}
    %x2 = mblm.add %x, %y1 : tensor<?x{1}x16xf32>
    %p2 = mblm.linear %x2, %w : tensor<?x{1}x16xf32>, tensor<48x16xf32> -> tensor<?x{1}x48xf32>
    %q2, %k2, %v2 = mblm.split %p2 : tensor<?x{1}x48xf32>
      -> tensor<?x{1}x16xf32>, tensor<?x{1}x16xf32>, tensor<?x{1}x16xf32>
    %y2, %lse2 = mblm.attention %q2, %k2, %v2 mask(block_causal, {2}) {{heads = 1 : i64, scale = 0.3 : f64}
      : tensor<?x{1}x16xf32>, tensor<?x{1}x1xf32>
    %head = mblm.load [@head] : tensor<7x16xf32>
    %start = mblm.load [@start] : tensor<7xf32>
    %rows = mblm.linear %y2, %head : tensor<?x{1}x16xf32>, tensor<7x16xf32> -> tensor<?x{1}x7xf32>
{4}
    return %logits : tensor<?x?x7xf32>
  }
})";

// Entries do not call each other: @loss has a body of its own.
std::string moduleText(const Shape &shape) {
  std::string positions = shape.inner == 1 ? "?" : std::to_string(shape.inner), in, out;
  if (shape.inner == 1) {
    in = "    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<7x16xf32> -> tensor<?x?x16xf32>";
    out = "    %more = mblm.start_token %rows, %start : tensor<?x?x7xf32>, tensor<7xf32> -> tensor<?x?x7xf32>\n"
          "    %logits = mblm.slice %more {after = 1 : i64} : tensor<?x?x7xf32> -> tensor<?x?x7xf32>";
  } else {
    in = llvm::formatv("    %e = mblm.embed %ids, %table {{bytes = {0} : i64} : tensor<?x?xi32>, tensor<7x16xf32> -> "
                       "tensor<?x?x{1}xf32>\n    %x = mblm.regroup %e : tensor<?x?x{1}xf32> -> tensor<?x{0}x16xf32>",
                       shape.inner, 16 * shape.inner);
    out = llvm::formatv(
        "    %more = mblm.start_token %rows, %start : tensor<?x{0}x7xf32>, tensor<7xf32> -> tensor<?x{1}x7xf32>\n"
        "    %logits = mblm.next_byte %more : tensor<?x{1}x7xf32> -> tensor<?x?x7xf32>",
        shape.inner, shape.inner + 1);
  }
  std::string hides, type;
  if (shape.hides) {
    type = "tensor<?x" + positions + "xi32>";
    in += llvm::formatv("\n    %visible = mblm.regroup %ids : tensor<?x?xi32> -> {0}\n    %hidden = mblm.hidden_keys %visible : {0} -> {0}", type).str();
    hides = "hides %hidden";
    type = ", " + type;
  }
  std::string module = llvm::formatv(text, shape.inner, positions, shape.block, in, out, hides, type);
  std::string call = "    %logits = func.call @forward(%ids) : (tensor<?x?xi32>) -> tensor<?x?x7xf32>\n";
  size_t begin = module.find("    %table"), end = module.find("    return %logits"), at = module.find(call);
  return module.substr(0, at) + module.substr(begin, end - begin) + module.substr(at + call.size());
}

rt::ModelInfo infoOf(const Shape &shape) {
  rt::ModelInfo info;
  info.name = "masks";
  info.vocab = 7;
  info.pad = 6;
  info.inner = shape.inner;
  info.startToken = false;
  info.parameters = {{"table", {7, 16}, 0, "normal", 1},   {"q", {16, 16}, 112, "uniform", 1},
                     {"k", {16, 16}, 368, "uniform", 1},   {"v", {16, 16}, 624, "uniform", 1},
                     {"head", {7, 16}, 880, "uniform", 1}, {"start", {7}, 992, "normal", 1}};
  info.parameterElements = 1008;
  return info;
}

class NativeMasks : public testing::TestWithParam<Shape> {};

TEST_P(NativeMasks, AgreeWithTheReference) {
  auto context = std::make_shared<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  context->appendDialectRegistry(registry);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(moduleText(GetParam()), context.get());
  ASSERT_TRUE(module);
  mlir::PassManager passes(context.get()); // gradients alone: these are no hierarchies that could be taken byte by byte
  passes.addPass(createDifferentiatePass());
  passes.addPass(mlir::createCanonicalizerPass());
  passes.addPass(mlir::createCSEPass());
  ASSERT_TRUE(mlir::succeeded(passes.run(*module)));
  auto exact = makeReferenceProgram(module->clone(), context, infoOf(GetParam()));
  pipelines::toKernelPhase(*module, {});
  auto program = test::compileKernels(*module, infoOf(GetParam()), {});
  Inputs inputs = randomInputs(infoOf(GetParam()), 1, 2, GetParam().slots);
  if (GetParam().hides) { // of the first sequence all keys
    std::fill_n(inputs.ids.begin(), GetParam().inner == 1 ? GetParam().slots : GetParam().inner, 0);
  }
  Results results = execute(*program, inputs);
  expectAgreement(results, execute(*exact, inputs), infoOf(GetParam()));
  expectRowsAlone(*program, inputs, results);
}

std::string shapeName(const testing::TestParamInfo<Shape> &info) {
  std::string sequences = info.param.inner == 1 ? "outer" : "inner" + std::to_string(info.param.inner);
  return sequences + (info.param.hides ? "_hides" : "");
}

// Short sequences, long ones of a known length, and of any; blocks that cut the kernels' own of 48 rows and 64 keys.
INSTANTIATE_TEST_SUITE_P(Shapes, NativeMasks, testing::Values(Shape{12, 5, 3}, Shape{80, 24, 2}, Shape{1, 70, 150}, Shape{12, 5, 3, true},
                                                               Shape{80, 24, 2, true}, Shape{1, 70, 150, true}),
                         shapeName);

} // namespace
