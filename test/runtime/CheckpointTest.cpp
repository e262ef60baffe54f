// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Damage of every file, full disks, foreign models.
#include "runtime/Checkpoint.h"

#include "test/runtime/BigramProgram.h"
#include "test/runtime/TestFiles.h"

#include <csignal>
#include <sys/resource.h>

namespace mblm::rt {

using test::BigramProgram;
using test::expectError;
using test::TestFolder;

namespace {

class Checkpoints : public testing::Test {
protected:
  Checkpoints() : model(std::make_unique<BigramProgram>()), store(folder / "run") {
    model.initialize(4);
    save(10);
    save(20);
  }
  void save(int64_t step) {
    model.flat(Flat::Params)[0] = float(step);
    model.flat(Flat::M)[0] = float(step) / 2;
    store.save(model, {step, 4, specHash(model.info()), "{\"lr\": 0.5}"});
  }
  std::optional<TrainState> load() {
    return store.load(model, [this](const std::string &line) { warnings.push_back(line); });
  }
  std::string file(int64_t step, const std::string &name) { return store.path(step) + "/" + name; }

  TestFolder folder;
  Model model;
  CheckpointStore store;
  std::vector<std::string> warnings;
};

} // namespace

TEST_F(Checkpoints, KeepsTheLastTwoAndLoadsTheNewest) {
  save(30);
  EXPECT_EQ(store.steps(), (std::vector<int64_t>{20, 30}));
  model.initialize(5);
  std::optional<TrainState> state = load();
  ASSERT_TRUE(state);
  EXPECT_EQ(state->step, 30);
  EXPECT_EQ(state->seed, 4u);
  EXPECT_EQ(state->config, "{\"lr\":0.5}");
  EXPECT_EQ(model.flat(Flat::Params)[0], 30.0f);
  EXPECT_EQ(model.flat(Flat::M)[0], 15.0f);
  EXPECT_TRUE(warnings.empty());
}

TEST_F(Checkpoints, PassesOverDamage) {
  for (const char *name : {"weights.safetensors", "optimizer.safetensors", "state.json", "MANIFEST.json"}) {
    for (bool cut : {false, true}) {
      save(10);
      save(20);
      std::string path = file(20, name);
      std::string bytes = test::readAll(path);
      if (cut) {
        std::filesystem::resize_file(path, bytes.size() / 2);
      } else {
        std::filesystem::remove(path);
      }
      warnings.clear();
      std::optional<TrainState> state = load();
      ASSERT_TRUE(state);
      EXPECT_EQ(state->step, 10) << name;
      ASSERT_EQ(warnings.size(), 1u);
      EXPECT_NE(warnings[0].find("passing over '" + store.path(20) + "'"), std::string::npos) << warnings[0];
    }
  }
}

TEST_F(Checkpoints, OneFlippedBitIsFound) {
  std::string path = file(20, "weights.safetensors");
  std::string bytes = test::readAll(path);
  bytes[bytes.size() - 5] ^= 1;
  writeTextFile(path, bytes);
  EXPECT_EQ(load()->step, 10);
  EXPECT_NE(warnings.at(0).find("is not what the checkpoint's manifest says"), std::string::npos);
}

TEST_F(Checkpoints, NoneWhole) {
  std::filesystem::remove(file(10, "MANIFEST.json"));
  std::filesystem::remove(file(20, "MANIFEST.json"));
  expectError(Exit::Integrity, "none of the 2 checkpoints in", [&] { load(); });
  CheckpointStore empty(folder / "other");
  EXPECT_FALSE(empty.load(model, {}));
}

TEST_F(Checkpoints, OfAnotherModel) {
  test::BigramShape shape;
  shape.vocab = 300;
  Model other(std::make_unique<BigramProgram>(shape));
  expectError(Exit::BadInput, "was saved by another model", [&] { store.load(other, {}); });
}

TEST_F(Checkpoints, SpecLayoutDoesNotMatter) {
  ModelInfo a = model.info();
  ModelInfo b = a;
  b.spec = "{ \"vocab\":257,\n \"name\":\"bigram\" }";
  EXPECT_EQ(specHash(a), specHash(b));
  b.spec = "{ \"vocab\":258,\n \"name\":\"bigram\" }";
  EXPECT_NE(specHash(a), specHash(b));
}

// A file size limit stands in for a full disk: writes beyond it fail.
TEST_F(Checkpoints, FullDiskLeavesTheOldOnes) {
  struct rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  auto oldHandler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = {100000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  expectError(Exit::FileIO, "cannot write '", [&] { save(30); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, oldHandler);
  EXPECT_EQ(store.steps(), (std::vector<int64_t>{10, 20}));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "run"), {}), 2) << "nothing half-written";
  EXPECT_EQ(load()->step, 20);
}

} // namespace mblm::rt
