// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every recorded case on every way to run a model. One more way is one more entry in `ways`.
#include "test/golden/GoldenSuite.h"

#include "compiler/Driver/Models.h"
#include "compiler/Frontend/Frontend.h"
#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Interpreter/ReferenceProgram.h"
#include "passes/Passes.h"
#include "test/support/Native.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include <gtest/gtest-spi.h>

#include <filesystem>
#include <unistd.h>

using namespace mlir;
using namespace mblm;
using namespace mblm::golden;

namespace {

std::unique_ptr<rt::Program> interpret(const spec::Spec &spec, bool recompute, bool simplify,
                                       const driver::Plan &plan = {}) {
  auto context = std::make_shared<MLIRContext>(MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = buildModule(spec, *context, plan.pieces);
  PassManager passes(context.get());
  DifferentiatePassOptions options;
  options.recompute = recompute;
  options.recomputeHidden = plan.recomputeHidden;
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
const auto f64 =
    within({/*logits=*/1e-5, /*loss=*/2e-6, /*gradients=*/2e-5, /*gradNorm=*/1e-5, /*weights=*/1e-5});
const auto f32 = within();
const auto bf16 = withinHalf();

// The folder of artifacts goes with the process: every case of a spec shares one.
std::unique_ptr<rt::Program> open(const spec::Spec &spec, driver::Options options) {
  static const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("mblm-golden-" + std::to_string(getpid()));
  static const struct Cleaner {
    ~Cleaner() { std::filesystem::remove_all(folder); }
  } cleaner;
  driver::NamedModel model;
  model.path = spec.name;
  model.spec = spec;
  options.cache = folder;
  options.entries = driver::entriesOf(spec, /*steps=*/false);
  options.note = [](const std::string &line) { ADD_FAILURE() << line; };
  return driver::openProgram(model, options);
}

std::unique_ptr<rt::Program> compile(const spec::Spec &spec, const std::string &level, bool fuse,
                                     const driver::Plan &plan = {}, const std::string &precision = "f32") {
  driver::Options options;
  options.level = level;
  options.precision = precision;
  options.fusion.on = fuse;
  options.plan = plan;
  return open(spec, options);
}

// Kernels that go together wherever they may.
std::unique_ptr<rt::Program> compileTogether(const spec::Spec &spec, const driver::Plan &plan = {}) {
  driver::Options options;
  options.localLayers = "fits";
  options.plan = plan;
  return open(spec, options);
}

// The CUDA kernels on the simulator.
std::unique_ptr<rt::Program> simulate(const spec::Spec &spec, const std::string &arch, bool fuse = true,
                                      const std::string &precision = "f32") {
  driver::Options options;
  options.target = driver::Target::Sim;
  options.precision = precision;
  options.arch = arch;
  options.fusion.on = fuse;
  return open(spec, options);
}

const Way ways[] = {
    {"reference", f64, [](const GoldenCase &golden) { return interpret(golden.spec, true, false); }},
    {"reference_simplified", f64, [](const GoldenCase &golden) { return interpret(golden.spec, true, true); }},
    {"reference_kept", f64, [](const GoldenCase &golden) { return interpret(golden.spec, false, false); }},
    {"cpu", f32, [](const GoldenCase &golden) { return compile(golden.spec, "", true); }},
    {"sim", f32, [](const GoldenCase &golden) { return simulate(golden.spec, "sm_80"); }},
};
// On a few cases only: they compile each spec again.
const Way moreWays[] = {
    {"cpu_unfused", f32, [](const GoldenCase &golden) { return compile(golden.spec, "", false); }},
    {"cpu_avx2", f32, [](const GoldenCase &golden) { return compile(golden.spec, "avx2", true); }},
    {"cpu_portable", f32, [](const GoldenCase &golden) { return compile(golden.spec, "portable", true); }},
    {"sim_unfused", f32, [](const GoldenCase &golden) { return simulate(golden.spec, "sm_80", false); }},
    {"sim_sm_90a", f32, [](const GoldenCase &golden) { return simulate(golden.spec, "sm_90a"); }},
    {"reference_thrifty", f64, [](const GoldenCase &golden) { return interpret(golden.spec, true, true, {{0}, true, true}); }},
    {"cpu_layers_again", f32, [](const GoldenCase &golden) { return compile(golden.spec, "", true, {{0, 1, 2}, false, true}); }},
    {"cpu_thrifty", f32, [](const GoldenCase &golden) { return compile(golden.spec, "", true, {{0}, true, true}); }},
    {"cpu_together", f32, [](const GoldenCase &golden) { return compileTogether(golden.spec); }},
    {"cpu_together_thrifty", f32, [](const GoldenCase &golden) { return compileTogether(golden.spec, {{0}, true, true}); }},
};
const CaseName fewCases[] = {{"mblm", "d09_3d_ttt_fixed_exact"}, {"megabyte", "mega_intdim_odd_pad257"}, {"mblm", "m2_d2_2d_mt_pad"}};

INSTANTIATE_TEST_SUITE_P(All, GoldenForward,
                         testing::Combine(testing::ValuesIn(ways), testing::ValuesIn(forwardCases())), testName);
INSTANTIATE_TEST_SUITE_P(All, GoldenTrajectory,
                         testing::Combine(testing::ValuesIn(ways), testing::ValuesIn(trajectoryCases())), testName);
INSTANTIATE_TEST_SUITE_P(All, GoldenGreedy,
                         testing::Combine(testing::Values(ways[0], ways[3], ways[4]), testing::ValuesIn(greedyCases())), testName);
// Where the data decides the patches, a few cases stand for all on the simulator. All of them, in some minutes:
//   golden-test --gtest_also_run_disabled_tests --gtest_filter='*PatchedSimulated*'
const CaseName simulatedPatches[] = {patchedCases()[3], patchedCases()[7]};
INSTANTIATE_TEST_SUITE_P(Patched, GoldenForward,
                         testing::Combine(testing::ValuesIn(std::begin(ways), std::begin(ways) + 4), testing::ValuesIn(patchedCases())), testName);
INSTANTIATE_TEST_SUITE_P(PatchedSimulated, GoldenForward,
                         testing::Combine(testing::Values(ways[4]), testing::ValuesIn(simulatedPatches)), testName);
INSTANTIATE_TEST_SUITE_P(PrefixSimulated, GoldenForward,
                         testing::Combine(testing::Values(ways[4]), testing::Values(wholeCases()[0])), testName);
INSTANTIATE_TEST_SUITE_P(DISABLED_PatchedSimulated, GoldenForward,
                         testing::Combine(testing::Values(ways[4]), testing::ValuesIn(patchedCases())), testName);
INSTANTIATE_TEST_SUITE_P(DISABLED_PatchedSimulated, GoldenTrajectory,
                         testing::Combine(testing::Values(ways[4]), testing::ValuesIn(patchedTrajectoryCases())), testName);
INSTANTIATE_TEST_SUITE_P(PatchedMore, GoldenForward,
                         testing::Combine(testing::Values(moreWays[0], moreWays[1], moreWays[2]),
                                          testing::Values(patchedCases()[0], patchedCases()[2], patchedCases()[6])), testName);
INSTANTIATE_TEST_SUITE_P(Patched, GoldenTrajectory,
                         testing::Combine(testing::ValuesIn(std::begin(ways), std::begin(ways) + 4), testing::ValuesIn(patchedTrajectoryCases())), testName);
// Nor where sequences are read whole.
INSTANTIATE_TEST_SUITE_P(Whole, GoldenForward,
                         testing::Combine(testing::ValuesIn(std::begin(ways), std::begin(ways) + 4),
                                          testing::ValuesIn(wholeCases())), testName);
INSTANTIATE_TEST_SUITE_P(WholeMore, GoldenForward,
                         testing::Combine(testing::Values(moreWays[0], moreWays[1], moreWays[2], moreWays[6]),
                                          testing::ValuesIn(wholeCases())), testName);
INSTANTIATE_TEST_SUITE_P(More, GoldenForward, testing::Combine(testing::ValuesIn(moreWays), testing::ValuesIn(fewCases)),
                         testName);

// In bf16 every case passes too, and a few stand for them where time is short. All of them, in some minutes:
//   golden-test --gtest_also_run_disabled_tests --gtest_filter='*Half*'
const Way ampere{"sim_bf16", bf16, [](const GoldenCase &golden) { return simulate(golden.spec, "sm_80", true, "bf16"); }};
const Way hopper{"sim_bf16_sm_90a", bf16,
                 [](const GoldenCase &golden) { return simulate(golden.spec, "sm_90a", true, "bf16"); }};
const Way native{"cpu_bf16", bf16, [](const GoldenCase &golden) { return compile(golden.spec, "", true, {}, "bf16"); }};
const Way nativeWays[] = { // levels round and add up in other ways
    {"cpu_bf16_pairs", bf16, [](const GoldenCase &golden) { return compile(golden.spec, "avx512bf16", true, {}, "bf16"); }},
    {"cpu_bf16_avx512", bf16, [](const GoldenCase &golden) { return compile(golden.spec, "avx512", true, {}, "bf16"); }},
    {"cpu_bf16_avx2", bf16, [](const GoldenCase &golden) { return compile(golden.spec, "avx2", true, {}, "bf16"); }},
    {"cpu_bf16_portable", bf16, [](const GoldenCase &golden) { return compile(golden.spec, "portable", true, {}, "bf16"); }},
    {"cpu_bf16_unfused", bf16, [](const GoldenCase &golden) { return compile(golden.spec, "", false, {}, "bf16"); }},
    {"cpu_bf16_thrifty", bf16, [](const GoldenCase &golden) { return compile(golden.spec, "", true, {{0}, true}, "bf16"); }}};
const CaseName halfCases[] = {{"mblm", "d09_3d_ttt_fixed_exact"},
                              {"mblm", "m2_d2_2d_mt_pad"},
                              {"megabyte", "mamba_lm_rms_tied"},
                              {"megabyte", "mega_intdim_odd_pad257"},
                              {"blt", "d06_blt_k2_hash"}};

INSTANTIATE_TEST_SUITE_P(Half, GoldenForward, testing::Combine(testing::Values(ampere), testing::ValuesIn(halfCases)),
                         testName);
INSTANTIATE_TEST_SUITE_P(HalfHopper, GoldenForward,
                         testing::Combine(testing::Values(hopper), testing::Values(halfCases[1])), testName);
INSTANTIATE_TEST_SUITE_P(DISABLED_HalfHopper, GoldenForward,
                         testing::Combine(testing::Values(hopper), testing::Values(halfCases[4])), testName);
INSTANTIATE_TEST_SUITE_P(Half, GoldenTrajectory,
                         testing::Combine(testing::Values(ampere), testing::Values(trajectoryCases()[1])), testName);
INSTANTIATE_TEST_SUITE_P(NativeHalf, GoldenForward, testing::Combine(testing::Values(native), testing::ValuesIn(halfCases)),
                         testName);
INSTANTIATE_TEST_SUITE_P(NativeHalf, GoldenTrajectory,
                         testing::Combine(testing::Values(native), testing::ValuesIn(trajectoryCases())), testName);
INSTANTIATE_TEST_SUITE_P(NativeHalfMore, GoldenForward,
                         testing::Combine(testing::ValuesIn(nativeWays), testing::Values(halfCases[0], halfCases[3])), testName);
INSTANTIATE_TEST_SUITE_P(DISABLED_Half, GoldenForward,
                         testing::Combine(testing::Values(ampere, hopper, native), testing::ValuesIn(forwardCases())), testName);
INSTANTIATE_TEST_SUITE_P(DISABLED_Half, GoldenTrajectory,
                         testing::Combine(testing::Values(ampere, hopper), testing::ValuesIn(trajectoryCases())), testName);
INSTANTIATE_TEST_SUITE_P(DISABLED_Half, GoldenGreedy,
                         testing::Combine(testing::Values(ampere, hopper, native), testing::ValuesIn(greedyCases())), testName);

// How many numbers of a model the judge of bf16 finds too far off, once something is other in all its layers.
int64_t complaints(const CaseName &name, void (*change)(spec::Layer &)) {
  GoldenCase golden(name);
  for (spec::Stage &stage : golden.spec.stages) {
    for (spec::Layer &layer : stage.layers) {
      change(layer);
    }
  }
  rt::Model model(interpret(golden.spec, true, false));
  testing::TestPartResultArray results;
  {
    testing::ScopedFakeTestPartResultReporter reporter(&results);
    golden.checkForward(model, *bf16);
    golden.checkLoss(model, *bf16);
    golden.checkGradients(model, *bf16);
  }
  return results.size();
}

TEST(HalfJudge, TellsModelsApart) {
  CaseName transformers{"mblm", "d05_2d_tt_fixed_exact"}, mamba{"mblm", "m2_d1_1d"};
  EXPECT_EQ(complaints(transformers, [](spec::Layer &) {}), 0);
  EXPECT_GT(complaints(transformers, [](spec::Layer &layer) { layer.rotaryBase = 2000; }), 0);
  EXPECT_GT(complaints(transformers, [](spec::Layer &layer) { layer.tokenShift = false; }), 0);
  EXPECT_EQ(complaints(mamba, [](spec::Layer &) {}), 0);
  EXPECT_GT(complaints(mamba, [](spec::Layer &layer) { layer.mamba.dtMin = 0.02; }), 0);
  EXPECT_GT(complaints(mamba, [](spec::Layer &layer) { layer.mamba.normBeforeGate = true; }), 0);
}

} // namespace
