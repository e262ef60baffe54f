// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A local layer as one kernel against the same layer in its parts: equal numbers, and fewer bytes of memory.
#include "compiler/Spec/Reader.h"
#include "runtime/Model.h"
#include "test/support/Native.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mblm;
using namespace mblm::test;

namespace {

struct LayerCase {
  const char *name;
  int64_t width, heads, headWidth, length;
  const char *precision;
  double tolerance;
};

const LayerCase cases[] = {{"short", 32, 2, 16, 4, "f32", 2e-6},   {"odd", 48, 3, 12, 7, "f32", 2e-6},
                           {"longest", 64, 2, 32, 31, "f32", 2e-6}, {"in_bf16", 64, 4, 16, 8, "bf16", 2e-2},
                           {"wide", 320, 2, 32, 8, "f32", 2e-6}};

std::string specText(const LayerCase &c) {
  auto number = [](int64_t n) { return std::to_string(n); };
  return R"({"format": 1, "name": "layer", "vocab": 257, "pad": 256, "stages": [
    {"dim": 32, "length": 64, "position": "none", "layers": [{"repeat": 1, "heads": 2, "head_dim": 16}]},
    {"dim": )" + number(c.width) + R"(, "length": )" + number(c.length) +
         R"(, "position": "learned", "layers": [{"repeat": 2, "heads": )" + number(c.heads) + R"(, "head_dim": )" +
         number(c.headWidth) + R"(, "rotary": true}]}]})";
}

struct Outcome {
  std::vector<float> logits;
  int64_t bytes = 0; // of memory, in the local stage's layers
};

class LocalLayer : public testing::TestWithParam<LayerCase> {
protected:
  Outcome run(const std::string &arch, const std::string &layers) {
    const LayerCase &c = GetParam();
    Native native;
    native.level = arch;
    native.precision = c.precision;
    native.localLayers = layers;
    native.entries = {"forward"};
    rt::Model model(compileSpec(spec::parseSpec(specText(c), "layer.json"), native));
    model.initialize(5);
    std::vector<int32_t> ids;
    for (int64_t n = 0; n < 2 * 9 * c.length; ++n) {
      ids.push_back(int32_t(n * n % 251));
    }
    model.getProgram().startProfile();
    rt::Rows rows = model.forward({2, 9 * c.length, ids.data(), nullptr});
    Outcome result;
    result.logits.assign(rows.data, rows.data + rows.batch * rows.rows * rows.width);
    bool local = false;
    for (const rt::KernelTime &kernel : model.getProgram().profile()) {
      local = local || kernel.name.find("local_layer") != std::string::npos;
      bool inLayer = kernel.name.rfind("stage1_attention", 0) == 0 || kernel.name.rfind("stage1_ff", 0) == 0;
      result.bytes += inLayer ? kernel.memoryBytes : 0;
    }
    EXPECT_EQ(local, layers == "fits");
    return result;
  }
};

TEST_P(LocalLayer, GivesWhatItsPartsGive) {
  for (const std::string &arch : simulatedLevels()) {
    SCOPED_TRACE(arch);
    Outcome whole = run(arch, "fits"), parts = run(arch, "never");
    double most = 0, worst = 0;
    for (size_t n = 0; n < parts.logits.size(); ++n) {
      most = std::max(most, double(std::abs(parts.logits[n])));
      worst = std::max(worst, double(std::abs(whole.logits[n] - parts.logits[n])));
    }
    EXPECT_LE(worst / most, GetParam().tolerance);
    EXPECT_LT(whole.bytes, parts.bytes);
    RecordProperty("bytes_" + arch, std::to_string(whole.bytes) + " of " + std::to_string(parts.bytes));
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, LocalLayer, testing::ValuesIn(cases), [](const auto &info) { return info.param.name; });

} // namespace
