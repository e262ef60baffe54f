// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layout of the flat parameter buffer and the runtime's view of a spec.
#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Spec/Import.h"

#include <gtest/gtest.h>

using namespace mblm;

namespace {

spec::Parameter parameter(spec::Role role, std::vector<int64_t> shape) {
  spec::Parameter result;
  result.role = role;
  result.shape = std::move(shape);
  result.init = spec::Init::Zeros;
  return result;
}

TEST(ParameterLayout, AlignsEachParameterToACacheLine) {
  ParameterLayout layout =
      layoutParameters({parameter(spec::Role::StartToken, {5}), parameter(spec::Role::ByteTable, {3, 6}),
                        parameter(spec::Role::HeadBias, {16}), parameter(spec::Role::HeadBias, {1})});
  EXPECT_EQ(layout.offsets, (std::vector<int64_t>{0, 16, 48, 64}));
  EXPECT_EQ(layout.elements, 80);
}

TEST(ParameterLayout, KeyAndValueFollowTheQuery) {
  spec::Parameter keyValue = parameter(spec::Role::KeyValue, {6, 5});
  keyValue.follows = true;
  ParameterLayout layout =
      layoutParameters({parameter(spec::Role::AttnNormWeight, {5}), parameter(spec::Role::Query, {3, 5}), keyValue,
                        parameter(spec::Role::AttnOut, {5, 3})});
  EXPECT_EQ(layout.offsets, (std::vector<int64_t>{0, 16, 31, 64}));
  EXPECT_EQ(layout.elements, 80);
}

TEST(ModelInfo, DescribesAHierarchy) {
  rt::ModelInfo info = makeModelInfo(spec::importConfig("mblm", "test/golden/mblm/d09_3d_ttt_fixed_exact/config.json"));
  EXPECT_EQ(info.stageLengths.size(), 3u);
  EXPECT_EQ(info.inner, info.stageLengths[1] * info.stageLengths[2]);
  EXPECT_EQ(info.maxLength, info.stageLengths[0] * info.inner);
  EXPECT_EQ(info.maxSlots, info.stageLengths[0]); // learned positions limit it
  EXPECT_EQ(info.names, "mblm");
  EXPECT_TRUE(info.startToken);
  EXPECT_FALSE(info.spec.empty());
  int64_t end = 0;
  for (const rt::Parameter &parameter : info.parameters) {
    EXPECT_GE(parameter.offset, end) << parameter.name;
    end = parameter.offset + parameter.elements();
  }
  EXPECT_LE(end, info.parameterElements);
  EXPECT_EQ(info.parameterElements % 16, 0);
}

TEST(ModelInfo, TablesOfEmbeddingsAreOne) {
  spec::Spec spec = spec::importConfig("blt", "test/golden/blt/d06_blt_k2_hash/config.json");
  rt::ModelInfo info = makeModelInfo(spec);
  EXPECT_EQ(info.names, "blt");
  EXPECT_TRUE(info.ignorable.empty());
  size_t at = 0;
  while (info.parameters[at].name != "local_encoder.tok_embeddings.weight") {
    ++at;
  }
  EXPECT_EQ(info.parameters[at].init, "truncated_normal");
  EXPECT_EQ(info.parameters[at].offset % 16, 0);
  for (size_t table = 0; table < 3; ++table, ++at) {
    EXPECT_EQ(info.parameters[at + 1].name, "encoder_hash_tok_embedding." + std::to_string(table) + ".weight");
    EXPECT_EQ(info.parameters[at + 1].offset, info.parameters[at].offset + info.parameters[at].elements());
  }
}

TEST(ModelInfo, KnowsTheReferencesOwnBuffers) {
  rt::ModelInfo gpt2 =
      makeModelInfo(spec::importConfig("transformer", "test/golden/megabyte/byte_transformer_gpt2/config.json"));
  EXPECT_EQ(gpt2.ignorable, (std::vector<std::string>{"*.attn.bias", "*.attn.masked_bias", "lm_head.weight"}));
  EXPECT_FALSE(gpt2.pad.has_value());
  EXPECT_EQ(gpt2.inner, 1);
  rt::ModelInfo megabyte =
      makeModelInfo(spec::importConfig("megabyte", "test/golden/megabyte/mega_2s_base/config.json"));
  EXPECT_EQ(megabyte.ignorable, std::vector<std::string>{"*.rotary_emb.inv_freq"});
}

} // namespace
