// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole runs: resumed ones equal uninterrupted ones, replays follow their file, faults leave what was saved.
#include "runtime/Train.h"

#include "runtime/Checkpoint.h"
#include "test/runtime/BigramProgram.h"
#include "test/runtime/TestFiles.h"

#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace mblm::rt {

using test::BigramProgram;
using test::expectError;
using test::TestFolder;

namespace {

Model newModel() { return Model(std::make_unique<BigramProgram>()); }

std::string sampleText() {
  std::string text;
  for (int i = 0; i < 200; ++i) {
    text += "the quick brown fox " + std::to_string(i) + " ";
  }
  return text;
}

class Training : public testing::Test {
protected:
  TrainOptions options(const std::string &out, int64_t steps) {
    TrainOptions o;
    o.data = folder / "text";
    o.out = folder / out;
    o.steps = steps;
    o.config.batch = 2;
    o.config.length = 10;
    o.config.lr = 0.05;
    o.config.accumulate = 2;
    o.config.clipNorm = 1;
    o.config.saveEvery = 2;
    o.config.schedule = "cosine";
    o.warn = [this](const std::string &line) { warnings.push_back(line); };
    return o;
  }
  std::vector<nlohmann::json> logOf(const std::string &out) {
    std::vector<nlohmann::json> lines;
    std::istringstream text(test::readAll(folder / (out + "/log.jsonl")));
    for (std::string line; std::getline(text, line);) {
      lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
  }
  TestFolder folder;
  std::string text = folder.write("text", sampleText());
  std::vector<std::string> warnings;
};

} // namespace

TEST_F(Training, LearnsAndLogsEveryStep) {
  TrainOptions o = options("run", 30);
  o.config.evalEvery = 10;
  Model model = newModel();
  TrainResult result = train(model, o);
  EXPECT_EQ(result.steps, 30);
  ASSERT_TRUE(result.evalBitsPerByte);
  std::vector<nlohmann::json> log = logOf("run");
  ASSERT_EQ(log.size(), 33u);
  EXPECT_EQ(log[0]["step"], 1);
  EXPECT_EQ(log[10]["step"], 10);
  EXPECT_TRUE(log[10].contains("eval_bpb"));
  EXPECT_LT(log.back()["eval_bpb"].get<double>(), log[10]["eval_bpb"].get<double>());
  for (const char *key : {"loss", "bpb", "lr", "grad_norm", "bytes_per_second", "peak_bytes"}) {
    EXPECT_TRUE(log[0][key].is_number()) << key;
  }
  EXPECT_NEAR(log[0]["bpb"].get<double>(), log[0]["loss"].get<double>() / std::log(2.0), 1e-9);
  EXPECT_TRUE(std::filesystem::exists(folder / "run/weights.safetensors"));
  EXPECT_EQ(CheckpointStore(folder / "run").steps(), (std::vector<int64_t>{28, 30}));
}

TEST_F(Training, ResumedRunIsBitIdentical) {
  Model whole = newModel();
  train(whole, options("whole", 9));

  TrainOptions first = options("parts", 9);
  first.onStep = [](const StepReport &report) {
    if (report.step == 5) {
      raise(SIGINT);
    }
  };
  Model part = newModel();
  expectError(Exit::Interrupted, "stopped after step 5; saved in", [&] { train(part, first); });
  EXPECT_FALSE(std::filesystem::exists(folder / "parts/weights.safetensors"));
  TrainOptions second = options("parts", 9);
  second.resume = true;
  Model rest = newModel();
  EXPECT_EQ(train(rest, second).steps, 9);
  EXPECT_EQ(test::readAll(folder / "parts/weights.safetensors"), test::readAll(folder / "whole/weights.safetensors"));
  EXPECT_EQ(test::readAll(folder / "parts/checkpoint-9/optimizer.safetensors"),
            test::readAll(folder / "whole/checkpoint-9/optimizer.safetensors"));
  std::vector<nlohmann::json> a = logOf("whole");
  std::vector<nlohmann::json> b = logOf("parts");
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i]["step"], b[i]["step"]);
    EXPECT_EQ(a[i]["loss"], b[i]["loss"]);
  }
  EXPECT_TRUE(warnings.empty());
}

TEST_F(Training, TerminationSavesToo) {
  TrainOptions o = options("run", 9);
  o.onStep = [](const StepReport &) { raise(SIGTERM); };
  Model model = newModel();
  expectError(Exit::Terminated, "stopped after step 1", [&] { train(model, o); });
  EXPECT_EQ(CheckpointStore(folder / "run").steps(), std::vector<int64_t>{1});
}

TEST_F(Training, KilledAtAnyMomentItResumes) {
  for (int delay : {3000, 9000, 20000, 45000}) {
    pid_t child = fork();
    if (child == 0) {
      TrainOptions o = options("killed", 100000);
      o.config.saveEvery = 1;
      o.resume = true;
      Model model = newModel();
      train(model, o);
      _exit(0);
    }
    usleep(delay);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  CheckpointStore store(folder / "killed");
  Model model = newModel();
  if (!store.steps().empty()) {
    EXPECT_TRUE(store.load(model, [](const std::string &line) { ADD_FAILURE() << line; }));
  }
  TrainOptions o = options("killed", store.steps().empty() ? 3 : store.steps().back() + 3);
  o.resume = true;
  EXPECT_EQ(train(model, o).steps, o.steps);
  for (const auto &entry : std::filesystem::directory_iterator(folder / "killed")) {
    EXPECT_NE(entry.path().filename().string().substr(0, 12), ".checkpoint-") << "leftover of a killed save";
  }
}

TEST_F(Training, ReplayTakesExactlyTheFile) {
  std::vector<int32_t> ids;
  std::vector<float> mask;
  for (int i = 0; i < 4 * 2 * 6; ++i) { // 4 micro-batches of 2 x 6
    ids.push_back(97 + i * 7 % 20);
    mask.push_back(i % 5 ? 1.0f : 0.5f);
  }
  writeSafetensors(folder / "b", {{"ids", {4, 2, 6}, ids.data(), DType::I32}, {"loss_mask", {4, 2, 6}, mask.data()}});
  TrainOptions o = options("run", 2);
  o.data.clear();
  o.batches = folder / "b";
  o.config.schedule = "constant";
  o.config.lrPerStep = {0.25, 0.125};
  Model model = newModel();
  train(model, o);
  std::vector<nlohmann::json> log = logOf("run");
  Model fresh = newModel();
  fresh.initialize(0);
  double mean = (fresh.loss({2, 6, ids.data(), mask.data()}).loss + fresh.loss({2, 6, &ids[12], &mask[12]}).loss) / 2;
  EXPECT_NEAR(log[0]["loss"].get<double>(), mean, 1e-6) << "before the update, mean over the micro-batches";
  EXPECT_EQ(log[1]["lr"], 0.125);
  double square = 0;
  fresh.gradients({2, 6, ids.data(), mask.data()}, 0.5f);
  fresh.gradients({2, 6, &ids[12], &mask[12]}, 0.5f);
  for (int64_t i = 0; i < fresh.info().parameterElements; ++i) {
    square += fresh.flat(Flat::Grads)[i] * double(fresh.flat(Flat::Grads)[i]);
  }
  EXPECT_NEAR(log[0]["grad_norm"].get<double>(), std::sqrt(square), 1e-6) << "before clipping";

  o.steps = 3;
  o.config.lrPerStep = {1, 1, 1};
  expectError(Exit::BadInput, "holds 4 micro-batches, but 3 steps with accumulate 2 need 6", [&] { train(model, o); });
  o.config.lrPerStep = {1};
  expectError(Exit::BadInput, "\"lr\" lists 1 rates, but there are 3 steps", [&] { train(model, o); });
  writeSafetensors(folder / "b", {{"ids", {8, 6}, ids.data(), DType::I32}});
  o.config.lrPerStep.clear();
  expectError(Exit::BadInput, "expected [steps * accumulate, batch, length]", [&] { train(model, o); });
}

TEST_F(Training, NumericsStopsAndKeepsTheCheckpoint) {
  TrainOptions o = options("run", 6);
  o.config.saveEvery = 1;
  Model model = newModel();
  o.onStep = [&](const StepReport &report) {
    if (report.step == 3) {
      std::fill_n(model.flat(Flat::Params), model.info().parameterElements, NAN);
    }
  };
  // Step 3 is saved with what the callback left; step 4 must notice.
  expectError(Exit::Numerics, "the loss of step 4 is not finite", [&] { train(model, o); });
  EXPECT_FALSE(std::filesystem::exists(folder / "run/weights.safetensors"));
  EXPECT_EQ(logOf("run").size(), 3u);
}

TEST_F(Training, TimeLimitEndsTheRun) {
  TrainOptions o = options("run", 1000000000);
  o.maxSeconds = 0.2;
  o.config.saveEvery = 0;
  Model model = newModel();
  TrainResult result = train(model, o);
  EXPECT_GT(result.steps, 0);
  EXPECT_LT(logOf("run").back()["lr"].get<double>(), 0.02) << "the cosine ends with the time";
}

TEST_F(Training, SmallDataAndBadCombinations) {
  Model model = newModel();
  folder.write("tiny", "ab");
  TrainOptions o = options("run", 2);
  o.data = folder / "tiny";
  EXPECT_EQ(train(model, o).steps, 2);
  o.batches = "x";
  expectError(Exit::Usage, "either data or batches", [&] { train(model, o); });
}

TEST(Progress, LineIsReadable) {
  StepReport report;
  report.step = 50;
  report.steps = 200;
  report.bitsPerByte = 2.1314;
  report.bytesPerSecond = 1.23e6;
  report.secondsLeft = 64;
  EXPECT_EQ(progressLine(report), "step 50/200  bpb 2.131  1.2 MB/s  eta 01:04");
  report.secondsLeft = 3723;
  report.bytesPerSecond = 4500;
  EXPECT_EQ(progressLine(report), "step 50/200  bpb 2.131  4.5 kB/s  eta 1:02:03");
}

} // namespace mblm::rt
