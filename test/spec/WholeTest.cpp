// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Specs of models that read sequences whole, with a prefix and masked: what is read, written, imported and refused.
#include "compiler/Spec/Parameters.h"
#include "test/spec/Temporary.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace mblm::spec;

namespace {

const char *const prefixed = R"({ "format": 1, "names": "perceiver_ar", "vocab": 256, "pad": 0, "start_token": false, "prefix": 24,
  "stages": [ { "dim": 16, "length": 48, "layers": [
    { "heads": 2, "head_dim": 40, "perceive": true, "rotary": true, "rotary_dim": 32, "token_shift": false, "out_bias": true },
    { "heads": 2, "head_dim": 40, "ff_bias": false } ] } ] })";
const char *const masked = R"({ "format": 1, "vocab": 258, "pad": 256, "start_token": false, "mask_token": 257, "mask_all": true,
  "mask_probability": 0.25,
  "stages": [ { "dim": 20, "length": 6, "layers": [ { "heads": 2, "head_dim": 8 } ] },
    { "dim": 16, "length": 5, "layers": [ { "heads": 2, "head_dim": 8 } ] } ] })";

std::string with(std::string text, const std::string &piece, const std::string &replacement) {
  size_t at = text.find(piece);
  EXPECT_NE(at, std::string::npos) << piece;
  return text.replace(at, piece.size(), replacement);
}

std::vector<std::string> names(const Spec &spec) {
  std::vector<std::string> list;
  for (const Parameter &parameter : listParameters(spec)) {
    list.push_back(parameter.name);
  }
  return list;
}

bool has(const std::vector<std::string> &list, const std::string &name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

TEST(Whole, FieldsAndDefaults) {
  Spec spec = parseSpec(prefixed, "m.json");
  EXPECT_EQ(spec.prefix, 24);
  EXPECT_TRUE(spec.isWhole() && !spec.isMasked());
  const Layer &first = spec.stages[0].layers[0], &second = spec.stages[0].layers[1];
  EXPECT_TRUE(first.perceive && first.outBias && first.ffBias);
  EXPECT_EQ(first.rotaryDim, 32);
  EXPECT_FALSE(second.perceive || second.outBias || second.ffBias || second.rotaryDim);

  spec = parseSpec(masked, "m.json");
  EXPECT_EQ(spec.maskToken, 257);
  EXPECT_TRUE(spec.maskAll && spec.isWhole() && spec.isMasked());
  EXPECT_EQ(spec.maskProbability, 0.25);
  EXPECT_EQ(parseSpec(with(with(masked, ", \"mask_all\": true", ""), "\"mask_probability\": 0.25,", ""), "m.json").maskProbability, 0.15);
}

TEST(Whole, EveryFieldIsKeptAndOthersAreNotWritten) {
  for (const char *text : {prefixed, masked}) {
    std::string written = writeSpec(parseSpec(text, "m.json"));
    EXPECT_EQ(writeSpec(parseSpec(written, "again.json")), written);
    EXPECT_NE(written.find(text == prefixed ? "\"rotary_dim\": 32" : "\"mask_probability\": 0.25"), std::string::npos);
  }
  std::string plain = writeSpec(parseSpec(
      R"({ "format": 1, "vocab": 256, "stages": [ { "dim": 8, "length": 8, "layers": [ { "heads": 1, "head_dim": 8 } ] } ] })", "m.json"));
  for (const char *key : {"prefix", "mask_token", "mask_all", "mask_probability", "rotary_dim", "out_bias", "ff_bias", "perceive"}) {
    EXPECT_EQ(plain.find(std::string("\"") + key + "\""), std::string::npos) << key;
  }
}

TEST(Whole, LayersAreNumberedOnTheirOwn) {
  std::vector<std::string> list = names(parseSpec(prefixed, "m.json"));
  for (const char *name : {"perceive_layers.0.0.context_norm.g", "layers.1.0.to_qkv.weight", "layers.0.0.to_out.bias", "layers.0.1.1.bias"}) {
    EXPECT_FALSE(has(list, name)) << name;
  }
  for (const char *name : {"perceive_layers.0.0.to_out.bias", "perceive_layers.0.1.1.bias", "layers.0.0.to_qkv.weight", "to_logits.bias"}) {
    EXPECT_TRUE(has(list, name)) << name;
  }
  EXPECT_FALSE(has(list, "layers.0.1.4.bias"));
  list = names(parseSpec(masked, "m.json"));
  EXPECT_FALSE(has(list, "start_tokens.0"));
  EXPECT_TRUE(has(list, "stage_models.1.layers.0.0.to_kv.weight"));
}

TEST(Whole, ImportOfPerceiverAR) {
  Spec spec = importConfig("perceiver-ar", "test/golden/megabyte/perceiver_ar/config.json");
  EXPECT_EQ(spec.names, Names::PerceiverAr);
  EXPECT_EQ(spec.prefix, 24);
  EXPECT_EQ(spec.pad, 0); // label 0 is no target
  EXPECT_EQ(spec.loss, Loss::MeanTargets);
  EXPECT_TRUE(spec.fixedLength && !spec.startToken && !spec.headBias && spec.padGradient);
  const Stage &stage = spec.stages[0];
  EXPECT_EQ(stage.finalNorm, Norm::None);
  ASSERT_EQ(stage.layers.size(), 2u);
  EXPECT_TRUE(stage.layers[0].perceive && stage.layers[0].outBias && !stage.layers[1].perceive && !stage.layers[1].outBias);
  EXPECT_EQ(stage.layers[1].rotaryDim, 32);
  EXPECT_FALSE(stage.layers[1].ffBias || stage.layers[1].tokenShift || stage.layers[1].attentionBias);

  auto import = [](const std::string &more) {
    Temporary file(R"({ "num_tokens": 256, "dim": 16, "depth": 1, "max_seq_len": 48, "cross_attn_seq_len": 24)" + more + " }");
    return importConfig("perceiver-ar", file.path);
  };
  EXPECT_EQ(import(", \"dim_head\": 96").stages[0].layers[0].rotaryDim, 48);
  EXPECT_FALSE(import(", \"dim_head\": 32").stages[0].layers[0].rotaryDim); // all of the head
  EXPECT_EQ(import(", \"perceive_depth\": 3").stages[0].layers.size(), 4u);
}

TEST(Whole, ImportOfTheEncoder) {
  Spec spec = importConfig("mblm", "test/golden/mblm/enc_d1_2d/config.json");
  EXPECT_EQ(spec.maskToken, 257);
  EXPECT_FALSE(spec.maskAll || spec.startToken || spec.padGradient || spec.stages[0].layers[0].tokenShift);
  EXPECT_EQ(spec.maskProbability, 0.15);
}

struct Wrong {
  const char *text, *piece, *replacement, *line;
};

class WrongWhole : public testing::TestWithParam<Wrong> {};

TEST_P(WrongWhole, IsRefused) {
  std::string line = refusalOf(with(GetParam().text, GetParam().piece, GetParam().replacement));
  EXPECT_NE(line.find(GetParam().line), std::string::npos) << line;
  EXPECT_EQ(line.substr(0, 2), "3 ") << line;
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongWhole,
    testing::Values(
        Wrong{prefixed, ", \"prefix\": 24", "", "/names: names \"perceiver_ar\" are those of a model with a prefix; expected \"prefix\" too"},
        Wrong{prefixed, "\"names\": \"perceiver_ar\", ", "", "/prefix: a prefix has names in \"perceiver_ar\" alone"},
        Wrong{prefixed, "24", "48", "/prefix: prefix is 48 but length is 48; expected at most 47"},
        Wrong{prefixed, "\"start_token\": false, ", "", "/start_token: start_token is true but nothing of a prefix is predicted; expected false"},
        Wrong{prefixed, "\"perceive\": true, ", "", "/stages/0/layers/0/perceive: no layer reads the prefix"},
        Wrong{prefixed, "\"ff_bias\": false }", "\"ff_bias\": false }, { \"heads\": 2, \"head_dim\": 8, \"perceive\": true, \"token_shift\": false }",
              "/stages/0/layers/2/perceive: perceive is true behind a layer that does not read the prefix; expected such layers first"},
        Wrong{prefixed, "\"token_shift\": false, ", "", "/stages/0/layers/0/token_shift: token_shift is true but prefix and latents stand apart"},
        Wrong{prefixed, "\"out_bias\": true", "\"attention_bias\": true", "attention_bias is true but queries and keys come from different"},
        Wrong{prefixed, "\"out_bias\": true", "\"attn_dropout\": 0.5", "attn_dropout is not 0 but layers that read a prefix drop no"},
        Wrong{prefixed, "\"heads\": 2, \"head_dim\": 40, \"ff_bias\": false", "\"block\": \"mamba1\"", "block is \"mamba1\" but a prefix is read by Transformer layers"},
        Wrong{prefixed, "\"rotary_dim\": 32", "\"rotary_dim\": 31", "rotary_dim is 31 but rotary rotates pairs of features; expected an even number, nearest 32"},
        Wrong{prefixed, "\"rotary_dim\": 32", "\"rotary_dim\": 42", "head_dim is 40 but 42 features of a head are rotated; expected at least 42"},
        Wrong{prefixed, "\"rotary\": true, ", "", "rotary_dim is 32 but nothing is rotated; expected null, or rotary true"},
        Wrong{masked, "257", "258", "/mask_token: mask_token is 258 but vocab is 258; expected at most 257"},
        Wrong{masked, "\"start_token\": false, ", "", "/start_token: start_token is true but a masked model predicts bytes in their own places"},
        Wrong{masked, "{ \"heads\": 2, \"head_dim\": 8 }", "{ \"block\": \"mamba2\", \"head_dim\": 8 }", "block is \"mamba2\" but a masked model looks to both sides"},
        Wrong{masked, "\"mask_token\": 257, ", "", "expected true, or 1 stage"},
        Wrong{masked, "\"start_token\": false, \"mask_token\": 257, ", "", "/mask_all: mask_all is true but there is no mask_token"},
        Wrong{masked, "\"start_token\": false, \"mask_token\": 257, \"mask_all\": true", "\"mask_all\": false",
              "/mask_probability: mask_probability is given but there is no mask_token"}));

TEST(Whole, WrongConfigurations) {
  const std::string perceiver = R"({ "num_tokens": 256, "dim": 16, "depth": 1, "max_seq_len": 48, "cross_attn_seq_len": 24 })";
  auto expect = [](const std::string &got, const std::string &part) { EXPECT_NE(got.find(part), std::string::npos) << got; };
  expect(importRefusal("perceiver-ar", with(perceiver, "24", "48")), "/cross_attn_seq_len: cross_attn_seq_len is 48 but max_seq_len is 48; expected at most 47");
  expect(importRefusal("perceiver-ar", with(perceiver, "24", "24, \"dim_head\": 16")), "/dim_head: dim_head is 16 but 32 features of a head are rotated");
  expect(importRefusal("perceiver-ar", with(perceiver, "24", "24, \"dropout\": 0.1")), "/dropout: dropout is not 0 but layers that read a prefix drop no");
  expect(importRefusal("perceiver-ar", with(perceiver, "24", "24, \"cross_attn_dropout\": 0.1")), "/cross_attn_dropout: cross_attn_dropout is not 0");
  expect(importRefusal("perceiver-ar", R"({ "num_tokens": 256, "n_embd": 4 })"), "expected \"mblm import transformer\"");
  expect(importRefusal("blt", perceiver), "expected \"mblm import perceiver-ar\"");
  std::string encoder = R"({ "num_tokens": 258, "pad_token_id": 256, "hidden_dims": [8], "num_layers": [1], "seq_lens": [9], "mask_token_id": 257,
    "block": { "block_type": "transformer", "attn_head_dims": 8, "attn_num_heads": 1, "attn_use_rot_embs": true } })";
  expect(importRefusal("mblm", encoder), "block kind \"transformer\" but mask_token_id makes a masked encoder; expected \"transformerEncoder\"");
  EXPECT_EQ(importRefusal("mblm", with(encoder, "\"block_type\": \"transformer\", ", "")), "accepted"); // told by its keys
}

} // namespace
