// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Configurations of BLT and of its entropy model: what those of the recorded cases mean, and the lines that refuse what
// the reference cannot run.
#include "test/spec/BltCases.h"
#include "test/spec/Temporary.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace mblm::spec;
using Json = nlohmann::ordered_json;

namespace {

// The configuration of a case with some of its values replaced.
std::string changed(const std::string &name, const Json &values) {
  Json config = Json::parse(bltConfig(name));
  for (const auto &[key, value] : values.items()) {
    config[key] = value;
  }
  return config.dump();
}

TEST(BltImport, TheReleasedLayout) {
  std::vector<std::string> notes;
  Spec spec = importText("blt", bltConfig("d06_blt_k2_hash"), &notes);
  EXPECT_EQ(notes, std::vector<std::string>());
  EXPECT_EQ(spec.vocab, 260);
  EXPECT_EQ(spec.documentEnd, 2);
  EXPECT_EQ(spec.names, Names::Blt);
  EXPECT_EQ(spec.loss, Loss::MeanWeighted);
  EXPECT_FALSE(spec.startToken || spec.headBias || spec.tieEmbeddings || spec.pad || spec.fixedLength);
  ASSERT_EQ(spec.stages.size(), 3u);
  const int64_t dims[] = {24, 20, 20}, depths[] = {2, 1, 2}, heads[] = {4, 5, 5}, headDims[] = {6, 4, 4};
  for (size_t i = 0; i < 3; ++i) {
    const Stage &stage = spec.stages[i];
    EXPECT_EQ(stage.dim, dims[i]);
    EXPECT_EQ(stage.length, 128);
    EXPECT_EQ(int64_t(stage.layers.size()), depths[i]);
    EXPECT_EQ(stage.finalNorm, i == 2 ? Norm::Rms : Norm::None);
    const Layer &layer = stage.layers[0];
    EXPECT_EQ(layer.block, Block::Llama);
    EXPECT_EQ(layer.heads, heads[i]);
    EXPECT_EQ(layer.headDim, headDims[i]);
    EXPECT_EQ(layer.kvHeadsOf(), heads[i]);
    EXPECT_EQ(layer.ffHidden, 64);
    EXPECT_EQ(layer.rotaryBase, 10000);
    EXPECT_EQ(layer.normEps, 1e-5);
    EXPECT_TRUE(layer.documents);
    EXPECT_EQ(layer.window, i == 0 ? std::nullopt : std::optional<int64_t>(9));
  }
  const Patches &patches = *spec.patches;
  EXPECT_EQ(patches.mode, PatchMode::Entropy);
  EXPECT_EQ(patches.threshold, 1.335442066192627);
  EXPECT_FALSE(patches.thresholdAdd || patches.monotonic || patches.maxLength || patches.lead || patches.size);
  EXPECT_EQ(patches.pooling, std::vector<Pool>{Pool::Max});
  EXPECT_EQ(patches.perPatch, 2);
  EXPECT_EQ(patches.crossHeads, 5);
  EXPECT_EQ(patches.encoderCross, CrossLayers::One);
  EXPECT_EQ(patches.decoderCross, CrossLayers::All);
  EXPECT_FALSE(patches.encoderWindow || patches.decoderWindow);
  EXPECT_EQ(patches.crossNormEps, 1e-5);
  EXPECT_EQ(spec.ngrams->hashSizes, (std::vector<int64_t>{3, 4, 5}));
  EXPECT_EQ(spec.ngrams->hashFunctions, 1);
  EXPECT_EQ(spec.ngrams->hashRows, 61);
  EXPECT_TRUE(spec.ngrams->tables.empty());
}

TEST(BltImport, WhatOtherCasesSay) {
  Spec same = bltSpec("d07_blt_k1_nohash_samedim");
  EXPECT_FALSE(same.ngrams);
  EXPECT_EQ(same.patches->perPatch, 1);
  EXPECT_FALSE(same.stages[0].layers[0].documents) << "attn_bias_type is causal";
  EXPECT_TRUE(same.stages[1].layers[0].documents);
  EXPECT_EQ(same.stages[2].layers[0].window, 128);

  Spec grouped = bltSpec("d08_blt_gqa_alllayers");
  EXPECT_EQ(grouped.stages[0].layers[0].kvHeads, 2);
  EXPECT_EQ(grouped.stages[1].layers[0].kvHeads, 1);
  EXPECT_EQ(grouped.stages[2].layers[1].kvHeads, 1);
  EXPECT_EQ(grouped.stages[1].layers[0].ffHidden, 56);
  EXPECT_EQ(grouped.stages[0].layers[0].rotaryBase, 500000);
  EXPECT_EQ(grouped.patches->encoderCross, CrossLayers::All);
  EXPECT_EQ(grouped.patches->crossHeads, 4);
  EXPECT_EQ(grouped.patches->pooling, std::vector<Pool>{Pool::Mean});
  EXPECT_EQ(grouped.ngrams->hashTables(), 4);

  Spec pooled = bltSpec("d09_blt_nocross_pool3");
  EXPECT_EQ(pooled.patches->pooling, (std::vector<Pool>{Pool::Mean, Pool::Min, Pool::Max}));
  EXPECT_EQ(pooled.patches->encoderCross, CrossLayers::None);
  EXPECT_EQ(pooled.patches->decoderCross, CrossLayers::None);
  EXPECT_EQ(pooled.patchWidth(), 60);

  Spec windows = bltSpec("d10_blt_xwindows");
  EXPECT_EQ(windows.patches->encoderWindow, 2);
  EXPECT_EQ(windows.patches->decoderWindow, 3);
  EXPECT_EQ(windows.patches->decoderCross, CrossLayers::One);

  EXPECT_EQ(bltSpec("d11_blt_space_utf8").patches->mode, PatchMode::Space);

  Spec lead = bltSpec("d12_blt_boe_static");
  EXPECT_EQ(lead.patches->mode, PatchMode::Static);
  EXPECT_EQ(lead.patches->size, 4);
  EXPECT_EQ(lead.patches->lead, 3);

  Spec listed = bltSpec("d13_blt_ngram_tables");
  ASSERT_EQ(listed.ngrams->tables.size(), 2u);
  EXPECT_EQ(listed.ngrams->tables[0].length, 2);
  EXPECT_EQ(listed.ngrams->tables[0].rows(), 27);
  EXPECT_EQ(listed.ngrams->tables[0].grams[2], (std::vector<int32_t>{1, 88}));
  EXPECT_EQ(listed.ngrams->tables[1].length, 4);
  EXPECT_EQ(listed.ngrams->tables[1].rows(), 21);
}

TEST(BltImport, EntropyModels) {
  std::vector<std::string> notes;
  Spec spec = importText("blt-entropy", bltConfig("d05_entropy_batch"), &notes);
  EXPECT_EQ(notes, std::vector<std::string>());
  ASSERT_EQ(spec.stages.size(), 1u);
  EXPECT_FALSE(spec.patches || spec.ngrams || spec.startToken || spec.headBias);
  EXPECT_EQ(spec.documentEnd, 2);
  const Stage &stage = spec.stages[0];
  EXPECT_EQ(stage.length, 160);
  EXPECT_EQ(stage.finalNorm, Norm::Rms);
  const Layer &layer = stage.layers.at(1);
  EXPECT_EQ(layer.kvHeads, 1);
  EXPECT_EQ(layer.heads * 10 + layer.headDim, 38);
  EXPECT_EQ(layer.window, 9);
  EXPECT_TRUE(layer.documents);

  auto layerOf = [&](const Json &values) {
    notes.clear();
    return importText("blt-entropy", changed("d04_entropy", values), &notes).stages[0].layers[0];
  };
  Layer plain = layerOf({{"attn_bias_type", "causal"}});
  EXPECT_FALSE(plain.window || plain.documents);
  EXPECT_EQ(notes, std::vector<std::string>{
                       "sliding_window is left out: only attn_bias_type \"local_block_causal\" reads it"});
  Layer block = layerOf({{"attn_bias_type", "block_causal"}, {"sliding_window", nullptr}});
  EXPECT_TRUE(!block.window && block.documents && notes.empty());

  std::string released = R"({ "dim": 768, "n_layers": 14, "n_heads": 12, "vocab_size": 260, "max_seqlen": 8192 })";
  Spec large = importText("blt-entropy", released, &notes);
  EXPECT_EQ(large.stages[0].layers[0].ffHidden, 2048);
  EXPECT_EQ(large.stages[0].layers[0].window, 512);
  EXPECT_EQ(notes,
            std::vector<std::string>{"sliding_window is not given; 512, as the reference loads every entropy model"});
}

TEST(BltImport, FeedForwardsAreRoundedAsInTheReference) {
  auto hidden = [](int64_t dim, int64_t multiple, const Json &multiplier) {
    Json values = {{"dim", dim}, {"n_heads", 1}, {"multiple_of", multiple}, {"ffn_dim_multiplier", multiplier}};
    return importText("blt-entropy", changed("d04_entropy", values)).stages[0].layers[0].ffHidden;
  };
  EXPECT_EQ(hidden(1024, 256, 1.0), 2816);
  EXPECT_EQ(hidden(1280, 256, nullptr), 3584);
  EXPECT_EQ(hidden(4096, 256, 1.0), 11008);
  EXPECT_EQ(hidden(4096, 1024, 1.3), 14336);
  EXPECT_EQ(hidden(20, 1, 1.5), 79); // int(1.5 * int(53.3))
}

TEST(BltImport, OtherSpellings) {
  std::vector<std::string> notes;
  auto with = [&](const Json &values, const char *name = "d06_blt_k2_hash") {
    notes.clear();
    return importText("blt", changed(name, values), &notes);
  };
  EXPECT_EQ(with({{"encoder_hash_byte_group_size", "3, 4,8"}}).ngrams->hashSizes, (std::vector<int64_t>{3, 4, 8}));
  EXPECT_EQ(with({{"pm_size", 3}}).vocab, 263);
  EXPECT_EQ(with({{"head_dim", 6}}).stages[1].layers[0].headDim, 6);
  EXPECT_EQ(with({{"head_dim", 6}}).stages[0].layers[0].headDim, 6);
  EXPECT_EQ(with({{"max_encoder_seq_length", 512}}).stages[1].length, 512);
  EXPECT_EQ(with({{"max_encoder_seq_length", 512}}).stages[0].length, 128);
  EXPECT_EQ(with({{"max_encoder_seq_length", nullptr}}).stages[2].length, 128);
  EXPECT_EQ(with({{"max_patch_length", 7}}).patches->maxLength, 7);
  EXPECT_EQ(with({{"patching_mode", "byte"}}).patches->mode, PatchMode::Byte);
  EXPECT_EQ(with({{"patching_mode", "bpe"}}).patches->mode, PatchMode::Bpe);
  EXPECT_EQ(with({{"patching_mode", nullptr}}).patches->mode, PatchMode::Given);
  Patches still = *with({{"patching_mode", "static"}, {"patch_size", 6}}).patches;
  EXPECT_EQ(still.size * 10 + still.lead, 60);
  Patches entropy = *with({{"patching_threshold", 0.5}, {"patching_threshold_add", 0.25}}).patches;
  EXPECT_EQ(entropy.threshold, 0.5);
  EXPECT_EQ(entropy.thresholdAdd, 0.25);
  EXPECT_TRUE(notes.empty());
  EXPECT_TRUE(with({{"monotonicity", true}, {"patching_threshold_add", 0.25}}).patches->monotonic);
  EXPECT_EQ(notes, std::vector<std::string>{"patching_threshold_add is left out: with monotonicity nothing reads it"});
  EXPECT_EQ(with({{"patching_mode", "bpe_patcher"}}).patches->mode, PatchMode::Given);
  EXPECT_EQ(notes, std::vector<std::string>{
                       "patching_mode \"bpe_patcher\" needs a model of its own; lengths come with the input"});
  with({{"init_std_factor", "current_depth"}});
  EXPECT_EQ(notes,
            std::vector<std::string>{"first values are those of init_std_factor \"disabled\" without init_base_std"});
  Spec encoderAlone = with({{"cross_attn_decoder", false}, {"cross_attn_window_decoder", 3}});
  EXPECT_FALSE(encoderAlone.patches->decoderWindow);
  EXPECT_EQ(encoderAlone.patchWidthDown(), 20);

  Json config = Json::parse(bltConfig("d13_blt_ngram_tables"));
  config.erase("ngram_tables");
  Spec bare = importText("blt", config.dump(), &notes);
  EXPECT_TRUE(bare.ngrams->tables.empty());
  EXPECT_EQ(notes, std::vector<std::string>{
                       "the tables of listed n-grams are left out: the configuration does not hold them; add "
                       "\"ngram_tables\": {\"LENGTH\": [[ID, ...], ...], ...}"});
}

TEST(BltImport, SpecsAreWrittenWithoutLoss) {
  for (const char *name : bltCases) {
    Spec spec = bltSpec(name);
    EXPECT_EQ(writeSpec(spec), spec.text) << name;
  }
}

struct Case {
  const char *name;
  Json values;
  const char *line; // behind the place
};

class WrongBlt : public testing::TestWithParam<Case> {};

TEST_P(WrongBlt, IsRefusedWithOneLine) {
  std::string text = changed(GetParam().name, GetParam().values);
  std::string line = importRefusal(text.find("dim_global") == std::string::npos ? "blt-entropy" : "blt", text);
  size_t at = line.find(": /");
  EXPECT_EQ(line.substr(0, 9), "3 c.json:") << line;
  EXPECT_EQ(at == std::string::npos ? line : line.substr(at + 2), GetParam().line);
}

const char *const base = "d06_blt_k2_hash", *const pooled = "d09_blt_nocross_pool3",
                  *const same = "d07_blt_k1_nohash_samedim", *const entropyCase = "d04_entropy";

INSTANTIATE_TEST_SUITE_P(
    All, WrongBlt,
    testing::Values(
        Case{base,
             {{"use_ropes", true}},
             "/use_ropes: unknown key \"use_ropes\" in a blt configuration; nearest valid key is \"use_rope\""},
        Case{base, {{"use_rope", false}}, "/use_rope: use_rope is false; expected true"},
        Case{base,
             {{"use_local_encoder_transformer", false}},
             "/use_local_encoder_transformer: use_local_encoder_transformer is false; expected true"},
        Case{base,
             {{"dim_token", 24}},
             "/dim_token: dim_token is 24 but dim_local_encoder is 20; expected null or the same"},
        Case{base,
             {{"dim_local_decoder", 40}},
             "/dim_local_decoder: dim_local_decoder is 40 but the decoder takes the encoder's bytes on, whose "
             "dim_local_encoder is 20; expected the same"},
        Case{
            base,
            {{"cross_attn_init_by_pooling", false}},
            "/cross_attn_init_by_pooling: cross_attn_init_by_pooling is false but the encoder's cross attention begins "
            "with pooled bytes; expected true"},
        Case{base,
             {{"downsampling_by_pooling", nullptr}},
             "/downsampling_by_pooling: downsampling_by_pooling is null; expected a string with \"avg\", \"min\" or "
             "\"max\""},
        Case{base,
             {{"downsampling_by_pooling", "avg,max"}},
             "/downsampling_by_pooling: downsampling_by_pooling has 2 words but the encoder's cross attention begins "
             "with "
             "one; expected 1"},
        Case{pooled,
             {{"downsampling_by_pooling", "mean"}},
             "/downsampling_by_pooling: downsampling_by_pooling is \"mean\" without cross attention in the encoder; "
             "expected \"avg\""},
        Case{same,
             {{"cross_attn_k", 2}},
             "/cross_attn_k: cross_attn_k is 2 but the global width is the local one, so that nothing makes 2 vectors "
             "of "
             "a patch; expected 1, or different widths"},
        Case{base,
             {{"cross_attn_k", nullptr}},
             "/cross_attn_k: cross_attn_k is null but there is cross attention; expected an integer from 1 to 65536"},
        Case{base,
             {{"cross_attn_nheads", 3}},
             "/cross_attn_nheads: cross_attn_nheads is 3 but the local width is 20; expected a divisor of it"},
        Case{base,
             {{"patching_mode", ""}},
             "/patching_mode: patching_mode is \"\" and puts ids before the encoder's bytes, but its cross attention "
             "reads none; expected another mode, or cross_attn_encoder false"},
        Case{base,
             {{"patching_mode", "static"}, {"patch_size", 4.5}},
             "/patch_size: patch_size is 4.5 but patching_mode is \"static\"; expected a whole number, at least 1"},
        Case{base,
             {{"patching_mode", "words"}},
             "/patching_mode: patching_mode is \"words\"; expected \"\", \"static\", \"byte\", \"space\", \"entropy\", "
             "\"bpe\" or \"bpe_patcher\", or null"},
        Case{base,
             {{"local_attention_window_len", nullptr}},
             "/local_attention_window_len: local_attention_window_len is null; expected an integer from 1 to "
             "2147483647"},
        Case{base,
             {{"attn_bias_type", "local_block_causal"}},
             "/attn_bias_type: attn_bias_type is \"local_block_causal\"; expected \"causal\" or \"block_causal\" "
             "(nearest: "
             "\"block_causal\")"},
        Case{base,
             {{"encoder_hash_byte_group_size", "3,x"}},
             "/encoder_hash_byte_group_size: encoder_hash_byte_group_size is \"3,x\"; expected an array of integers "
             "from 1 "
             "to 64, a string of such as \"3,4\", or null"},
        Case{
            same,
            {{"encoder_enable_byte_ngrams", true}},
            "/encoder_enable_byte_ngrams: encoder_enable_byte_ngrams is true but encoder_hash_byte_group_size names no "
            "tables, and the reference has one kind with the other alone; expected false"},
        Case{"d13_blt_ngram_tables",
             {{"ngram_tables", {{"2", {{1, 2}, {3, 400}}}}}},
             "/ngram_tables/2/1: a gram has id 400 but vocab_size is 260; expected at most 259"},
        Case{base,
             {{"n_heads_global", 5}},
             "/n_heads_global: n_heads_global is 5 but dim_global is 24; expected a divisor of it, or head_dim"},
        Case{base,
             {{"n_heads_global", 8}},
             "/n_heads_global: n_heads_global is 8 and dim_global is 24, which makes heads 3 wide, and pairs of "
             "features "
             "are rotated; expected an even width"},
        Case{base,
             {{"head_dim", 5}},
             "/head_dim: head_dim is 5 but llama layers rotate pairs of features; expected an even number, nearest 6"},
        Case{base,
             {{"n_kv_heads", 2}},
             "/n_kv_heads: n_kv_heads is 2 but there are 5 heads; expected a divisor of them"},
        Case{base,
             {{"n_kv_heads_global", 3}},
             "/n_kv_heads_global: n_kv_heads_global is 3 but there are 4 heads; expected a divisor of them"},
        Case{base, {{"eos_id", 260}}, "/eos_id: eos_id is 260 but vocab_size is 260; expected at most 259"},
        Case{entropyCase, {{"weight_tying", true}}, "/weight_tying: weight_tying is true; expected false"},
        Case{entropyCase,
             {{"sliding_window", nullptr}},
             "/sliding_window: sliding_window is null but attn_bias_type is \"local_block_causal\"; expected an "
             "integer"},
        Case{entropyCase,
             {{"patch_size", 4}},
             "/patch_size: unknown key \"patch_size\" in a blt-entropy configuration; it belongs in a blt "
             "configuration"}));

TEST(BltImport, TheOtherFormatIsNamed) {
  EXPECT_EQ(
      importRefusal("blt", R"({ "sliding_window": 512 })"),
      "3 c.json:1:3: /sliding_window: key \"sliding_window\" belongs to a configuration of format blt-entropy, not "
      "blt; expected \"mblm import blt-entropy\"");
  EXPECT_EQ(importRefusal("blt-entropy", R"({ "dim_global": 512 })"),
            "3 c.json:1:3: /dim_global: key \"dim_global\" belongs to a configuration of format blt, not blt-entropy; "
            "expected \"mblm import blt\"");
}

} // namespace
