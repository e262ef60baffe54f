// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every recorded case on every way to run a model. One more way is one more entry in `ways`.
#include "test/golden/GoldenCase.h"

#include "compiler/Driver/Models.h"
#include "compiler/Frontend/Frontend.h"
#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Interpreter/ReferenceProgram.h"
#include "passes/Passes.h"
#include "runtime/Support/Error.h"
#include "test/support/Native.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <unistd.h>

using namespace mlir;
using namespace mblm;
using namespace mblm::golden;

namespace {

struct Way {
  const char *name;
  Tolerances tolerances;
  std::function<std::unique_ptr<rt::Program>(const spec::Spec &)> make;
};

std::unique_ptr<rt::Program> interpret(const spec::Spec &spec, bool recompute, bool simplify,
                                       const driver::Plan &plan = {}) {
  auto context = std::make_shared<MLIRContext>(MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = buildModule(spec, *context, plan.pieces);
  PassManager passes(context.get());
  DifferentiatePassOptions options;
  options.recompute = recompute;
  options.recomputeStages.assign(plan.recomputeStages.begin(), plan.recomputeStages.end());
  passes.addPass(createDifferentiatePass(options));
  if (simplify) {
    passes.addPass(createCanonicalizerPass());
    passes.addPass(createCSEPass());
  }
  if (failed(passes.run(*module))) {
    return nullptr;
  }
  return makeReferenceProgram(std::move(module), context, makeModelInfo(spec));
}

// The interpreter computes in f64, the recorded runs in f32: what is left is their rounding.
constexpr Tolerances f64{/*logits=*/1e-5, /*loss=*/2e-6, /*gradients=*/2e-5, /*gradNorm=*/1e-5, /*weights=*/1e-5};

// Compiled in f32. The folder of artifacts goes with the process: every case of a spec shares one.
std::unique_ptr<rt::Program> compile(const spec::Spec &spec, const std::string &level, bool fuse,
                                     const driver::Plan &plan = {}) {
  static const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("mblm-golden-" + std::to_string(getpid()));
  static const struct Cleaner {
    ~Cleaner() { std::filesystem::remove_all(folder); }
  } cleaner;
  driver::NamedModel model;
  model.path = spec.name;
  model.spec = spec;
  driver::Options options;
  options.cache = folder;
  options.level = level;
  options.fusion.on = fuse;
  options.plan = plan;
  options.note = [](const std::string &line) { ADD_FAILURE() << line; };
  return driver::openProgram(model, options);
}

const Way ways[] = {
    {"reference", f64, [](const spec::Spec &spec) { return interpret(spec, true, false); }},
    {"reference_simplified", f64, [](const spec::Spec &spec) { return interpret(spec, true, true); }},
    {"reference_kept", f64, [](const spec::Spec &spec) { return interpret(spec, false, false); }},
    {"cpu", {}, [](const spec::Spec &spec) { return compile(spec, "", true); }},
};
// On a few cases only: they compile each spec again.
const Way moreWays[] = {
    {"cpu_unfused", {}, [](const spec::Spec &spec) { return compile(spec, "", false); }},
    {"cpu_avx2", {}, [](const spec::Spec &spec) { return compile(spec, "avx2", true); }},
    {"cpu_portable", {}, [](const spec::Spec &spec) { return compile(spec, "portable", true); }},
    {"reference_thrifty", f64, [](const spec::Spec &spec) { return interpret(spec, true, true, {{0}, true}); }},
    {"cpu_layers_again", {}, [](const spec::Spec &spec) { return compile(spec, "", true, {{0, 1, 2}, false}); }},
    {"cpu_thrifty", {}, [](const spec::Spec &spec) { return compile(spec, "", true, {{0}, true}); }},
};
const CaseName fewCases[] = {{"mblm", "d09_3d_ttt_fixed_exact"}, {"megabyte", "mega_intdim_odd_pad257"}, {"mblm", "m2_d2_2d_mt_pad"}};

using Parameter = std::tuple<Way, CaseName>;

class Golden : public testing::TestWithParam<Parameter> {
protected:
  void SetUp() override {
    try {
      auto program = way.make(golden.spec);
      ASSERT_TRUE(program);
      model.emplace(std::move(program));
    } catch (const Error &error) {
      if (error.code == Exit::Device) {
        GTEST_SKIP() << error.what();
      }
      throw;
    }
  }

  Way way = std::get<0>(GetParam());
  GoldenCase golden{std::get<1>(GetParam())};
  std::optional<rt::Model> model;
};

class GoldenForward : public Golden {};
class GoldenTrajectory : public Golden {};
class GoldenGreedy : public Golden {};

TEST_P(GoldenForward, Logits) { golden.checkForward(*model, way.tolerances); }
TEST_P(GoldenForward, Loss) { golden.checkLoss(*model, way.tolerances); }
TEST_P(GoldenForward, Gradients) { golden.checkGradients(*model, way.tolerances); }
TEST_P(GoldenForward, Empty) {
  if (!golden.spec.startToken) {
    GTEST_SKIP() << "no start token: the reference has no result for the empty prompt";
  }
  golden.checkEmpty(*model, way.tolerances);
}
TEST_P(GoldenTrajectory, LossesNormsAndWeights) { golden.checkTrajectory(*model, way.tolerances); }
TEST_P(GoldenGreedy, BytesAndLogits) { golden.checkGreedy(*model, way.tolerances); }

std::string testName(const testing::TestParamInfo<Parameter> &info) {
  return std::string(std::get<0>(info.param).name) + "_" + std::get<1>(info.param).name;
}

INSTANTIATE_TEST_SUITE_P(All, GoldenForward,
                         testing::Combine(testing::ValuesIn(ways), testing::ValuesIn(forwardCases())), testName);
INSTANTIATE_TEST_SUITE_P(All, GoldenTrajectory,
                         testing::Combine(testing::ValuesIn(ways), testing::ValuesIn(trajectoryCases())), testName);
INSTANTIATE_TEST_SUITE_P(All, GoldenGreedy,
                         testing::Combine(testing::Values(ways[0], ways[3]), testing::ValuesIn(greedyCases())), testName);
INSTANTIATE_TEST_SUITE_P(More, GoldenForward, testing::Combine(testing::ValuesIn(moreWays), testing::ValuesIn(fewCases)),
                         testName);

} // namespace
