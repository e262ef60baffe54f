// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The references' configurations: what they mean as a spec, and the lines that refuse wrong ones.
#include "compiler/Spec/Import.h"
#include "test/spec/Temporary.h"

#include <gtest/gtest.h>

using namespace mblm::spec;

namespace {

const std::string mblmConfig =
    R"({ "num_tokens": 257, "pad_token_id": 256, "hidden_dims": [24, 16], "num_layers": [2, 1],
  "seq_lens": [8, 4], "train_checkpoint_chunks": null,
  "block": [ { "attn_head_dims": 8, "attn_num_heads": 4, "attn_use_rot_embs": true, "pos_emb_type": "fixed" },
             { "attn_head_dims": 8, "attn_num_heads": 3, "attn_use_rot_embs": false, "pos_emb_type": "rope",
               "attn_dropout": 0.25, "ff_dropout": 0.5 } ] })";
const std::string megabyteConfig = R"({ "num_tokens": 256, "dim": [24, 16], "depth": [2, 1], "max_seq_len": [8, 4] })";
const std::string gptConfig = R"({ "block_size": 40, "vocab_size": 256, "n_layer": 2, "n_head": 2, "n_embd": 32 })";

const std::string mambaConfig =
    R"({ "d_model": 16, "n_layer": 3, "vocab_size": 250, "rms_norm": true, "tie_embeddings": false,
  "residual_in_fp32": true, "fused_add_norm": true, "pad_vocab_size_multiple": 8, "d_intermediate": 20,
  "ssm_cfg": { "layer": "Mamba2", "d_state": 8, "headdim": 8, "ngroups": 2, "rmsnorm": false,
    "dt_limit": [0.01, null], "A_init_range": [2, 4] } })";

TEST(Import, Mblm) {
  Temporary file(mblmConfig);
  Spec spec = importConfig("mblm", file.path);
  EXPECT_EQ(spec.names, Names::Mblm);
  EXPECT_EQ(spec.loss, Loss::MeanNonzero);
  EXPECT_EQ(spec.pad, 256);
  EXPECT_FALSE(spec.padGradient || spec.fixedLength || spec.tieEmbeddings);
  EXPECT_TRUE(spec.startToken && spec.headBias);
  ASSERT_EQ(spec.stages.size(), 2u);
  EXPECT_EQ(spec.stages[0].position, Position::Learned);
  EXPECT_EQ(spec.stages[1].position, Position::Rope);
  ASSERT_EQ(spec.stages[0].layers.size(), 2u);
  const Layer &layer = spec.stages[0].layers[1];
  EXPECT_EQ(layer.pointer, "/stages/0/layers/0");
  EXPECT_EQ(layer.ffMult, 2);
  EXPECT_EQ(layer.norm, Norm::RmsClamp);
  EXPECT_EQ(layer.normEps, 1e-8);
  EXPECT_EQ(layer.activation, Activation::Gelu);
  EXPECT_TRUE(layer.rotary && layer.tokenShift);
  EXPECT_FALSE(spec.stages[1].layers[0].rotary);
  EXPECT_EQ(spec.stages[1].layers[0].attnDropout, 0.25);
  EXPECT_EQ(spec.stages[1].layers[0].ffDropout, 0.5);
  EXPECT_EQ(spec.text, writeSpec(spec));
}

TEST(Import, MblmOneBlockForEveryStage) {
  Temporary file(
      R"({ "num_tokens": 9, "pad_token_id": 0, "hidden_dims": [8, 4], "num_layers": [1, 1], "seq_lens": [2, 3],
    "train_checkpoint_chunks": [2], "input_seq_len": 6,
    "block": { "block_type": "transformer", "attn_head_dims": 3, "attn_num_heads": 2, "attn_use_rot_embs": false } })");
  Spec spec = importConfig("mblm", file.path);
  EXPECT_EQ(spec.stages[1].layers.at(0).headDim, 3);
  EXPECT_EQ(spec.stages[1].position, Position::None);
}

TEST(Import, Megabyte) {
  Temporary file(
      R"({ "num_tokens": 258, "dim": 15, "depth": [1, 2], "max_seq_len": [6, 4], "pad_id": 257, "rel_pos": true,
                      "pos_emb": true, "flash_attn": true, "ff_mult": 3 })");
  Spec spec = importConfig("megabyte", file.path);
  EXPECT_EQ(spec.names, Names::Megabyte);
  EXPECT_EQ(spec.loss, Loss::MeanTargets);
  EXPECT_TRUE(spec.padGradient && spec.fixedLength && spec.startToken);
  EXPECT_EQ(spec.maxSlots(), 6);
  EXPECT_EQ(spec.pad, 257);
  ASSERT_EQ(spec.stages.size(), 2u);
  EXPECT_EQ(spec.stages[0].dim, 15);
  EXPECT_EQ(spec.stages[1].layers.size(), 2u);
  EXPECT_EQ(spec.stages[1].position, Position::Learned);
  const Layer &layer = spec.stages[1].layers[0];
  EXPECT_EQ(layer.heads * 1000 + layer.headDim * 10 + layer.ffMult, 8643);
  EXPECT_TRUE(layer.rotary);
}

TEST(Import, Transformer) {
  Temporary file(gptConfig);
  Spec spec = importConfig("transformer", file.path);
  EXPECT_EQ(spec.names, Names::Gpt2);
  EXPECT_FALSE(spec.pad || spec.startToken || spec.headBias);
  EXPECT_TRUE(spec.tieEmbeddings && spec.fixedLength);
  EXPECT_EQ(spec.loss, Loss::MeanTargets);
  EXPECT_EQ(spec.stages.at(0).finalNorm, Norm::Layer);
  const Layer &layer = spec.stages[0].layers.at(1);
  EXPECT_EQ(layer.norm, Norm::Layer);
  EXPECT_EQ(layer.normEps, 1e-5);
  EXPECT_EQ(layer.headDim, 16);
  EXPECT_EQ(layer.activation, Activation::GeluTanh);
  EXPECT_TRUE(layer.attentionBias && !layer.tokenShift && !layer.rotary);
}

TEST(Import, Mamba) {
  Temporary file(mambaConfig);
  std::vector<std::string> notes;
  Spec spec = importConfig("mamba", file.path, nullptr, &notes);
  EXPECT_EQ(spec.names, Names::Mamba);
  EXPECT_EQ(spec.vocab, 256);
  EXPECT_EQ(notes, std::vector<std::string>{"vocab_size 250 is padded to 256, a multiple of 8"});
  EXPECT_FALSE(spec.pad || spec.startToken || spec.headBias || spec.tieEmbeddings || spec.fixedLength);
  ASSERT_EQ(spec.stages.size(), 1u);
  ASSERT_EQ(spec.stages[0].layers.size(), 3u);
  const Layer &layer = spec.stages[0].layers[2];
  EXPECT_EQ(layer.block, Block::Mamba2);
  EXPECT_EQ(layer.norm, Norm::Rms);
  EXPECT_EQ(spec.stages[0].finalNorm, Norm::Rms);
  EXPECT_EQ(layer.mamba.state * 100 + layer.mamba.headDim * 10 + layer.mamba.groups, 882);
  EXPECT_FALSE(layer.mamba.gatedNorm);
  EXPECT_EQ(layer.mamba.dtMin, 0.01);
  EXPECT_FALSE(layer.mamba.dtMax.has_value());
  EXPECT_EQ(layer.mamba.aInitMin, 2);
  EXPECT_EQ(layer.mamba.aInitMax, 4);
  EXPECT_EQ(layer.mamba.mlp, 128); // rounded up
}

TEST(Import, MambaByDefault) {
  Temporary file(
      R"({ "d_model": 40, "n_layer": 1, "vocab_size": 256, "rms_norm": false, "ssm_cfg": { "dt_rank": "auto" } })");
  Spec spec = importConfig("mamba", file.path);
  EXPECT_TRUE(spec.tieEmbeddings);
  const Layer &layer = spec.stages[0].layers[0];
  EXPECT_EQ(layer.block, Block::Mamba1);
  EXPECT_EQ(layer.norm, Norm::Layer);
  EXPECT_EQ(layer.mamba.state, 16);
  EXPECT_EQ(layer.mamba.dtRankOf(40), 3);
}

std::string mblmWithMamba(const std::string &type) {
  return R"({ "num_tokens": 9, "pad_token_id": 0, "hidden_dims": [8], "num_layers": [2], "seq_lens": [4],
    "train_checkpoint_chunks": null, "block": [ { )" +
         type + R"("d_state": 4, "d_conv": 4, "expand": 2, "headdim": 8, "dropout": 0.1 } ] })";
}

// The weights decide, then block_type; and what was decided is said.
TEST(Import, MblmTakesTheMambaThatTheWeightsAre) {
  const std::string tensor = "stage_models.0.layers.0.mixer.A_log";
  const TensorShapes first = {{tensor, {16, 4}}}, second = {{tensor, {2}}}, none = {{"to_logits.bias", {9}}};
  const std::string dropout = "stage 0: dropout is left out (the reference's Mamba-1 has none, its Mamba-2 drops in "
                              "evaluation too)";
  const std::string rule = "; MBLM takes what is installed, so give --weights to have the weights decide";
  struct {
    const char *type;
    const TensorShapes *weights;
    Block block;
    std::string note;
  } cases[] = {
      {"\"block_type\": \"mamba1\", ", nullptr, Block::Mamba1, "stage 0: mamba1, as block_type says" + rule},
      {"\"block_type\": \"mamba2\", ", &none, Block::Mamba2, "stage 0: mamba2, as block_type says" + rule},
      {"", nullptr, Block::Mamba2, "stage 0: mamba2, as it has no block_type" + rule},
      {"\"block_type\": \"mamba1\", ", &first, Block::Mamba1, ""},
      {"\"block_type\": \"mamba1\", ", &second, Block::Mamba2,
       "stage 0: mamba2, as the shape of its weights' A_log says; block_type says mamba1"},
      {"\"block_type\": \"mamba2\", ", &first, Block::Mamba1,
       "stage 0: mamba1, as the shape of its weights' A_log says; block_type says mamba2"},
      {"", &first, Block::Mamba1, "stage 0: mamba1, as the shape of its weights' A_log says"},
  };
  for (const auto &each : cases) {
    Temporary file(mblmWithMamba(each.type));
    std::vector<std::string> notes, expected{each.note, dropout};
    if (each.note.empty()) {
      expected.erase(expected.begin());
    }
    Spec spec = importConfig("mblm", file.path, each.weights, &notes);
    EXPECT_EQ(spec.stages[0].layers[1].block, each.block) << each.type;
    EXPECT_EQ(spec.stages[0].finalNorm, each.block == Block::Mamba1 ? Norm::None : Norm::Rms);
    EXPECT_EQ(notes, expected);
  }
}

TEST(Import, ShippedBenchmarksComeFromHere) {
  for (const char *name : {"bench-mblm-1d-t", "bench-mblm-2d-tt", "bench-mblm-3d-ttt", "bench-megabyte"}) {
    Spec spec = readSpec("models/" + std::string(name) + ".json");
    EXPECT_EQ(writeSpec(spec), spec.text) << name;
  }
}

struct Case {
  std::string format;
  std::string config;
  std::string piece;
  std::string replacement;
  std::string line;
};

class WrongConfig : public testing::TestWithParam<Case> {};

TEST_P(WrongConfig, IsRefusedWithOneLine) {
  const Case &wrong = GetParam();
  std::string text = wrong.config;
  size_t at = text.find(wrong.piece);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, wrong.piece.size(), wrong.replacement);
  EXPECT_EQ(importRefusal(wrong.format, text), wrong.line);
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongConfig,
    testing::Values(
        Case{"mblm", mblmConfig, "\"num_tokens\": 257, ", "",
             "3 c.json:1:1: /: \"num_tokens\" is missing; expected an integer from 2 to 2147483647"},
        Case{"mblm", mblmConfig, "256,", "257,",
             "3 c.json:1:38: /pad_token_id: pad_token_id is 257 but num_tokens is 257; expected at most 256"},
        Case{"mblm", mblmConfig, "\"num_layers\"", "\"num_layer\"",
             "3 c.json:1:68: /num_layer: unknown key \"num_layer\" in an mblm configuration; nearest valid key is "
             "\"num_layers\""},
        Case{"mblm", mblmConfig, "[2, 1]", "[2, 1, 1]",
             "3 c.json:1:82: /num_layers: num_layers has 3 entries but hidden_dims has 2; expected 2, one for each "
             "stage"},
        Case{"mblm", mblmConfig, "[8, 4]", "[8, 0]",
             "3 c.json:2:19: /seq_lens/1: seq_lens is 0; expected an integer from 1 to 2147483647"},
        Case{"mblm", mblmConfig, "\"attn_head_dims\": 8", "\"attn_head_dims\": 7",
             "3 c.json:3:34: /block/0/attn_head_dims: attn_head_dims is 7 but attn_use_rot_embs rotates pairs of "
             "features; "
             "expected an even number, nearest 8"},
        Case{"mblm", mblmConfig, "[24, 16]", "[24, 15]",
             "3 c.json:1:63: /hidden_dims/1: hidden_dims is 15 but pos_emb_type \"rope\" rotates pairs of features; "
             "expected an even number, nearest 16"},
        Case{"mblm", mblmConfig, "{ \"attn_head_dims\": 8,", "{ \"block_type\": \"mamba2\", \"d_state\": 8,",
             "3 c.json:3:54: /block/0/attn_num_heads: unknown key \"attn_num_heads\" in a mamba block; it belongs in a "
             "transformer block"},
        Case{"mblm", mblmConfig, "{ \"attn_head_dims\": 8,", "{ \"block_type\": \"transformer\", \"d_state\": 8,",
             "3 c.json:3:45: /block/0/d_state: unknown key \"d_state\" in a transformer block; it belongs in a mamba "
             "block"},
        Case{"mblm", mblmConfig, "{ \"attn_head_dims\": 8,", "{ \"block_type\": \"transformerEncoder\",",
             "3 c.json:3:30: /block/0/block_type: stage 0 has block kind \"transformerEncoder\" but there is no "
             "mask_token_id; expected it, or \"transformer\", \"mamba1\" or \"mamba2\""},
        Case{"mblm", mblmConfig, "{ \"attn_head_dims\": 8,", "{ \"block_type\": \"transformr\",",
             "3 c.json:3:30: /block/0/block_type: block_type is \"transformr\"; expected \"transformer\", \"mamba1\", "
             "\"mamba2\" or \"transformerEncoder\" (nearest: \"transformer\")"},
        Case{"mblm", mblmConfig, "\"seq_lens\"", "\"mask_token_id\": 300, \"seq_lens\"",
             "3 c.json:2:20: /mask_token_id: mask_token_id is 300 but num_tokens is 257; expected at most 256"},
        Case{"mblm", mblmConfig, "\"fixed\"", "\"learned\"",
             "3 c.json:3:101: /block/0/pos_emb_type: pos_emb_type is \"learned\"; expected \"fixed\" or \"rope\", or "
             "null"},
        Case{"mblm", megabyteConfig, "256", "256",
             "3 c.json:1:39: /depth: key \"depth\" belongs to a configuration of format megabyte, not mblm; expected "
             "\"mblm import megabyte\""},
        Case{"megabyte", megabyteConfig, "[24, 16]", "\"24\"",
             "3 c.json:1:29: /dim: dim is \"24\"; expected an integer from 1 to 2147483647"},
        Case{"megabyte", megabyteConfig, "[24, 16]", "[24]",
             "3 c.json:1:29: /dim: dim has 1 entry but depth has 2; expected 2, one for each stage"},
        Case{"megabyte", megabyteConfig, "256,", "256, \"pad_id\": 256,",
             "3 c.json:1:32: /pad_id: pad_id is 256 but num_tokens is 256; expected at most 255"},
        Case{"megabyte", megabyteConfig, "256,", "256, \"dim_head\": 7, \"rel_pos\": true,",
             "3 c.json:1:34: /dim_head: dim_head is 7 but rel_pos rotates pairs of features; expected an even number, "
             "nearest 8"},
        Case{"megabyte", megabyteConfig, "256,", "1,",
             "3 c.json:1:17: /num_tokens: num_tokens is 1; expected an integer from 2 to 2147483647"},
        Case{"transformer", gptConfig, "32", "33",
             "3 c.json:1:77: /n_embd: n_embd is 33 but n_head is 2; expected a multiple of 2, nearest 32 or 34"},
        Case{"transformer", gptConfig, "\"n_head\"", "\"heads\"",
             "3 c.json:1:54: /heads: unknown key \"heads\" in a transformer configuration; nearest valid key is "
             "\"n_head\""},
        Case{"transformer", megabyteConfig, "256", "256",
             "3 c.json:1:39: /depth: key \"depth\" belongs to a configuration of format megabyte, not transformer; "
             "expected \"mblm import megabyte\""},
        Case{
            "mamba", mambaConfig, "\"d_state\": 8", "\"d_state\": 8, \"dt_rank\": 2",
            "3 c.json:3:49: /ssm_cfg/dt_rank: unknown key \"dt_rank\" in a Mamba2 mixer; it belongs in a Mamba1 mixer"},
        Case{"mamba", mambaConfig, "\"ssm_cfg\"", "\"d_conv\": 4, \"ssm_cfg\"",
             "3 c.json:3:3: /d_conv: unknown key \"d_conv\" in a mamba configuration; it belongs in ssm_cfg"},
        Case{"mamba", mambaConfig, "Mamba2", "Mamba3",
             "3 c.json:3:25: /ssm_cfg/layer: layer is \"Mamba3\"; expected \"Mamba1\" or \"Mamba2\" (nearest: "
             "\"Mamba1\")"},
        Case{"mamba", mambaConfig, "\"headdim\": 8", "\"headdim\": 7",
             "3 c.json:3:60: /ssm_cfg/headdim: headdim is 7 but 32 features pass the recurrence; expected a divisor of "
             "them"},
        Case{"mamba", mambaConfig, "[0.01, null]", "[0.01, 0.001]",
             "3 c.json:4:17: /ssm_cfg/dt_limit: dt_limit is an array; expected an array of two numbers in order, or "
             "null"},
        Case{
            "mamba", mambaConfig, "\"d_model\"", "\"attn_layer_idx\": [0], \"d_model\"",
            "3 c.json:1:21: /attn_layer_idx: attn_layer_idx has 1 entry; expected an array of 0 to 0 attention layers"},
        Case{"megabite", gptConfig, "32", "32",
             "2 unknown format \"megabite\"; expected mblm, megabyte, mamba, transformer, perceiver-ar, blt or blt-entropy (nearest: "
             "megabyte)"}));

} // namespace
