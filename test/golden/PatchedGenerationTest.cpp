// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Greedy bytes of BLT against the recorded ones: patches found while the text grows, every level with its states. The reference
// runs the whole model again for each byte.
#include "compiler/Driver/Models.h"
#include "compiler/Spec/Import.h"
#include "runtime/Generate.h"
#include "runtime/Support/File.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace mblm;

namespace {

const std::string folder = "test/golden/blt/d16_generate";

class PatchedGeneration : public testing::TestWithParam<driver::Target> {
protected:
  PatchedGeneration() : scratch(std::filesystem::temp_directory_path() / ("mblm-generate-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(scratch);
    std::ifstream(folder + "/case.json") >> info;
    spec = spec::importConfig("blt", folder + "/config.json");
    rt::writeTextFile(scratch / "entropy.json", info["entropy_config"].dump());
    entropySpec = spec::importConfig("blt-entropy", scratch / "entropy.json");
  }
  ~PatchedGeneration() override { std::filesystem::remove_all(scratch); }

  std::unique_ptr<rt::Model> open(const spec::Spec &spec, const std::string &prefix) {
    driver::NamedModel named;
    named.spec = spec;
    named.path = spec.name;
    driver::Options options;
    options.target = GetParam();
    options.cache = scratch;
    options.entries = entries;
    auto model = std::make_unique<rt::Model>(driver::openProgram(named, options));
    model->readFlat(rt::Flat::Params, rt::SafetensorsFile(folder + "/weights.safetensors"), prefix);
    return model;
  }

  std::unique_ptr<rt::Model> openPatched(spec::PatchMode mode) {
    spec.patches->mode = mode;
    spec.patches->threshold = info["patcher"]["threshold"];
    std::unique_ptr<rt::Model> model = open(spec, "blt.");
    model->patchWith(open(entropySpec, "entropy."));
    return model;
  }

  std::vector<int32_t> greedy(rt::Model &model, const nlohmann::json &prompt) {
    return rt::generate(model, prompt.get<std::vector<int32_t>>(), info["max_gen_len"], {/*temperature=*/0});
  }

  std::filesystem::path scratch;
  std::vector<std::string> entries; // empty: all
  nlohmann::json info;
  spec::Spec spec, entropySpec;
};

TEST_P(PatchedGeneration, OfTextsWithEntropyPatches) {
  std::unique_ptr<rt::Model> model = openPatched(spec::PatchMode::Entropy);
  for (const nlohmann::json &text : info["single"]) {
    EXPECT_EQ(greedy(*model, text["prompt_ids"]), text["generated_ids"].get<std::vector<int32_t>>()) << text["prompt"];
  }
}

TEST_P(PatchedGeneration, OfABatchWithSpacePatches) {
  std::unique_ptr<rt::Model> model = openPatched(spec::PatchMode::Space);
  const nlohmann::json &batch = info["space_batch"];
  for (size_t row = 0; row < batch["prompt_ids"].size(); ++row) {
    EXPECT_EQ(greedy(*model, batch["prompt_ids"][row]), batch["generated_ids"][row].get<std::vector<int32_t>>()) << row;
  }
}

// The lengths that patching finds as the text grows, for each step.
TEST_P(PatchedGeneration, PatchesOfEachStep) {
  std::unique_ptr<rt::Model> model = openPatched(spec::PatchMode::Entropy);
  for (const nlohmann::json &text : info["single"]) {
    auto ids = text["prompt_ids"].get<std::vector<int32_t>>();
    for (size_t step = 0; step < text["patch_lengths_per_step"].size(); ++step) {
      rt::PatchLengths found = model->patchesOf({1, int64_t(ids.size()), ids.data()});
      EXPECT_EQ(found.lengths, text["patch_lengths_per_step"][step].get<std::vector<int32_t>>()) << step;
      ids.push_back(text["generated_ids"][step]);
    }
  }
}

// Logits of steps, and of many positions at once, are those of the whole pass.
TEST_P(PatchedGeneration, StepsEqualWholePasses) {
  for (spec::PatchMode mode : {spec::PatchMode::Entropy, spec::PatchMode::Space, spec::PatchMode::Byte}) {
    std::unique_ptr<rt::Model> model = openPatched(mode);
    std::vector<int32_t> ids;
    while (int64_t(ids.size()) < 2 * rt::prefillRows + 9) {
      auto prompt = info["single"][ids.size() % info["single"].size()]["prompt_ids"].get<std::vector<int32_t>>();
      prompt.insert(prompt.begin() + 7, 2); // a document ends
      ids.insert(ids.end(), prompt.begin(), prompt.end());
    }
    int64_t length = int64_t(ids.size());
    rt::Rows whole = model->forward({1, length, ids.data()});
    std::vector<float> expected(whole.data, whole.data + whole.rows * whole.width);
    std::unique_ptr<rt::Decoder> decoder = rt::makeDecoder(*model, 1, length);
    for (const std::vector<int64_t> &pieces : {std::vector<int64_t>(size_t(length), 1), {length}, {5, 2 * rt::prefillRows, length - 2 * rt::prefillRows - 5}}) {
      decoder->reset();
      int64_t end = 0;
      for (int64_t count : pieces) {
        rt::Rows last = decoder->feed(&ids[size_t(end)], count);
        end += count;
        for (int64_t v = 0; v < last.width; ++v) {
          ASSERT_NEAR(last.data[v], expected[size_t((end - 1) * last.width + v)], 2e-5) << end << " of " << pieces.size();
        }
      }
    }
  }
}

// The simulator takes long: the steps of its kernels alone.
class PatchedSteps : public PatchedGeneration {};

TEST_P(PatchedSteps, OfATextWithSpacePatches) {
  spec.patches->mode = spec::PatchMode::Space;
  for (int64_t stage = 0; stage < 3; ++stage) { // the prompt is too short for the others
    entries.push_back(rt::entryName(rt::Entry::Step, stage));
    entries.push_back(rt::entryName(rt::Entry::ShortPrefill, stage));
  }
  std::unique_ptr<rt::Model> model = open(spec, "blt.");
  const nlohmann::json &batch = info["space_batch"];
  EXPECT_EQ(greedy(*model, batch["prompt_ids"][0]), batch["generated_ids"][0].get<std::vector<int32_t>>());
}

INSTANTIATE_TEST_SUITE_P(Simulated, PatchedSteps, testing::Values(driver::Target::Sim), [](const auto &) { return "sim"; });
INSTANTIATE_TEST_SUITE_P(DISABLED_Simulated, PatchedGeneration, testing::Values(driver::Target::Sim), [](const auto &) { return "sim"; });
INSTANTIATE_TEST_SUITE_P(All, PatchedGeneration, testing::Values(driver::Target::Reference, driver::Target::Cpu),
                         [](const auto &info) { return info.param == driver::Target::Cpu ? "cpu" : "reference"; });

} // namespace
