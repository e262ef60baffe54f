// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The settings file, schedules and decay patterns.
#include "runtime/TrainConfig.h"
#include "test/runtime/TestFiles.h"

namespace mblm::rt {

using test::expectError;

static TrainConfig parse(const std::string &text) { return parseTrainConfig(text, "t.json"); }

TEST(TrainConfig, ReadsEverySetting) {
  TrainConfig c = parse(R"({"optimizer": "adamw", "lr": 0.5, "schedule": "cosine", "warmup_steps": 3,
    "min_lr_ratio": 0.1, "betas": [0.8, 0.99], "eps": 1e-6, "weight_decay": 0.1, "no_decay": ["*.bias"],
    "clip_norm": 0.5, "accumulate": 2, "batch": 4, "length": 64, "seed": 18446744073709551615, "eval_every": 10,
    "eval_bytes": 0, "eval_fraction": 0.1, "save_every": 20})");
  EXPECT_EQ(c.optimizer, "adamw");
  EXPECT_EQ(c.lr, 0.5);
  EXPECT_EQ(c.schedule, "cosine");
  EXPECT_EQ(c.beta2, 0.99);
  EXPECT_EQ(c.noDecay, std::vector<std::string>{"*.bias"});
  EXPECT_EQ(c.seed, UINT64_MAX);
  EXPECT_EQ(c.saveEvery, 20);
  TrainConfig again = parse(trainConfigText(c));
  EXPECT_EQ(trainConfigText(again), trainConfigText(c));
}

TEST(TrainConfig, ErrorsSayWhereAndWhat) {
  expectError(Exit::BadInput, "t.json:2:2: unknown setting \"bacth\"; did you mean \"batch\"?",
              [] { parse("{\"lr\": 1,\n \"bacth\": 4}"); });
  expectError(Exit::BadInput, "t.json:1:2: \"batch\" expects a whole number from 1 to 16777215, got 0",
              [] { parse("{\"batch\": 0}"); });
  expectError(Exit::BadInput, "\"batch\" expects a whole number from 1 to 16777215, got 2.5",
              [] { parse("{\"batch\": 2.5}"); });
  expectError(Exit::BadInput, "\"betas\" expects two numbers from 0 to below 1",
              [] { parse("{\"betas\": [0.9, 1]}"); });
  expectError(Exit::BadInput, "\"optimizer\" expects \"adam\" or \"adamw\", got \"sgd\"",
              [] { parse("{\"optimizer\": \"sgd\"}"); });
  expectError(Exit::BadInput, "\"lr\" expects a number from 0", [] { parse("{\"lr\": [0.1, -1]}"); });
  expectError(Exit::BadInput, "leave out \"schedule\"", [] { parse("{\"lr\": [0.1], \"schedule\": \"cosine\"}"); });
  expectError(Exit::BadInput, "t.json:1:8: not valid JSON", [] { parse("{\"lr\": }"); });
  expectError(Exit::BadInput, "expected an object", [] { parse("[]"); });
}

TEST(TrainConfig, LearningRates) {
  TrainConfig c = parse(R"({"lr": 2, "schedule": "cosine", "warmup_steps": 4, "min_lr_ratio": 0.5})");
  EXPECT_DOUBLE_EQ(learningRate(c, 0, 12), 0.5);
  EXPECT_DOUBLE_EQ(learningRate(c, 3, 12), 2);
  EXPECT_DOUBLE_EQ(learningRate(c, 4, 12), 2);
  EXPECT_NEAR(learningRate(c, 8, 12), 1.5, 1e-12);
  EXPECT_NEAR(learningRate(c, 12, 12), 1, 1e-12);
  EXPECT_NEAR(learningRate(c, 5, 1000, 1.0), 1, 1e-12) << "time ends the cosine";
  TrainConfig constant = parse(R"({"lr": 2, "warmup_steps": 2})");
  EXPECT_DOUBLE_EQ(learningRate(constant, 0, 9), 1);
  EXPECT_DOUBLE_EQ(learningRate(constant, 7, 9), 2);
  TrainConfig list = parse(R"({"lr": [0.1, 0.2]})");
  EXPECT_DOUBLE_EQ(learningRate(list, 1, 2), 0.2);
}

TEST(TrainConfig, DecayPatterns) {
  TrainConfig c = parse(R"({"no_decay": ["*.bias", "start"]})");
  EXPECT_EQ(decayFlags(c, {"start", "a.weight", "a.bias"}), (std::vector<float>{0, 1, 0}));
  expectError(Exit::BadInput, "no_decay pattern 'start' fits no parameter; the nearest name is 'stars'", [&] {
    decayFlags(c, {"stars", "a.bias"});
  });
}

} // namespace mblm::rt
