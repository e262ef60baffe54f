// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models whose kernels go together wherever they may, against the same kernels one by one: the same bits, and less memory.
#include "compiler/Spec/Reader.h"
#include "runtime/Model.h"
#include "test/support/Native.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace mblm;
using namespace mblm::test;

namespace {

struct ModelCase {
  const char *name;
  std::vector<std::string> stages; // outermost first
  int64_t batch, length;
};

std::string stage(int64_t dim, int64_t length, const std::string &layer, int64_t repeat = 1) {
  return R"({"dim": )" + std::to_string(dim) + R"(, "length": )" + std::to_string(length) +
         R"(, "position": "learned", "layers": [{"repeat": )" + std::to_string(repeat) + ", " + layer + "}]}";
}

// Rows that are no multiple of an item's, sequences that no tile's rows divide, batches that end within an item.
const ModelCase cases[] = {
    {"two_stages", {stage(32, 64, R"("heads": 2, "head_dim": 16)"), stage(24, 8, R"("heads": 2, "head_dim": 12, "rotary": true)", 3)}, 3, 8 * 17},
    {"three_stages",
     {stage(32, 16, R"("heads": 2, "head_dim": 16)"), stage(40, 5, R"("heads": 5, "head_dim": 8, "rotary": true)", 2),
      stage(16, 4, R"("heads": 2, "head_dim": 8)", 2)},
     2, 5 * 4 * 7},
    {"one_stage", {stage(48, 512, R"("heads": 3, "head_dim": 16, "rotary": true)", 2)}, 2, 101},
    {"with_mamba", {stage(32, 32, R"("block": "mamba1", "state": 8)"), stage(32, 16, R"("heads": 2, "head_dim": 16)", 2)}, 1, 16 * 9},
    {"with_dropout", {stage(32, 32, R"("heads": 2, "head_dim": 16)"), stage(32, 8, R"("heads": 2, "head_dim": 16, "attn_dropout": 0.25, "ff_dropout": 0.25)", 2)}, 2, 8 * 13},
};

struct Outcome {
  std::vector<float> logits, gradients;
  double loss = 0;
  bool together = false; // whether a run was launched
};

class CpuRun : public testing::TestWithParam<ModelCase> {
protected:
  Outcome outcome(Native native) {
    const ModelCase &c = GetParam();
    std::string text = R"({"format": 1, "name": "runs", "vocab": 257, "pad": 256, "stages": [)" + c.stages[0];
    for (size_t n = 1; n < c.stages.size(); ++n) {
      text += ", " + c.stages[n];
    }
    native.entries = {"forward", "gradients"};
    rt::Model model(compileSpec(spec::parseSpec(text + "]}", "runs.json"), native));
    model.initialize(7);
    std::vector<int32_t> ids;
    for (int64_t n = 0; n < c.batch * c.length; ++n) {
      ids.push_back(int32_t(n * n % 251));
    }
    Outcome result;
    model.getProgram().startProfile();
    rt::Rows rows = model.forward({c.batch, c.length, ids.data(), nullptr});
    result.logits.assign(rows.data, rows.data + rows.batch * rows.rows * rows.width);
    for (const rt::KernelTime &kernel : model.getProgram().profile()) {
      result.together = result.together || kernel.name.find("_run") != std::string::npos;
    }
    result.loss = model.gradients({c.batch, c.length, ids.data(), nullptr}, 1, rt::Draw{3, 5}).loss;
    const float *gradients = model.flat(rt::Flat::Grads);
    result.gradients.assign(gradients, gradients + model.info().parameterElements);
    return result;
  }

  void compare(Native native) {
    native.localLayers = "never";
    native.threads = 1;
    Outcome apart = outcome(native);
    EXPECT_FALSE(apart.together);
    native.localLayers = "fits";
    for (int threads : {1, 2, 3}) {
      native.threads = threads;
      Outcome joined = outcome(native);
      EXPECT_TRUE(joined.together);
      EXPECT_EQ(joined.loss, apart.loss);
      ASSERT_EQ(joined.logits.size(), apart.logits.size());
      EXPECT_EQ(std::memcmp(joined.logits.data(), apart.logits.data(), 4 * apart.logits.size()), 0);
      EXPECT_EQ(std::memcmp(joined.gradients.data(), apart.gradients.data(), 4 * apart.gradients.size()), 0);
    }
  }
};

TEST_P(CpuRun, GivesTheBitsOfItsKernels) {
  for (const std::string &level : hostLevels()) {
    SCOPED_TRACE(level);
    Native native;
    native.level = level;
    compare(native);
  }
}

TEST_P(CpuRun, GivesTheBitsOfItsKernelsInBrainFloats) {
  Native native;
  native.precision = "bf16";
  compare(native);
}

INSTANTIATE_TEST_SUITE_P(LowerCPU, CpuRun, testing::ValuesIn(cases), [](const auto &info) { return std::string(info.param.name); });

} // namespace
