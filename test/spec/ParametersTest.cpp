// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names and shapes against weights files of the references; order and first values.
#include "compiler/Spec/Parameters.h"
#include "compiler/Spec/Import.h"
#include "test/spec/Refusal.h"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <set>

using namespace mblm::spec;

namespace {

std::string line(const Parameter &parameter) {
  std::string text = parameter.name + " [";
  const std::vector<int64_t> shape = parameter.fileShape();
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

struct Case {
  const char *format;
  const char *name;
};

class AgainstReference : public testing::TestWithParam<Case> {};

TEST_P(AgainstReference, SameNamesAndShapes) {
  std::string path = std::string("test/spec/data/") + GetParam().name;
  Spec spec = importConfig(GetParam().format, path + ".json");
  std::set<std::string> expected;
  std::ifstream stream(path + ".tensors");
  size_t ignored = 0;
  for (std::string text; std::getline(stream, text);) {
    if (isIgnorableWeight(spec, text.substr(0, text.find(' ')))) {
      ++ignored;
    } else {
      expected.insert(text);
    }
  }
  EXPECT_FALSE(expected.empty());
  std::set<std::string> listed;
  for (const Parameter &parameter : listParameters(spec)) {
    EXPECT_TRUE(listed.insert(line(parameter)).second) << parameter.name << " twice";
    EXPECT_FALSE(isIgnorableWeight(spec, parameter.name)) << parameter.name;
  }
  EXPECT_EQ(listed, expected);
  size_t rotaryStages = 0;
  for (const Stage &stage : spec.stages) {
    rotaryStages += stage.layers[0].rotary;
  }
  EXPECT_EQ(ignored, rotaryStages);
}

INSTANTIATE_TEST_SUITE_P(All, AgainstReference,
                         testing::Values(Case{"mblm", "d01_1d_t_fixed"}, Case{"mblm", "d02_1d_t_nopos_norot_long"},
                                         Case{"mblm", "d05_2d_tt_fixed_exact"}, Case{"mblm", "d09_3d_ttt_fixed_exact"},
                                         Case{"mblm", "d12_2d_tt_rope_lossmask"}, Case{"mblm", "d07_2d_mt_exact"},
                                         Case{"mblm", "m2_d2_2d_mt_pad"}, Case{"mamba", "mamba_lm_rms_tied"},
                                         Case{"mamba", "mambabyte_ln_untied"}, Case{"mamba", "mamba2_lm"},
                                         Case{"megabyte", "mega_2s_posemb_only"}, Case{"megabyte", "mega_3s_relpos"},
                                         Case{"megabyte", "mega_intdim_odd_pad257"},
                                         Case{"megabyte", "byte_transformer_1stage"},
                                         Case{"transformer", "byte_transformer_gpt2"},
                                         Case{"perceiver-ar", "perceiver_ar"}, Case{"mblm", "enc_d1_2d"}),
                         [](const testing::TestParamInfo<Case> &info) { return std::string(info.param.name); });

TEST(Parameters, EmbedderNamesOfMblm040) {
  Spec spec = importConfig("mblm", "test/spec/data/d05_2d_tt_fixed_exact.json");
  spec.names = Names::Mblm040;
  std::set<std::string> embedders;
  for (const Parameter &parameter : listParameters(spec)) {
    if (parameter.name.rfind("token_embs_rev", 0) == 0) {
      embedders.insert(parameter.name);
    }
  }
  EXPECT_EQ(embedders,
            (std::set<std::string>{"token_embs_rev.0.weight", "token_embs_rev.1.0.weight", "token_embs_rev.1.2.bias",
                                   "token_embs_rev.1.2.weight", "token_embs_rev.1.3.bias", "token_embs_rev.1.3.weight",
                                   "token_embs_rev.1.4.bias", "token_embs_rev.1.4.weight"}));
}

TEST(Parameters, Order) {
  Spec spec = importConfig("mblm", "test/spec/data/d05_2d_tt_fixed_exact.json");
  std::vector<Role> layer = {Role::AttnNormWeight, Role::Query,   Role::KeyValue,  Role::AttnOut, Role::FfNormWeight,
                             Role::Ff1Weight,      Role::Ff1Bias, Role::Ff2Weight, Role::Ff2Bias};
  std::vector<Role> expected = {Role::StartToken,       Role::PositionTable,    Role::ByteTable,
                                Role::PatchNorm1Weight, Role::PatchNorm1Bias,   Role::PatchLinearWeight,
                                Role::PatchLinearBias,  Role::PatchNorm2Weight, Role::PatchNorm2Bias};
  auto append = [&](const std::vector<Role> &roles) { expected.insert(expected.end(), roles.begin(), roles.end()); };
  append(layer);
  append(layer);
  append({Role::FinalNormWeight, Role::NextWeight, Role::NextBias, Role::StartToken, Role::PositionTable,
          Role::ByteTable});
  append(layer);
  append({Role::FinalNormWeight, Role::HeadWeight, Role::HeadBias});
  std::vector<Role> roles;
  for (const Parameter &parameter : listParameters(spec)) {
    roles.push_back(parameter.role);
  }
  EXPECT_EQ(roles, expected);
}

const Parameter &find(const std::vector<Parameter> &parameters, Role role) {
  for (const Parameter &parameter : parameters) {
    if (parameter.role == role) {
      return parameter;
    }
  }
  throw std::logic_error("no parameter of that role");
}

TEST(Parameters, FirstValuesOfMblm) {
  std::vector<Parameter> all = listParameters(importConfig("mblm", "test/spec/data/d05_2d_tt_fixed_exact.json"));
  for (Role role : {Role::StartToken, Role::PositionTable, Role::ByteTable}) {
    EXPECT_EQ(find(all, role).init, Init::Normal);
    EXPECT_EQ(find(all, role).scale, 1);
  }
  for (Role role : {Role::PatchLinearWeight, Role::PatchLinearBias}) { // 4 slots of 16 features
    EXPECT_EQ(find(all, role).init, Init::Uniform);
    EXPECT_DOUBLE_EQ(find(all, role).scale, 1 / 8.0);
  }
  EXPECT_DOUBLE_EQ(find(all, Role::Ff2Bias).scale, 1 / std::sqrt(48.0));
  EXPECT_EQ(find(all, Role::AttnNormWeight).init, Init::Ones);
  EXPECT_EQ(find(all, Role::PatchNorm1Bias).init, Init::Zeros);
}

TEST(Parameters, FirstValuesOfGpt2) {
  std::vector<Parameter> all = listParameters(importConfig("transformer", "test/spec/data/byte_transformer_gpt2.json"));
  for (Role role : {Role::PositionTable, Role::ByteTable, Role::Qkv, Role::Ff1Weight}) {
    EXPECT_EQ(find(all, role).init, Init::Normal);
    EXPECT_DOUBLE_EQ(find(all, role).scale, 0.02);
  }
  for (Role role : {Role::AttnOut, Role::Ff2Weight}) { // 2 layers, 2 summands each
    EXPECT_DOUBLE_EQ(find(all, role).scale, 0.01);
  }
  for (Role role : {Role::QkvBias, Role::AttnOutBias, Role::Ff1Bias, Role::Ff2Bias, Role::AttnNormBias}) {
    EXPECT_EQ(find(all, role).init, Init::Zeros);
  }
}

TEST(Parameters, FirstValuesOfMamba1) {
  std::vector<Parameter> all = listParameters(importConfig("mblm", "test/spec/data/d07_2d_mt_exact.json"));
  EXPECT_EQ(find(all, Role::DecayLog).init, Init::LogCount);
  EXPECT_EQ(find(all, Role::Skip).init, Init::Ones);
  EXPECT_DOUBLE_EQ(find(all, Role::Conv).scale, 0.5); // 4 taps
  EXPECT_DOUBLE_EQ(find(all, Role::ConvBias).scale, 0.5);
  EXPECT_DOUBLE_EQ(find(all, Role::Step).scale, std::sqrt(0.5));          // rank 2
  EXPECT_DOUBLE_EQ(find(all, Role::MixerOut).scale, std::sqrt(1 / 48.0)); // 48 features inside
  const Parameter &bias = find(all, Role::StepBias);
  EXPECT_EQ(bias.init, Init::Step);
  EXPECT_EQ(bias.low, 0.001);
  EXPECT_EQ(bias.high, 0.1);
  EXPECT_EQ(bias.scale, 1e-4);
}

TEST(Parameters, FirstValuesOfMamba2) {
  std::vector<Parameter> all = listParameters(importConfig("mamba", "test/spec/data/mamba2_lm.json"));
  const Parameter &decay = find(all, Role::DecayLog);
  EXPECT_EQ(decay.init, Init::LogUniform);
  EXPECT_EQ(decay.low, 1);
  EXPECT_EQ(decay.high, 16);
  EXPECT_EQ(find(all, Role::GateNormWeight).init, Init::Ones);
  EXPECT_DOUBLE_EQ(find(all, Role::MixerOut).scale, 1 / 8.0 / std::sqrt(2.0)); // 64 features, 2 layers
  EXPECT_DOUBLE_EQ(find(all, Role::ByteTable).scale, 0.02);
}

TEST(Parameters, FinalNormIsNamedAfterTheLastLayer) {
  Spec spec = readSpec("models/mblm-4d-mix-tiny.json");
  std::vector<std::string> names;
  for (const Parameter &parameter : listParameters(spec)) {
    if (parameter.role == Role::FinalNormWeight) {
      names.push_back(parameter.name);
    }
  }
  EXPECT_EQ(names, (std::vector<std::string>{"stage_models.0.norm.g", "stage_models.1.norm_f.weight",
                                             "stage_models.2.norm_f.weight", "stage_models.3.norm.g"}));
}

TEST(Parameters, StoredBuffersAreIgnorable) {
  Spec gpt2 = importConfig("transformer", "test/spec/data/byte_transformer_gpt2.json");
  EXPECT_TRUE(isIgnorableWeight(gpt2, "transformer.h.1.attn.bias"));
  EXPECT_TRUE(isIgnorableWeight(gpt2, "lm_head.weight"));
  EXPECT_FALSE(isIgnorableWeight(gpt2, "transformer.h.2.attn.bias"));
  EXPECT_FALSE(isIgnorableWeight(gpt2, "transformer.h.1.attn.c_attn.bias"));
  gpt2.tieEmbeddings = false;
  EXPECT_FALSE(isIgnorableWeight(gpt2, "lm_head.weight"));
  Spec mblm = importConfig("mblm", "test/spec/data/d05_2d_tt_fixed_exact.json");
  EXPECT_TRUE(isIgnorableWeight(mblm, "stage_models.1.rotary_emb.inv_freq"));
  EXPECT_FALSE(isIgnorableWeight(mblm, "stage_models.2.rotary_emb.inv_freq"));
}

} // namespace
