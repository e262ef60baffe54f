// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// BLT's entropy model against recorded runs: logits and entropies of texts, alone and as rows of a batch.
#include "compiler/Driver/Models.h"
#include "compiler/Spec/Import.h"
#include "runtime/Model.h"
#include "runtime/Safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <unistd.h>

using namespace mblm;

namespace {

class Entropy : public testing::TestWithParam<driver::Target> {
protected:
  Entropy() : cache(std::filesystem::temp_directory_path() / ("mblm-entropy-" + std::to_string(getpid()))) {}
  ~Entropy() override { std::filesystem::remove_all(cache); }

  rt::Model open(const std::string &folder) {
    driver::NamedModel named;
    named.spec = spec::importConfig("blt-entropy", folder + "/config.json");
    named.path = named.spec.name;
    driver::Options options;
    options.target = GetParam();
    options.cache = cache;
    options.entries = driver::entriesOf(named.spec, /*steps=*/false);
    rt::Model model(driver::openProgram(named, options));
    model.loadWeights(folder + "/weights.safetensors");
    return model;
  }

  static void compare(const std::vector<float> &expected, const rt::Rows &got, const std::string &what) {
    ASSERT_EQ(int64_t(expected.size()), got.batch * got.rows * got.width) << what;
    double worst = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      worst = std::max(worst, std::fabs(double(expected[i]) - double(got.data[i])));
    }
    EXPECT_LT(worst, 1e-4) << what;
  }

  std::filesystem::path cache;
};

TEST_P(Entropy, OfTexts) {
  std::string folder = "test/golden/blt/d04_entropy";
  rt::SafetensorsFile io(folder + "/io.safetensors");
  rt::Model model = open(folder);
  for (std::string text : {"t0", "t1", "t2", "t3"}) {
    std::vector<int32_t> ids = io.integers(text + ".ids");
    rt::Ids view{1, int64_t(ids.size()), ids.data()};
    compare(io.floats(text + ".logits"), model.forward(view), text + ".logits");
    compare(io.floats(text + ".entropies"), model.entropies(view), text + ".entropies");
  }
}

// Rows know nothing of each other; documents end within them.
TEST_P(Entropy, OfRows) {
  std::string folder = "test/golden/blt/d05_entropy_batch";
  rt::SafetensorsFile io(folder + "/io.safetensors");
  rt::Model model = open(folder);
  std::vector<int32_t> ids = io.integers("ids");
  const std::vector<int64_t> &shape = io.get("ids").shape;
  rt::Ids rows{shape[0], shape[1], ids.data()};
  compare(io.floats("logits_rows"), model.forward(rows), "logits");
  compare(io.floats("entropies_rows"), model.entropies(rows), "entropies");
  // As the reference has it: all rows as one stream, cut into chunks.
  for (int64_t chunk : {123, 50}) {
    std::vector<int32_t> stream = ids;
    stream.resize((ids.size() + size_t(chunk) - 1) / size_t(chunk) * size_t(chunk), 0);
    rt::Rows got = model.entropies({int64_t(stream.size()) / chunk, chunk, stream.data()});
    compare(io.floats("entropies_flat_chunk" + std::to_string(chunk)), {got.data, 1, int64_t(ids.size()), 1}, "chunks");
  }
}

INSTANTIATE_TEST_SUITE_P(All, Entropy, testing::Values(driver::Target::Reference, driver::Target::Cpu),
                         [](const auto &info) { return info.param == driver::Target::Cpu ? "cpu" : "reference"; });

} // namespace
