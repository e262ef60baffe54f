// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Specs that are JSON but wrong, one case a message, each the same valid spec with one piece replaced; and what a spec
// that says little means.
#include "test/spec/Refusal.h"

#include <gtest/gtest.h>

using namespace mblm::spec;

namespace {

const std::string valid = R"({ "format": 1, "vocab": 257, "pad": 256,
  "stages": [
    { "dim": 8, "length": 4,
      "layers": [ { "heads": 2, "head_dim": 4 } ] },
    { "dim": 6, "length": 3,
      "layers": [ { "heads": 2, "head_dim": 3 } ] } ] })";

std::string with(const std::string &piece, const std::string &replacement) {
  std::string text = valid;
  size_t at = text.find(piece);
  EXPECT_NE(at, std::string::npos) << piece;
  return text.replace(at, piece.size(), replacement);
}

struct Case {
  std::string piece;
  std::string replacement;
  std::string line;
};

class Wrong : public testing::TestWithParam<Case> {};

TEST_P(Wrong, IsRefusedWithOneLine) {
  EXPECT_EQ(refusalOf(with(GetParam().piece, GetParam().replacement)), GetParam().line);
}

const std::string size = "; expected an integer from 1 to 2147483647";

INSTANTIATE_TEST_SUITE_P(
    Keys, Wrong,
    testing::Values(
        Case{"\"format\": 1", "\"format\": 2",
             "3 m.json:1:13: /format: the file needs mblm with format >= 2; this one reads format 1"},
        Case{"\"format\": 1", "\"format\": 0", "3 m.json:1:13: /format: format is 0; expected the integer 1"},
        Case{"\"format\": 1, ", "", "3 m.json:1:1: /: \"format\" is missing; expected the integer 1"},
        Case{"\"length\": 4,", "", "3 m.json:3:5: /stages/0: \"length\" is missing" + size},
        Case{"\"dim\"", "\"dmi\"",
             "3 m.json:3:7: /stages/0/dmi: unknown key \"dmi\" in a stage; nearest valid key is \"dim\""},
        Case{"\"vocab\"", "\"vocabulary\"",
             "3 m.json:1:16: /vocabulary: unknown key \"vocabulary\" in the top level; nearest valid key is \"vocab\""},
        Case{"\"length\": 4", "\"ff_mult\": 4",
             "3 m.json:3:17: /stages/0/ff_mult: unknown key \"ff_mult\" in a stage; it belongs in a transformer layer"},
        Case{"\"length\": 4", "\"a/b~\\n\": 4",
             "3 m.json:3:17: /stages/0/a~1b~0\\n: unknown key \"a/b~\\n\" in a stage; valid keys are dim, length, "
             "position, layers, final_norm, final_norm_eps"}));

INSTANTIATE_TEST_SUITE_P(
    Values, Wrong,
    testing::Values(
        Case{"\"dim\": 8", "\"dim\": 0", "3 m.json:3:14: /stages/0/dim: dim is 0" + size},
        Case{"\"dim\": 8", "\"dim\": -8", "3 m.json:3:14: /stages/0/dim: dim is -8" + size},
        Case{"\"dim\": 8", "\"dim\": 8.0", "3 m.json:3:14: /stages/0/dim: dim is 8.0" + size},
        Case{"\"dim\": 8", "\"dim\": 1e308", "3 m.json:3:14: /stages/0/dim: dim is 1e308" + size},
        Case{"\"dim\": 8", "\"dim\": 9223372036854775808",
             "3 m.json:3:14: /stages/0/dim: dim is 9223372036854775808" + size},
        Case{"\"dim\": 8", "\"dim\": \"8\"", "3 m.json:3:14: /stages/0/dim: dim is \"8\"" + size},
        Case{"\"vocab\": 257", "\"vocab\": 1",
             "3 m.json:1:25: /vocab: vocab is 1; expected an integer from 2 to 2147483647"},
        Case{"\"pad\": 256", "\"pad\": \"256\"",
             "3 m.json:1:37: /pad: pad is \"256\"; expected an integer from 0 to 2147483646, or null"},
        Case{"\"format\": 1", "\"format\": 1, \"name\": 3",
             "3 m.json:1:24: /name: name is 3; expected a string of at most 200 characters"},
        Case{"\"format\": 1", "\"format\": 1, \"name\": \"" + std::string(201, 'n') + "\"",
             "3 m.json:1:24: /name: name has 201 characters; expected a string of at most 200 characters"},
        Case{"\"format\": 1", "\"format\": 1, \"head_bias\": 1",
             "3 m.json:1:29: /head_bias: head_bias is 1; expected true or false"},
        Case{"\"format\": 1", "\"format\": 1, \"loss\": \"mean\"",
             "3 m.json:1:24: /loss: loss is \"mean\"; expected \"mean_nonzero\", \"mean_targets\" or \"mean_weighted\" (nearest: "
             "\"mean_nonzero\")"},
        Case{"\"heads\": 2", "\"heads\": 2, \"norm\": \"layr\"",
             "3 m.json:4:41: /stages/0/layers/0/norm: norm is \"layr\"; expected \"none\", \"rms_clamp\", \"layer\" or "
             "\"rms\" (nearest: \"layer\")"},
        Case{"\"heads\": 2", "\"heads\": 2, \"block\": \"mamba3\"",
             "3 m.json:4:42: /stages/0/layers/0/block: block is \"mamba3\"; expected \"transformer\", \"mamba1\", "
             "\"mamba2\" or \"llama\" (nearest: \"mamba1\")"},
        Case{
            "\"heads\": 2", "\"heads\": 2, \"ff_dropout\": 1",
            "3 m.json:4:47: /stages/0/layers/0/ff_dropout: ff_dropout is 1; expected a number from 0 to 1, 1 excluded"},
        Case{"\"heads\": 2", "\"heads\": 2, \"norm_eps\": 0",
             "3 m.json:4:45: /stages/0/layers/0/norm_eps: norm_eps is 0; expected a number from 1e-30 to 1"},
        Case{"[ { \"heads\": 2, \"head_dim\": 4 } ]", "[]",
             "3 m.json:4:17: /stages/0/layers: layers has 0 entries; expected an array of 1 to 4096 layers"},
        Case{"[ { \"heads\": 2, \"head_dim\": 4 } ]", "{}",
             "3 m.json:4:17: /stages/0/layers: layers is an object; expected an array of 1 to 4096 layers"},
        Case{"{ \"heads\": 2, \"head_dim\": 4 }", "7",
             "3 m.json:4:19: /stages/0/layers/0: a layer is 7; expected an object"},
        Case{"{ \"heads\": 2, \"head_dim\": 4 }",
             "{ \"heads\": 2, \"head_dim\": 4 }, { \"repeat\": 4096, \"heads\": 2, \"head_dim\": 4 }",
             "3 m.json:4:50: /stages/0/layers/1: the stage has 4097 layers up to here; expected at most 4096"}));

const std::string heads = "\"heads\": 2, \"head_dim\": 4";

INSTANTIATE_TEST_SUITE_P(
    MambaLayers, Wrong,
    testing::Values(
        Case{"\"heads\": 2", "\"heads\": 2, \"block\": \"mamba2\"",
             "3 m.json:4:21: /stages/0/layers/0/heads: unknown key \"heads\" in a mamba2 layer; it belongs in a "
             "transformer layer"},
        Case{"\"heads\": 2", "\"heads\": 2, \"dt_rank\": 1",
             "3 m.json:4:33: /stages/0/layers/0/dt_rank: unknown key \"dt_rank\" in a transformer layer; it belongs in "
             "a "
             "mamba1 layer"},
        Case{heads, "\"block\": \"mamba1\", \"chunk\": 8",
             "3 m.json:4:40: /stages/0/layers/0/chunk: unknown key \"chunk\" in a mamba1 layer; it belongs in a mamba2 "
             "layer"},
        Case{heads, "\"block\": \"mamba1\", \"state\": 0",
             "3 m.json:4:49: /stages/0/layers/0/state: state is 0; expected an integer from 1 to 65536"},
        Case{heads, "\"block\": \"mamba1\", \"expand\": 0.1",
             "3 m.json:4:50: /stages/0/layers/0/expand: expand leaves no feature of 8; expected at least 1 / 8"},
        Case{heads, "\"block\": \"mamba1\", \"dt_init_min\": 1",
             "3 m.json:4:19: /stages/0/layers/0/dt_init_max: the largest first step is below the least one; expected "
             "them "
             "in order"},
        Case{heads, "\"block\": \"mamba2\"",
             "3 m.json:4:19: /stages/0/layers/0/head_dim: head_dim is 64 but 16 features pass the recurrence; expected "
             "a "
             "divisor of them"},
        Case{heads, "\"block\": \"mamba2\", \"head_dim\": 4, \"groups\": 3",
             "3 m.json:4:65: /stages/0/layers/0/groups: groups is 3 but there are 4 heads; expected a divisor of them"},
        Case{heads, "\"block\": \"mamba2\", \"ssm_dim\": 20",
             "3 m.json:4:51: /stages/0/layers/0/ssm_dim: ssm_dim is 20 but there are 16 features inside; expected at "
             "most "
             "16"},
        Case{heads, "\"block\": \"mamba2\", \"head_dim\": 4, \"dt_limit_min\": 2, \"dt_limit_max\": 1",
             "3 m.json:4:90: /stages/0/layers/0/dt_limit_max: the largest step dt is below the least one; expected "
             "limits "
             "in order"},
        Case{heads, "\"block\": \"mamba2\", \"head_dim\": 4, \"a_init_max\": 0.5",
             "3 m.json:4:69: /stages/0/layers/0/a_init_max: the largest first decay is below the least one; expected "
             "them "
             "in order"}));

INSTANTIATE_TEST_SUITE_P(
    Together, Wrong,
    testing::Values(
        Case{"\"pad\": 256", "\"pad\": 257", "3 m.json:1:37: /pad: pad is 257 but vocab is 257; expected at most 256"},
        Case{"\"pad\": 256,", "",
             "3 m.json:1:1: /: \"pad\" is missing but 2 stages need it to fill incomplete patches; "
             "expected an integer from 0 to 256"},
        Case{"\"head_dim\": 3", "\"head_dim\": 3, \"rotary\": true",
             "3 m.json:6:45: /stages/1/layers/0/head_dim: head_dim is 3 but rotary rotates pairs of features; expected "
             "an "
             "even number, nearest 4"},
        Case{"\"dim\": 8", "\"position\": \"rope\", \"dim\": 7",
             "3 m.json:3:34: /stages/0/dim: dim is 7 but position \"rope\" rotates pairs of features; expected an even "
             "number, nearest 8"},
        Case{"\"format\": 1", "\"format\": 1, \"start_token\": false",
             "3 m.json:1:31: /start_token: start_token is false with 2 stages; expected true, or 1 stage"},
        Case{"\"format\": 1", "\"format\": 1, \"names\": \"gpt2\"",
             "3 m.json:1:25: /names: names \"gpt2\" has no names for 2 stages; expected \"mblm\" or \"megabyte\", or 1 "
             "stage"},
        Case{
            "\"format\": 1", "\"format\": 1, \"names\": \"mamba\"",
            "3 m.json:1:25: /names: names \"mamba\" has no names for 2 stages; expected \"mblm\" or \"megabyte\", or 1 "
            "stage"},
        Case{"\"format\": 1", "\"format\": 1, \"padding_idx\": 257",
             "3 m.json:1:31: /padding_idx: padding_idx is 257 but vocab is 257; expected at most 256"},
        Case{
            "\"format\": 1", "\"format\": 1, \"padding_idx\": 0, \"pad_gradient\": false",
            "3 m.json:1:31: /padding_idx: padding_idx and pad_gradient false both keep a row as it is; expected one of "
            "them"},
        Case{"\"format\": 1", "\"format\": 1, \"padding_idx\": 0, \"tie_embeddings\": true",
             "3 m.json:1:31: /padding_idx: padding_idx needs a table that the head does not train; expected null, or "
             "tie_embeddings false"},
        Case{"\"format\": 1", "\"format\": 1, \"tie_embeddings\": true, \"pad_gradient\": false",
             "3 m.json:1:56: /pad_gradient: pad_gradient is false but tie_embeddings is true, and the head trains the "
             "table's row of pad; expected pad_gradient true, or tie_embeddings false"},
        Case{"\"dim\": 8", "\"dim\": 2000000",
             "4 m.json:1:1: /: the model has 32000160005423 parameters, largest stage_models.0.layers.0.1.1.weight "
             "(16000000000000), stage_models.0.layers.0.1.4.weight (16000000000000), token_embs_rev.1._post.2.weight "
             "(36000000); expected at most 68719476736 (64 Gi)"},
        Case{
            "\"length\": 3", "\"length\": 2147483647",
            "4 m.json:3:5: /stages/0: the model has more than 103079215056 parameters, largest the patch projection of "
            "stage 0 [8, 12884901882]; expected at most 68719476736 (64 Gi)"}));

TEST(Reader, OneStageWithoutPad) {
  std::string stage = R"("stages": [ { "dim": 8, "length": 4, "layers": [ { "heads": 2, "head_dim": 4 } ] } ] })";
  EXPECT_EQ(refusalOf(R"({ "format": 1, "vocab": 256, "pad_gradient": false, )" + stage),
            "3 m.json:1:46: /pad_gradient: pad_gradient is false but there is no pad; expected true, or \"pad\"");
  EXPECT_EQ(
      refusalOf(R"({ "format": 1, "vocab": 256, "names": "gpt2", )" + stage),
      "3 m.json:1:39: /names: names \"gpt2\" has no name for a start token; expected \"mblm\" or \"megabyte\", or "
      "start_token false");
  EXPECT_EQ(refusalOf(R"({ "format": 1, "vocab": 256, "names": "mamba", "start_token": false, )" + stage),
            "3 m.json:1:39: /names: names \"mamba\" has no names for \"transformer\" layers; expected \"mblm\" or "
            "\"megabyte\"");
  Spec spec = parseSpec(R"({ "format": 1, "vocab": 256, "pad": null, )" + stage, "m.json");
  EXPECT_FALSE(spec.pad.has_value());
}

TEST(Reader, LengthsThatOverflow) {
  std::string stage = R"({ "dim": 1, "length": 2147483647, "layers": [ { "heads": 1, "head_dim": 1 } ] })";
  EXPECT_EQ(refusalOf("{ \"format\": 1, \"vocab\": 2, \"pad\": 0, \"stages\": [ " + stage + ", " + stage + ",\n" +
                      stage + " ] }"),
            "3 m.json:2:23: /stages/2/length: the lengths up to this stage multiply to 9903520300447984150353281023 "
            "positions; expected at most 9223372036854775807");
}

TEST(Reader, TooManyStages) {
  std::string stage = R"({ "dim": 1, "length": 2, "layers": [ { "heads": 1, "head_dim": 1 } ] })";
  std::string stages = stage;
  for (int i = 0; i < 8; ++i) {
    stages += ", " + stage;
  }
  EXPECT_EQ(refusalOf("{ \"format\": 1, \"vocab\": 2, \"pad\": 0, \"stages\": [ " + stages + " ] }"),
            "3 m.json:1:48: /stages: stages has 9 entries; expected an array of 1 to 8 stages");
}

TEST(Reader, Defaults) {
  Spec spec = parseSpec(valid, "m.json");
  EXPECT_TRUE(spec.startToken && spec.padGradient && spec.headBias);
  EXPECT_FALSE(spec.tieEmbeddings || spec.fixedLength);
  EXPECT_EQ(spec.loss, Loss::MeanNonzero);
  EXPECT_EQ(spec.names, Names::Mblm);
  EXPECT_EQ(spec.text, valid);
  ASSERT_EQ(spec.stages.size(), 2u);
  EXPECT_EQ(spec.stages[1].pointer, "/stages/1");
  EXPECT_EQ(spec.stages[0].position, Position::None);
  const Layer &layer = spec.stages[1].layers.at(0);
  EXPECT_EQ(layer.pointer, "/stages/1/layers/0");
  EXPECT_EQ(layer.ffMult, 4);
  EXPECT_EQ(layer.norm, Norm::RmsClamp);
  EXPECT_EQ(layer.normEps, 1e-8);
  EXPECT_TRUE(layer.tokenShift);
  EXPECT_FALSE(layer.rotary || layer.attentionBias);
}

TEST(Reader, DefaultsOfMamba) {
  Spec spec = parseSpec(R"({ "format": 1, "vocab": 256, "padding_idx": 3, "stages": [ { "dim": 32, "length": 4,
    "layers": [ { "block": "mamba1" }, { "block": "mamba2", "norm": "layer" } ] } ] })",
                        "m.json");
  const Layer &first = spec.stages[0].layers[0], &second = spec.stages[0].layers[1];
  EXPECT_EQ(first.mamba.state, 16);
  EXPECT_EQ(first.mamba.dtRankOf(32), 2);
  EXPECT_EQ(first.norm, Norm::Rms);
  EXPECT_EQ(first.normEps, 1e-5);
  EXPECT_EQ(second.mamba.state, 128);
  EXPECT_EQ(second.mamba.headsOf(32), 1);
  EXPECT_EQ(second.norm, Norm::Layer);
  EXPECT_EQ(spec.untrainedRow(), 3);
}

TEST(Reader, EveryFieldOfMambaIsKept) {
  Spec spec = parseSpec(R"({ "format": 1, "vocab": 256, "stages": [ { "dim": 16, "length": 4, "layers": [
    { "block": "mamba1", "state": 3, "conv": 5, "expand": 1.5, "bias": true, "conv_bias": false, "dt_rank": 4,
      "dt_scale": 2, "dt_init": "constant", "dt_init_min": 0.01, "dt_init_max": 0.5, "dt_init_floor": 0.02, "mlp": 128,
      "norm": "layer", "norm_eps": 0.5 },
    { "block": "mamba2", "state": 6, "head_dim": 4, "groups": 2, "ssm_dim": 24, "skip_per_feature": true,
      "gated_norm": false, "norm_before_gate": true, "dt_limit_min": 0.1, "dt_limit_max": 0.2, "chunk": 32,
      "a_init_min": 2, "a_init_max": 3 } ] } ] })",
                        "m.json");
  const Mamba &first = spec.stages[0].layers[0].mamba, &second = spec.stages[0].layers[1].mamba;
  EXPECT_EQ(first.state * 1000 + first.conv * 100 + *first.dtRank * 10, 3540);
  EXPECT_EQ(first.innerDim(16), 24);
  EXPECT_TRUE(first.bias && !first.convBias && first.dtInit == DtInit::Constant);
  EXPECT_EQ(first.dtScale, 2);
  EXPECT_EQ(first.dtInitMin, 0.01);
  EXPECT_EQ(first.dtInitMax, 0.5);
  EXPECT_EQ(first.dtInitFloor, 0.02);
  EXPECT_EQ(first.mlp, 128);
  EXPECT_EQ(spec.stages[0].layers[0].normEps, 0.5);
  EXPECT_EQ(second.headsOf(16) * 1000 + second.groups * 100 + second.state * 10, 6260);
  EXPECT_TRUE(second.skipPerFeature && !second.gatedNorm && second.normBeforeGate);
  EXPECT_EQ(second.dtMin, 0.1);
  EXPECT_EQ(second.dtMax, 0.2);
  EXPECT_EQ(second.chunk, 32);
  EXPECT_EQ(second.aInitMin, 2);
  EXPECT_EQ(second.aInitMax, 3);
  Spec again = parseSpec(writeSpec(spec), "w.json");
  EXPECT_EQ(writeSpec(again), writeSpec(spec));
}

TEST(Reader, EveryFieldIsKept) {
  Spec spec =
      parseSpec(R"({ "$schema": "schema.json", "format": 1, "name": "all", "vocab": 300, "pad": 7, "start_token": false,
    "tie_embeddings": true, "head_bias": false, "loss": "mean_targets", "fixed_length": true, "names": "mblm-0.4.0",
    "stages": [ { "dim": 10, "length": 5, "position": "learned", "final_norm": "layer",
      "layers": [ { "repeat": 2, "block": "transformer", "heads": 3, "head_dim": 6, "ff_mult": 3, "rotary": true,
        "rotary_base": 500.5, "token_shift": false, "norm": "rms", "norm_eps": 0.25, "activation": "gelu_tanh",
        "attention_bias": true, "attn_dropout": 0.125, "ff_dropout": 0.5 }, { "heads": 1, "head_dim": 2, "norm": "layer" } ]
    } ] })",
                "m.json");
  EXPECT_EQ(spec.name, "all");
  EXPECT_EQ(spec.pad, 7);
  EXPECT_FALSE(spec.startToken || spec.headBias);
  EXPECT_TRUE(spec.tieEmbeddings && spec.fixedLength);
  EXPECT_EQ(spec.names, Names::Mblm040);
  const Stage &stage = spec.stages.at(0);
  EXPECT_EQ(stage.position, Position::Learned);
  EXPECT_EQ(stage.finalNorm, Norm::Layer);
  EXPECT_EQ(stage.finalNormEps, 1e-5);
  ASSERT_EQ(stage.layers.size(), 3u);
  EXPECT_EQ(stage.layers[1].pointer, "/stages/0/layers/0");
  EXPECT_EQ(stage.layers[2].pointer, "/stages/0/layers/1");
  EXPECT_EQ(stage.layers[2].normEps, 1e-5);
  const Layer &layer = stage.layers[1];
  EXPECT_EQ(layer.heads * 100 + layer.headDim * 10 + layer.ffMult, 363);
  EXPECT_EQ(layer.rotaryBase, 500.5);
  EXPECT_EQ(layer.normEps, 0.25);
  EXPECT_EQ(layer.norm, Norm::Rms);
  EXPECT_EQ(layer.activation, Activation::GeluTanh);
  EXPECT_EQ(layer.attnDropout, 0.125);
  EXPECT_EQ(layer.ffDropout, 0.5);
  EXPECT_TRUE(layer.rotary && layer.attentionBias && !layer.tokenShift);
  Spec again = parseSpec(writeSpec(spec), "w.json");
  EXPECT_EQ(writeSpec(again), writeSpec(spec));
}

} // namespace
