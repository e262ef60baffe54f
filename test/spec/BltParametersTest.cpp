// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names and shapes of BLT's parameters against the reference's weights files; their order and first values.
#include "compiler/Spec/Parameters.h"
#include "test/spec/BltCases.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace mblm::spec;

namespace {

std::set<std::string> listed(const Spec &spec) {
  std::set<std::string> lines;
  for (const Parameter &parameter : listParameters(spec)) {
    EXPECT_TRUE(lines.insert(tensorLine(parameter.name, parameter.fileShape())).second) << parameter.name << " twice";
  }
  return lines;
}

class AgainstBlt : public testing::TestWithParam<const char *> {};

TEST_P(AgainstBlt, SameNamesAndShapes) { EXPECT_EQ(listed(bltSpec(GetParam())), bltTensors(GetParam())); }

INSTANTIATE_TEST_SUITE_P(All, AgainstBlt, testing::ValuesIn(bltCases),
                         [](const testing::TestParamInfo<const char *> &info) { return std::string(info.param); });

TEST(BltParameters, BothModelsOfTheGenerationCase) {
  EXPECT_EQ(listed(bltSpec("d16_generate")), bltTensors("d16_generate", "blt."));
  EXPECT_EQ(listed(importText("blt-entropy", generationEntropyConfig())), bltTensors("d16_generate", "entropy."));
}

std::vector<Parameter> ofStage(const Spec &spec, int stage) {
  std::vector<Parameter> found;
  for (const Parameter &parameter : listParameters(spec)) {
    if (parameter.stage == stage) {
      found.push_back(parameter);
    }
  }
  return found;
}

TEST(BltParameters, WhatIsReadTogetherFollowsDirectly) {
  std::vector<Role> roles, following;
  for (const Parameter &parameter : ofStage(bltSpec("d13_blt_ngram_tables"), 1)) {
    roles.push_back(parameter.role);
    if (parameter.follows) {
      following.push_back(parameter.role);
    }
  }
  EXPECT_EQ(roles,
            (std::vector<Role>{
                Role::ByteTable,      Role::HashTable,  Role::NgramTable, Role::NgramTable, Role::PatchProjection,
                Role::AttnNormWeight, Role::Query,      Role::Key,        Role::Value,      Role::AttnOut,
                Role::FfNormWeight,   Role::Gate,       Role::Up,         Role::Down,       Role::CrossNormQuery,
                Role::CrossNormKey,   Role::CrossQuery, Role::CrossKey,   Role::CrossValue, Role::CrossOut}));
  EXPECT_EQ(following, (std::vector<Role>{Role::HashTable, Role::NgramTable, Role::NgramTable, Role::Key, Role::Value,
                                          Role::Up, Role::CrossValue}));
}

TEST(BltParameters, FirstValues) {
  Spec spec = bltSpec("d08_blt_gqa_alllayers");
  spec.stages[1].layers[0].headDim = 6; // so that heads are not as wide as the stage
  for (const Parameter &parameter : listParameters(spec)) {
    SCOPED_TRACE(parameter.name);
    if (parameter.shape.size() == 1) {
      EXPECT_EQ(parameter.init, Init::Ones);
      continue;
    }
    EXPECT_EQ(parameter.init, Init::TruncatedNormal);
    bool ofStageWidth = parameter.role == Role::AttnOut || parameter.role == Role::Query;
    int64_t width = ofStageWidth ? spec.stages[size_t(parameter.stage)].dim : parameter.shape[1];
    EXPECT_DOUBLE_EQ(parameter.scale, 1 / std::sqrt(double(width)));
  }
}

} // namespace
