// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dropout in compiled code against the reference interpreter. One element that only one of the two drops would show in
// the gradients at once.
#include "test/fuzz/Executions.h"
#include "test/support/Native.h"

#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Interpreter/ReferenceProgram.h"
#include "compiler/Spec/Reader.h"
#include "dialects/Register.h"
#include "runtime/Model.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"

#include <gtest/gtest.h>

using namespace mblm;
using namespace mblm::fuzz;

namespace {

test::Native native(const std::string &level, int threads = 1, bool fuse = true) {
  test::Native native;
  native.level = level;
  native.threads = threads;
  native.fusion.on = fuse;
  return native;
}

const rt::Draw draw{0xfedcba9876543210, 5};

//===----------------------------------------------------------------------===//
// Whole models
//===----------------------------------------------------------------------===//

// Attention in short and long sequences, at the bottom and above.
const char *const lengths = R"({ "format": 1, "name": "lengths", "vocab": 20, "pad": 19, "stages": [
  { "dim": 16, "length": 200, "position": "none", "layers": [
    { "heads": 2, "head_dim": 10, "rotary": true, "attn_dropout": 0.3, "ff_dropout": 0.2, "ff_mult": 3 } ] },
  { "dim": 23, "length": 70, "position": "learned", "layers": [
    { "heads": 1, "head_dim": 18, "rotary": false, "attn_dropout": 0.1, "ff_dropout": 0.5 } ] },
  { "dim": 17, "length": 5, "position": "learned", "layers": [
    { "heads": 3, "head_dim": 6, "rotary": true, "attn_dropout": 0.5, "ff_dropout": 0.1 } ] } ] })";

const char *const oneStage = R"({ "format": 1, "name": "one_stage", "vocab": 20, "stages": [
  { "dim": 12, "length": 200, "position": "rope", "layers": [
    { "heads": 2, "head_dim": 6, "rotary": true, "attn_dropout": 0.2, "ff_dropout": 0.2 } ] } ] })";

struct Variant {
  const char *name;
  spec::Spec spec;
  int64_t batch, slots; // 0: as the seed of the spec says
  uint64_t seed;
  std::vector<std::string> levels;
};

std::vector<Variant> variants() {
  std::vector<std::string> levels = test::hostLevels();
  std::vector<Variant> result{{"lengths", spec::parseSpec(lengths, "lengths"), 2, 2, 1, levels},
                              {"one_stage", spec::parseSpec(oneStage, "one_stage"), 3, 131, 2, levels}};
  static const char *const names[] = {"random0", "random1", "random2"};
  for (uint64_t seed = 0; seed < 3; ++seed) {
    result.push_back({names[seed], withDropout(randomSpec(seed)), 0, 0, seed, {levels[seed % levels.size()]}});
  }
  return result;
}

class NativeDropout : public testing::TestWithParam<Variant> {
protected:
  Inputs inputs(bool dropping) const {
    const Variant &v = GetParam();
    rt::ModelInfo info = makeModelInfo(v.spec);
    Inputs inputs = v.batch ? randomInputs(info, v.seed, v.batch, v.slots) : randomInputs(info, v.seed);
    if (dropping) {
      inputs.draw = draw;
    }
    return inputs;
  }
};

TEST_P(NativeDropout, AgreesWithTheReference) {
  const spec::Spec &spec = GetParam().spec;
  rt::ModelInfo info = makeModelInfo(spec);
  Results exact = execute(*test::interpretSpec(spec), inputs(true));
  for (const std::string &level : GetParam().levels) {
    SCOPED_TRACE(level);
    Results once = execute(*test::compileSpec(spec, native(level)), inputs(true));
    expectAgreement(once, exact, info);
    expectSameBits(execute(*test::compileSpec(spec, native(level, 3)), inputs(true)), once, "3 threads");
  }
  if (GetParam().levels.size() > 1) {
    expectAgreement(execute(*test::compileSpec(spec, native("", 1, /*fuse=*/false)), inputs(true)), exact, info);
  }
}

TEST_P(NativeDropout, DropsNothingWithoutADraw) {
  spec::Spec plain = GetParam().spec;
  for (spec::Stage &stage : plain.stages) {
    for (spec::Layer &layer : stage.layers) {
      layer.attnDropout = layer.ffDropout = 0;
    }
  }
  plain.text = spec::writeSpec(plain);
  Results expected = execute(*test::interpretSpec(plain), inputs(true));
  auto program = test::compileSpec(GetParam().spec, native(GetParam().levels[0]));
  Results got = execute(*program, inputs(false));
  expectAgreement(got, expected, makeModelInfo(plain));
  // Nothing but training drops, whatever it is asked for.
  Results dropping = execute(*program, inputs(true));
  EXPECT_EQ(dropping.logits, got.logits);
  EXPECT_EQ(dropping.hidden, got.hidden);
  EXPECT_EQ(dropping.loss.loss, got.loss.loss);
  if (got.loss.count > 0) {
    EXPECT_NE(dropping.gradients, got.gradients);
  }
}

INSTANTIATE_TEST_SUITE_P(Specs, NativeDropout, testing::ValuesIn(variants()),
                         [](const testing::TestParamInfo<Variant> &info) { return info.param.name; });

//===----------------------------------------------------------------------===//
// Training
//===----------------------------------------------------------------------===//

const char *const tiny = R"({ "format": 1, "name": "tiny", "vocab": 20, "pad": 19, "stages": [
  { "dim": 16, "length": 8, "position": "learned", "layers": [
    { "heads": 2, "head_dim": 8, "rotary": true, "attn_dropout": 0.1, "ff_dropout": 0.1 } ] },
  { "dim": 12, "length": 4, "position": "none", "layers": [
    { "heads": 2, "head_dim": 6, "rotary": true, "attn_dropout": 0.2, "ff_dropout": 0.1 } ] } ] })";

// Losses of steps of two micro-batches each, and the weights after them.
std::vector<float> trajectory(std::unique_ptr<rt::Program> program) {
  rt::Model model(std::move(program));
  model.initialize(3);
  float hyper[rt::HyperCount] = {1e-2f, 0.9f, 0.95f, 1e-3f, 0, 1, 0, 1};
  std::vector<float> decay(model.info().parameters.size(), 1), result;
  std::vector<int32_t> ids;
  for (int n = 0; n < 3 * 32; ++n) {
    ids.push_back(n * n % 19);
  }
  rt::Ids batch{3, 32, ids.data(), nullptr};
  for (uint32_t step = 0; step < 5; ++step) {
    hyper[rt::Step] = float(step + 1);
    result.push_back(model.gradients(batch, 0.5f, rt::Draw{9, 2 * step}).loss);
    result.push_back(model.trainStep(batch, 0.5f, hyper, decay.data(), rt::Draw{9, 2 * step + 1}).loss);
  }
  const float *params = model.flat(rt::Flat::Params);
  result.insert(result.end(), params, params + model.info().parameterElements);
  return result;
}

TEST(Dropout, TrainsAsTheReferenceDoes) {
  spec::Spec spec = spec::parseSpec(tiny, "tiny");
  std::vector<float> exact = trajectory(test::interpretSpec(spec)), got = trajectory(test::compileSpec(spec, native("", 2)));
  ASSERT_EQ(got.size(), exact.size());
  for (size_t n = 0; n < exact.size(); ++n) {
    ASSERT_NEAR(got[n], exact[n], n < 10 ? 1e-5 : 1e-4) << n;
  }
  EXPECT_NE(got[0], got[1]) << "micro-batches draw numbers of their own";
}

// What a sequence loses does not depend on those behind it in the batch.
TEST(Dropout, IsTheSameInASmallerBatch) {
  spec::Spec spec = spec::parseSpec(tiny, "tiny");
  rt::Model model(test::compileSpec(spec, native("", 2)));
  model.initialize(3);
  std::vector<int32_t> ids;
  for (int n = 0; n < 2 * 32; ++n) {
    ids.push_back(n * n % 19);
  }
  std::vector<float> firstOnly(64, 0.0f);
  std::fill_n(firstOnly.begin(), 32, 1.0f);
  EXPECT_EQ(model.gradients({2, 32, ids.data(), firstOnly.data()}, 1, draw).loss,
            model.gradients({1, 32, ids.data(), nullptr}, 1, draw).loss);
}

//===----------------------------------------------------------------------===//
// Columns that begin inside a block
//===----------------------------------------------------------------------===//

// Dropped rows of 14 and 9 features, read by a rotation in halves of 7 and side by side with others.
const char *const unaligned = R"(
module attributes {{mblm.inner = 1 : i64} {{
  mblm.parameter @table at 0 : tensor<7x14xf32>
  mblm.parameter @head at 112 : tensor<7x14xf32>
  func.func @{4}(%ids: tensor<?x?xi32>) -> tensor<?x?x7xf32> {{
    %table = mblm.load [@table] : tensor<7x14xf32>
    %head = mblm.load [@head] : tensor<7x14xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<7x14xf32> -> tensor<?x?x14xf32>
    %logits = mblm.linear %x, %head : tensor<?x?x14xf32>, tensor<7x14xf32> -> tensor<?x?x7xf32>
    return %logits : tensor<?x?x7xf32>
  }
  func.func @{0}(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>{1}) -> (tensor<f32>, tensor<f32>, tensor<f32>) {{
    %table = mblm.load [@table] : tensor<7x14xf32>
    %head = mblm.load [@head] : tensor<7x14xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<7x14xf32> -> tensor<?x?x14xf32>
    {2}
    %r = mblm.rope half_split %d : tensor<?x?x14xf32>
    %a, %b = mblm.split %r : tensor<?x?x14xf32> -> tensor<?x?x5xf32>, tensor<?x?x9xf32>
    {3}
    %y = mblm.concat %a, %e : tensor<?x?x5xf32>, tensor<?x?x9xf32> -> tensor<?x?x14xf32>
    %s = mblm.token_shift %y : tensor<?x?x14xf32>
    %logits = mblm.linear %s, %head : tensor<?x?x14xf32>, tensor<7x14xf32> -> tensor<?x?x7xf32>
    %tokens, %lse = mblm.cross_entropy %logits, %ids : tensor<?x?x7xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    %loss, %sum, %count = mblm.mean_loss targets %tokens, %mask, %ids
      : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %loss, %sum, %count : tensor<f32>, tensor<f32>, tensor<f32>
  }
})";

std::string moduleText() {
  std::string loss = llvm::formatv(unaligned, "loss", "",
                                   "%zero = mblm.token_shift %x : tensor<?x?x14xf32>\n"
                                   "    %d = mblm.add %x, %zero : tensor<?x?x14xf32>",
                                   "%e = mblm.activation gelu %b : tensor<?x?x9xf32>", "forward");
  std::string trained =
      llvm::formatv(unaligned, "train_loss", ", %key: tensor<4xi32>",
                    "%d = mblm.dropout %x key %key {rate = 0.3 : f64, site = 0 : i64} : tensor<?x?x14xf32>",
                    "%e = mblm.dropout %b key %key {rate = 0.4 : f64, site = 1 : i64} : tensor<?x?x9xf32>", "");
  size_t begin = trained.find("  func.func @train_loss"), end = trained.rfind('}'), at = loss.rfind('}');
  return loss.substr(0, at) + trained.substr(begin, end - begin) + loss.substr(at);
}

rt::ModelInfo unalignedInfo() {
  rt::ModelInfo info;
  info.name = "unaligned";
  info.vocab = 7;
  info.startToken = false;
  info.parameters = {{"table", {7, 14}, 0, "normal", 1}, {"head", {7, 14}, 112, "uniform", 1}};
  info.parameterElements = 224;
  return info;
}

std::vector<float> gradientsOf(std::unique_ptr<rt::Program> program) {
  rt::Model model(std::move(program));
  model.initialize(1);
  std::vector<int32_t> ids;
  for (int n = 0; n < 2 * 11; ++n) {
    ids.push_back(n * n % 7);
  }
  float loss = model.gradients({2, 11, ids.data(), nullptr}, 1, draw).loss;
  const float *grads = model.flat(rt::Flat::Grads);
  std::vector<float> result(grads, grads + 224);
  result.push_back(loss);
  return result;
}

TEST(Dropout, ReachesColumnsThatBeginInsideABlock) {
  auto context = std::make_shared<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  context->appendDialectRegistry(registry);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(moduleText(), context.get());
  ASSERT_TRUE(module) << moduleText();
  pipelines::toModelPhase(*module);
  std::vector<float> exact = gradientsOf(makeReferenceProgram(module->clone(), context, unalignedInfo()));
  for (const std::string &level : test::hostLevels()) {
    for (bool fuse : {true, false}) {
      mlir::OwningOpRef<mlir::ModuleOp> kernels = module->clone();
      pipelines::Fusion fusion;
      fusion.on = fuse;
      pipelines::toKernelPhase(*kernels, fusion);
      std::vector<float> got = gradientsOf(test::compileKernels(*kernels, unalignedInfo(), native(level)));
      for (size_t n = 0; n < exact.size(); ++n) {
        EXPECT_NEAR(got[n], exact[n], 1e-5) << level << (fuse ? ", fused, " : ", ") << n;
      }
    }
  }
}

} // namespace
