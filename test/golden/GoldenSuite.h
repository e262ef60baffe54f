// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tests that every recorded case is put to on some way to run a model, for programs that say which ways there are.
#pragma once

#include "runtime/Support/Error.h"
#include "test/golden/GoldenCase.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>

namespace mblm::golden {

struct Way {
  const char *name;
  std::shared_ptr<const Judge> judge;
  std::function<std::unique_ptr<rt::Program>(const GoldenCase &)> make;
};

using Parameter = std::tuple<Way, CaseName>;

class Golden : public testing::TestWithParam<Parameter> {
protected:
  void SetUp() override {
    try {
      auto program = way.make(golden);
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

TEST_P(GoldenForward, Logits) { golden.checkForward(*model, *way.judge); }
TEST_P(GoldenForward, Loss) { golden.checkLoss(*model, *way.judge); }
TEST_P(GoldenForward, Gradients) { golden.checkGradients(*model, *way.judge); }
TEST_P(GoldenForward, Empty) {
  if (!golden.spec.startToken) {
    GTEST_SKIP() << "no start token: the reference has no result for the empty prompt";
  }
  golden.checkEmpty(*model, *way.judge);
}
TEST_P(GoldenTrajectory, LossesNormsAndWeights) { golden.checkTrajectory(*model, *way.judge); }
TEST_P(GoldenGreedy, BytesAndLogits) { golden.checkGreedy(*model, *way.judge); }

inline std::string testName(const testing::TestParamInfo<Parameter> &info) {
  return std::string(std::get<0>(info.param).name) + "_" + std::get<1>(info.param).name;
}

} // namespace mblm::golden
