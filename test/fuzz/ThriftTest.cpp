// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random models under every memory plan: what is computed again has the bits that it had, pieces change nothing but the
// order in which the gradients of parameters are summed, and threads change nothing at all.
#include "test/fuzz/Executions.h"
#include "test/support/Native.h"

#include "compiler/Driver/Explain.h"
#include "compiler/Driver/Plan.h"
#include "compiler/Frontend/ModelInfo.h"
#include "runtime/Support/Memory.h"

#include <gtest/gtest.h>

#include <numeric>

using namespace mblm;
using namespace mblm::fuzz;

namespace {

class Thrift : public testing::Test {
protected:
  // The first spec from the seed on with at least so many stages.
  static spec::Spec specOf(uint64_t seed, size_t stages) {
    for (;; seed += 100) {
      spec::Spec spec = randomSpec(seed);
      if (spec.stages.size() >= stages) {
        return spec;
      }
    }
  }
  static std::unique_ptr<rt::Program> compile(const spec::Spec &spec, const driver::Plan &plan, int threads = 1) {
    test::Native native;
    native.plan = plan;
    native.threads = threads;
    return test::compileSpec(spec, native);
  }
  void SetUp() override { limit = rt::memoryAccount().limit(); }
  void TearDown() override { rt::memoryAccount().setLimit(limit); }
  int64_t limit = 0;
};

class ThriftyModel : public Thrift, public testing::WithParamInterface<uint64_t> {};

TEST_P(ThriftyModel, LayersComputedAgainHaveTheSameBits) {
  spec::Spec spec = specOf(GetParam(), 1);
  SCOPED_TRACE(describe(spec));
  Inputs inputs = randomInputs(makeModelInfo(spec), GetParam());
  Results kept = execute(*compile(spec, {}), inputs);
  std::vector<int64_t> all(spec.stages.size());
  std::iota(all.begin(), all.end(), 0);
  expectSameBits(execute(*compile(spec, {{}, false, true}), inputs), kept, "linear maps before activations");
  expectSameBits(execute(*compile(spec, {{all.back()}, false, true}), inputs), kept, "the last stage");
  expectSameBits(execute(*compile(spec, {all, false, true}, 2), inputs), kept, "all stages, two threads");
}

// The entry's limit with pieces of that many slots.
int64_t limitFor(const spec::Spec &spec, const driver::Plan &plan, const Inputs &inputs, int64_t piece,
                 driver::Target target = driver::Target::Cpu) {
  driver::NamedModel model;
  model.spec = spec;
  driver::Options options;
  options.target = target;
  options.plan = plan;
  rt::EntrySizes sizes = driver::explain(model, options, inputs.batch, inputs.slots).entries.at("train_step");
  return rt::trainingBufferBytes(makeModelInfo(spec)) + sizes.chargedBytes({inputs.batch, inputs.slots, piece}, 1, "test");
}

TEST_P(ThriftyModel, PiecesChangeOnlyTheOrderOfSums) {
  spec::Spec spec = specOf(GetParam(), 2);
  SCOPED_TRACE(describe(spec));
  rt::ModelInfo info = makeModelInfo(spec);
  Inputs inputs = randomInputs(info, GetParam(), 3, 3);
  Results whole = execute(*compile(spec, {}), inputs);
  driver::Plan plan{{0}, true};
  for (int64_t piece : {1, 2, 4, 9}) {
    SCOPED_TRACE("pieces of " + std::to_string(piece));
    rt::memoryAccount().setLimit(limitFor(spec, plan, inputs, piece));
    Results results = execute(*compile(spec, plan), inputs);
    expectAgreement(results, whole, info);
    EXPECT_EQ(results.logits, whole.logits);
    EXPECT_EQ(results.gradientsLoss.loss, whole.gradientsLoss.loss);
    rt::memoryAccount().setLimit(limit);
  }
  // As many threads, as much memory: the same pieces.
  rt::memoryAccount().setLimit(int64_t(1) << 40);
  expectSameBits(execute(*compile(spec, plan, 2), inputs), execute(*compile(spec, plan), inputs), "two threads");
}

INSTANTIATE_TEST_SUITE_P(Seeds, ThriftyModel, testing::Range(uint64_t(0), uint64_t(3)));

// A random spec of two stages with a layer each.
spec::Spec smallHierarchy() {
  for (uint64_t seed = 0;; ++seed) {
    spec::Spec spec = randomSpec(seed);
    if (spec.stages.size() == 2 && spec.stages[0].layers.size() == 1 && spec.stages[1].layers.size() == 1) {
      return spec;
    }
  }
}

TEST_F(Thrift, PiecesOfCudaKernelsAreALoopOfTheRuntime) {
  spec::Spec spec = smallHierarchy();
  SCOPED_TRACE(describe(spec));
  rt::ModelInfo info = makeModelInfo(spec);
  Inputs inputs = randomInputs(info, 1, 3, 3);
  Results whole = execute(*compile(spec, {}), inputs);
  test::Native native;
  native.level = "sm_80";
  native.plan = {{0}, true};
  std::unique_ptr<rt::Program> program = test::compileSpec(spec, native);
  auto workspace = [&] { return program->workspaceBytes(rt::Entry::TrainStep, inputs.batch, inputs.slots, 0); };
  int64_t atOnce = workspace();
  int64_t idsAndOutput = inputs.batch * inputs.slots * info.inner * (2 + std::max(info.vocab, info.hiddenDim)) * sizeof(float);
  int64_t small = 16 << 10;
  rt::memoryAccount().setLimit(limitFor(spec, native.plan, inputs, 2, driver::Target::Sim) + idsAndOutput + small);
  EXPECT_LT(workspace(), atOnce);
  expectAgreement(execute(*program, inputs), whole, info);
}

} // namespace
