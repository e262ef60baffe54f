// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Specs with Llama layers and with patches that depend on the data: what is read, what is written, what is refused.
#include "compiler/Spec/Fields.h"
#include "test/spec/Refusal.h"

#include <gtest/gtest.h>

using namespace mblm::spec;

namespace {

// Everything differs from its default somewhere below; what must hold together does.
const char *const valid = R"({ "format": 1, "names": "blt", "vocab": 260, "start_token": false, "head_bias": false,
  "loss": "mean_weighted", "document_end": 2,
  "patches": { "mode": "entropy", "per_patch": 2, "cross_heads": 4 },
  "ngrams": { "hash_sizes": [3, 4], "hash_rows": 61 },
  "stages": [
    { "dim": 24, "length": 32, "final_norm": "none", "layers": [ { "block": "llama", "heads": 4, "head_dim": 6, "ff_hidden": 64, "documents": true } ] },
    { "dim": 20, "length": 128, "final_norm": "none", "layers": [ { "block": "llama", "heads": 5, "head_dim": 4, "ff_hidden": 64, "window": 9 } ] },
    { "dim": 20, "length": 128, "final_norm": "rms", "layers": [ { "block": "llama", "heads": 5, "head_dim": 4, "ff_hidden": 64 } ] } ] })";

std::string with(const std::string &piece, const std::string &replacement) {
  std::string text = valid;
  size_t at = text.find(piece);
  EXPECT_NE(at, std::string::npos) << piece;
  return text.replace(at, piece.size(), replacement);
}

TEST(Patches, Defaults) {
  Spec spec = parseSpec(valid, "m.json");
  const Patches &patches = *spec.patches;
  EXPECT_EQ(patches.mode, PatchMode::Entropy);
  EXPECT_EQ(patches.threshold, 1.335442066192627);
  EXPECT_EQ(patches.pooling, std::vector<Pool>{Pool::Max});
  EXPECT_EQ(patches.encoderCross, CrossLayers::One);
  EXPECT_EQ(patches.decoderCross, CrossLayers::All);
  EXPECT_FALSE(patches.thresholdAdd || patches.maxLength || patches.encoderWindow || patches.decoderWindow);
  EXPECT_EQ(patches.crossNormEps, 1e-5);
  EXPECT_EQ(spec.ngrams->hashTables(), 2);
  EXPECT_EQ(spec.bytesPerSlot(0), 1);
  EXPECT_EQ(spec.patchWidth(), 40);
  const Layer &layer = spec.stages[1].layers[0];
  EXPECT_EQ(layer.norm, Norm::Rms);
  EXPECT_EQ(layer.normEps, 1e-5);
  EXPECT_EQ(layer.kvHeadsOf(), 5);
  EXPECT_EQ(layer.window, 9);
  EXPECT_TRUE(layer.rotary && !layer.tokenShift && !layer.attentionBias && !layer.isMamba());
}

TEST(Patches, PlacesAreKept) {
  Spec spec = parseSpec(valid, "m.json");
  EXPECT_EQ(spec.places.positions.at("/patches").line, 3u);
  EXPECT_EQ(spec.places.positions.at("/ngrams").line, 4u);
}

TEST(Patches, EveryFieldIsKept) {
  Spec spec = parseSpec(R"({ "format": 1, "names": "blt", "vocab": 260, "start_token": false, "head_bias": false,
    "loss": "mean_weighted", "document_end": 7,
    "patches": { "mode": "entropy", "size": 0, "threshold": 1.5, "threshold_add": -0.25, "monotonic": false,
      "max_length": 9, "lead": 3, "pooling": ["mean", "max"], "per_patch": 3, "cross_heads": 5, "encoder_cross": "none",
      "decoder_cross": "one", "encoder_window": null, "decoder_window": 4, "cross_norm_eps": 0.5 },
    "ngrams": { "hash_sizes": [8, 3], "hash_functions": 4, "hash_rows": 11, "tables": [
      { "length": 2, "grams": [[1, 2], [259, 0]] }, { "length": 3, "grams": [] } ] },
    "stages": [
      { "dim": 24, "length": 32, "final_norm": "none", "layers": [ { "block": "llama", "repeat": 2, "heads": 6,
        "head_dim": 2, "kv_heads": 3, "ff_hidden": 7, "rotary_base": 500, "window": 5, "documents": true,
        "norm": "rms_clamp", "norm_eps": 0.125 } ] },
      { "dim": 20, "length": 128, "final_norm": "none", "layers": [ { "block": "llama", "heads": 5, "head_dim": 4, "ff_hidden": 64 } ] },
      { "dim": 20, "length": 128, "final_norm": "rms", "layers": [ { "block": "llama", "heads": 5, "head_dim": 4, "ff_hidden": 64 } ] } ] })",
                        "m.json");
  Spec again = parseSpec(writeSpec(spec), "w.json");
  EXPECT_EQ(writeSpec(again), writeSpec(spec));
  const Patches &patches = *again.patches;
  EXPECT_EQ(again.documentEnd, 7);
  EXPECT_EQ(again.loss, Loss::MeanWeighted);
  EXPECT_EQ(patches.threshold, 1.5);
  EXPECT_EQ(patches.thresholdAdd, -0.25);
  EXPECT_EQ(patches.maxLength, 9);
  EXPECT_EQ(patches.lead * 100 + patches.perPatch * 10 + patches.crossHeads, 335);
  EXPECT_EQ(patches.pooling, (std::vector<Pool>{Pool::Mean, Pool::Max}));
  EXPECT_EQ(patches.encoderCross, CrossLayers::None);
  EXPECT_EQ(patches.decoderCross, CrossLayers::One);
  EXPECT_EQ(patches.decoderWindow, 4);
  EXPECT_EQ(patches.crossNormEps, 0.5);
  EXPECT_EQ(again.patchWidth(), 40);
  EXPECT_EQ(again.patchWidthDown(), 60);
  EXPECT_EQ(again.ngrams->hashSizes, (std::vector<int64_t>{8, 3}));
  EXPECT_EQ(again.ngrams->hashTables(), 8);
  EXPECT_EQ(again.ngrams->hashRows, 11);
  ASSERT_EQ(again.ngrams->tables.size(), 2u);
  EXPECT_EQ(again.ngrams->tables[0].grams, (std::vector<std::vector<int32_t>>{{1, 2}, {259, 0}}));
  EXPECT_EQ(again.ngrams->tables[0].rows(), 6);
  EXPECT_EQ(again.ngrams->tables[1].length, 3);
  const Layer &layer = again.stages[0].layers.at(1);
  EXPECT_EQ(layer.heads * 100 + layer.headDim * 10 + layer.kvHeadsOf(), 623);
  EXPECT_EQ(layer.ffHidden, 7);
  EXPECT_EQ(layer.window, 5);
  EXPECT_EQ(layer.rotaryBase, 500);
  EXPECT_EQ(layer.norm, Norm::RmsClamp);
  EXPECT_EQ(layer.normEps, 0.125);
  EXPECT_TRUE(layer.documents);
}

TEST(Patches, EveryModeIsRead) {
  size_t mode = 0;
  for (const std::string &word : patchesFields()[0].choices) {
    bool isStatic = word == "static";
    Spec spec = parseSpec(with("\"entropy\"", "\"" + word + "\", \"size\": " + (isStatic ? "4" : "0")), "m.json");
    EXPECT_EQ(spec.patches->mode, PatchMode(mode++)) << word;
  }
  EXPECT_EQ(mode, 6u);
}

TEST(Patches, AbsentPartsAreNotWritten) {
  Spec spec = parseSpec(R"({ "format": 1, "vocab": 256, "stages": [ { "dim": 8, "length": 4,
    "layers": [ { "heads": 2, "head_dim": 4 } ] } ] })",
                        "m.json");
  for (const char *key : {"patches", "ngrams", "document_end"}) {
    EXPECT_EQ(writeSpec(spec).find(key), std::string::npos) << key;
  }
}

TEST(Patches, OneStageOfLlamaLayers) {
  const std::string stage =
      R"("stages": [ { "dim": 8, "length": 4, "layers": [ { "block": "llama", "heads": 2, "head_dim": 4, "ff_hidden": 16 } ] } ] })";
  const std::string top = R"({ "format": 1, "vocab": 260, "names": "blt", "start_token": false, "head_bias": false, )";
  Spec spec = parseSpec(top + stage, "m.json");
  EXPECT_FALSE(spec.patches || spec.ngrams || spec.documentEnd);
  EXPECT_EQ(writeSpec(parseSpec(writeSpec(spec), "w.json")), writeSpec(spec));
  EXPECT_EQ(
      refusalOf(top + "\"ngrams\": { \"hash_sizes\": [3], \"hash_rows\": 5 }, " + stage),
      "3 m.json:1:98: /ngrams: ngrams stand beside the encoder's bytes but there are no patches; expected null, or "
      "\"patches\"");
  EXPECT_EQ(refusalOf(R"({ "format": 1, "vocab": 260, )" + stage),
            "3 m.json:1:90: /stages/0/layers/0/block: block is \"llama\" but such layers have names in \"blt\" alone; "
            "expected names \"blt\"");
}

struct Case {
  const char *piece, *replacement, *line; // of the refusal, behind the place
};

class WrongPatches : public testing::TestWithParam<Case> {};

TEST_P(WrongPatches, IsRefusedWithOneLine) {
  std::string line = refusalOf(with(GetParam().piece, GetParam().replacement));
  size_t at = line.find(": /");
  EXPECT_EQ(line.substr(0, 9), "3 m.json:") << line;
  EXPECT_EQ(at == std::string::npos ? line : line.substr(at + 2), GetParam().line);
}

const char *const one = "\"per_patch\": 2", *const heads = "\"heads\": 5, \"head_dim\": 4", *const mode = "\"entropy\"";

INSTANTIATE_TEST_SUITE_P(
    Layers, WrongPatches,
    testing::Values(
        Case{heads, "\"heads\": 4, \"head_dim\": 5",
             "/stages/1/layers/0/head_dim: head_dim is 5 but llama layers rotate pairs of features; expected an even "
             "number, nearest 6"},
        Case{heads, "\"heads\": 6, \"kv_heads\": 4, \"head_dim\": 4",
             "/stages/1/layers/0/kv_heads: kv_heads is 4 but there are 6 heads; expected a divisor of them"},
        Case{"\"window\": 9", "\"window\": 0",
             "/stages/1/layers/0/window: window is 0; expected an integer from 1 to 2147483647, or null"},
        Case{"\"window\": 9", "\"rotary\": true",
             "/stages/1/layers/0/rotary: unknown key \"rotary\" in a llama layer; it belongs in a transformer layer"},
        Case{"\"document_end\": 2,", "",
             "/stages/0/layers/0/documents: documents is true but there is no document_end; expected false, or "
             "\"document_end\""},
        Case{"\"document_end\": 2", "\"document_end\": 260",
             "/document_end: document_end is 260 but vocab is 260; expected at most 259"},
        Case{"{ \"block\": \"llama\", \"heads\": 5, \"head_dim\": 4, \"ff_hidden\": 64, \"window\": 9 }",
             "{ \"heads\": 5, \"head_dim\": 4 }",
             "/names: names \"blt\" has no names for \"transformer\" layers; expected \"mblm\" or \"megabyte\""}));

INSTANTIATE_TEST_SUITE_P(
    Top, WrongPatches,
    testing::Values(
        Case{"\"names\": \"blt\", ", "", "/patches: patches have names in \"blt\" alone; expected names \"blt\""},
        Case{"\"start_token\": false, ", "",
             "/start_token: start_token is true but names \"blt\" has no name for a start token; expected false"},
        Case{"\"head_bias\": false", "\"head_bias\": true",
             "/head_bias: head_bias is true but names \"blt\" has no name for the head's bias; expected false"},
        Case{"\"head_bias\": false", "\"head_bias\": false, \"tie_embeddings\": true",
             "/tie_embeddings: tie_embeddings is true but names \"blt\" has a matrix for the head; expected false"},
        Case{"\"vocab\": 260", "\"vocab\": 260, \"pad\": 0",
             "/pad: pad is given but the loss mask says what is no target; expected null"},
        Case{"\"vocab\": 260", "\"vocab\": 260, \"padding_idx\": 0",
             "/padding_idx: padding_idx is given but every row is trained with patches; expected null"},
        Case{"\"vocab\": 260", "\"vocab\": 260, \"fixed_length\": true",
             "/fixed_length: fixed_length is true but nothing limits patches; expected false"},
        Case{"\"patches\": {", "\"patches\": { \"sizes\": 1,",
             "/patches/sizes: unknown key \"sizes\" in patches; nearest valid key is \"size\""},
        Case{"\"patches\": {", "\"patches\": 4, \"x\": {",
             "/x: unknown key \"x\" in the top level; valid keys are "
             "$schema, format, name, vocab, pad, start_token, pad_gradient, padding_idx, tie_embeddings, head_bias, "
             "loss, "
             "fixed_length, names, document_end, prefix, mask_token, mask_all, mask_probability, patches, ngrams, stages"},
        Case{"\"dim\": 20, \"length\": 128, \"final_norm\": \"rms\"", "\"dim\": 40, \"length\": 128",
             "/stages/2/dim: dim is 40 but the decoder takes the encoder's bytes on, whose dim is 20; expected the "
             "same"},
        Case{"\"length\": 128, \"final_norm\": \"rms\"", "\"length\": 64",
             "/stages/2/length: length is 64 but the encoder's is 128; expected the same, in bytes"},
        Case{"\"length\": 32, \"final_norm\": \"none\"", "\"length\": 32",
             "/stages/0/final_norm: final_norm is not \"none\" but only the decoder has one; expected \"none\""},
        Case{"\"length\": 32, \"final_norm\": \"none\"",
             "\"length\": 32, \"final_norm\": \"none\", \"position\": \"rope\"",
             "/stages/0/position: position is not \"none\" but llama layers know positions by themselves; expected "
             "\"none\""}));

INSTANTIATE_TEST_SUITE_P(
    Modes, WrongPatches,
    testing::Values(
        Case{mode, "\"static\"", "/patches/size: size is 0 but mode is \"static\"; expected at least 1"},
        Case{mode, "\"entropy\", \"size\": 4", "/patches/size: size is 4 but only mode \"static\" has one; expected 0"},
        Case{mode, "\"space\", \"threshold_add\": 4",
             "/patches/threshold_add: threshold_add is given but only mode \"entropy\" has one; expected null"},
        Case{mode, "\"space\", \"monotonic\": true",
             "/patches/monotonic: monotonic is true but only mode \"entropy\" looks at entropies; expected false"},
        Case{mode, "\"entropy\", \"monotonic\": true, \"threshold_add\": 4",
             "/patches/threshold_add: threshold_add is given but monotonic is true, and threshold is the step's; "
             "expected null, or monotonic false"},
        Case{mode, "\"entropy\", \"max_length\": 0",
             "/patches/max_length: max_length is 0; expected an integer from 1 to 2147483647, or null"},
        Case{mode, "\"words\"",
             "/patches/mode: mode is \"words\"; expected \"given\", \"static\", \"byte\", \"space\", \"entropy\" or "
             "\"bpe\""}));

INSTANTIATE_TEST_SUITE_P(
    Cross, WrongPatches,
    testing::Values(
        Case{one, "\"per_patch\": 2, \"pooling\": [\"max\", \"min\"]",
             "/patches/pooling: pooling has words twice or in another order; expected \"mean\", \"min\", \"max\", any "
             "of "
             "them"},
        Case{one, "\"per_patch\": 2, \"pooling\": [\"max\", \"max\"]",
             "/patches/pooling: pooling has words twice or in another order; expected \"mean\", \"min\", \"max\", any "
             "of "
             "them"},
        Case{one, "\"per_patch\": 2, \"pooling\": [\"min\", \"max\"]",
             "/patches/pooling: pooling has 2 words but the encoder's cross attention begins with one; expected 1"},
        Case{one, "\"per_patch\": 2, \"pooling\": []",
             "/patches/pooling: pooling has 0 entries; expected an array of 1 to 3 of the words \"mean\", \"min\", "
             "\"max\""},
        Case{one, "\"per_patch\": 2, \"pooling\": [\"mean\", \"avg\"]",
             "/patches/pooling/1: pooling is \"avg\"; expected \"mean\", \"min\" or \"max\""},
        Case{one, "\"lead\": 3",
             "/patches/lead: lead is 3 but the encoder has cross attention; expected 0, or encoder_cross \"none\""},
        Case{"\"cross_heads\": 4", "\"cross_heads\": 3",
             "/patches/cross_heads: cross_heads is 3 but the local width is 20; expected a divisor of it"},
        Case{one, "\"per_patch\": 2, \"encoder_cross\": \"none\", \"decoder_cross\": \"none\"",
             "/patches/per_patch: per_patch is 2 but there is no cross attention; expected 1"},
        Case{
            "\"dim\": 24", "\"dim\": 20",
            "/patches/per_patch: per_patch is 2 but the global width is the local one, so that nothing makes 2 vectors "
            "of a patch; expected 1, or different widths"},
        Case{one, "\"encoder_cross\": \"none\", \"encoder_window\": 2",
             "/patches/encoder_window: encoder_window is given but the encoder has no cross attention; expected null"},
        Case{
            one, "\"decoder_cross\": \"none\", \"decoder_window\": 2",
            "/patches/decoder_window: decoder_window is given but the decoder has no cross attention; expected null"}));

const char *const rows = "\"hash_sizes\": [3, 4], \"hash_rows\": 61";

INSTANTIATE_TEST_SUITE_P(
    Tables, WrongPatches,
    testing::Values(Case{rows, "", "/ngrams: ngrams has no table; expected \"hash_sizes\", \"tables\", or null"},
                    Case{rows, "\"hash_sizes\": [3]",
                         "/ngrams/hash_rows: hash_rows is 0 but hash_sizes asks for tables; expected at least 1"},
                    Case{rows, "\"hash_rows\": 3, \"tables\": [ { \"length\": 1, \"grams\": [] } ]",
                         "/ngrams/hash_rows: hash_rows is 3 but there are no hash_sizes; expected 0"},
                    Case{rows, "\"hash_sizes\": [3, 0], \"hash_rows\": 61",
                         "/ngrams/hash_sizes/1: hash_sizes is 0; expected an integer from 1 to 64"},
                    Case{rows, "\"hash_sizes\": 3, \"hash_rows\": 61",
                         "/ngrams/hash_sizes: hash_sizes is 3; expected an array of 0 to 64 integers from 1 to 64"},
                    Case{rows, "\"hash_sizes\": [3], \"hash_functions\": 12, \"hash_rows\": 61",
                         "/ngrams/hash_functions: hash_functions is 12; expected an integer from 1 to 11"},
                    Case{rows, "\"tables\": [ { \"length\": 2, \"grams\": [[1, 2], [3]] } ]",
                         "/ngrams/tables/0/grams/1: a gram has 1 ids but the table's length is 2; expected 2"},
                    Case{rows, "\"tables\": [ { \"length\": 2, \"grams\": [[1, 260]] } ]",
                         "/ngrams/tables/0/grams/0: a gram has id 260 but vocab is 260; expected at most 259"},
                    Case{rows, "\"tables\": [ { \"length\": 1, \"grams\": [[1], [2], [1]] } ]",
                         "/ngrams/tables/0/grams/2: the gram stands in the table before; expected each once"},
                    Case{rows, "\"tables\": [ { \"length\": 8, \"grams\": [[1, 2, 3, 4, 5, 6, 7, 8]] } ]",
                         "/ngrams/tables/0/length: length is 8 but vocab is 260; expected at most 7"},
                    Case{rows, "\"hash_sizes\": [3, 4], \"hash_rows\": 1200000000",
                         "/ngrams: ngrams and bytes have 2400000260 rows together; expected at most 2147483647"},
                    Case{rows, "\"tables\": [ { \"grams\": [] } ]",
                         "/ngrams/tables/0: \"length\" is missing; expected an integer from 1 to 64"}));

TEST(Patches, StagesAreThree) {
  std::string text = valid;
  size_t at = text.find("    { \"dim\": 20");
  text.erase(at, text.find("    { \"dim\": 20", at + 1) - at);
  EXPECT_EQ(refusalOf(text),
            "3 m.json:5:13: /stages: stages has 2 entries but patches need 3: global, encoder, decoder");
}

} // namespace
