// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of ops that gradients and causality are tested on. A new op is a new row: name, operands, results,
// attributes. At least one row of an op has 3 or more positions, so that its dependence on time shows.
#include "test/interpreter/OpHarness.h"
#include "test/interpreter/ScanCodes.h"

using namespace mblm::test;

static const char *clampSmall = "kind = #mblm<norm_kind rms_clamp>, eps = 1.0e-8";
static const char *clampLarge = "kind = #mblm<norm_kind rms_clamp>, eps = 10.0";
static const char *rms = "kind = #mblm<norm_kind rms>, eps = 1.0e-3";
static const char *layer = "kind = #mblm<norm_kind layer>, eps = 1.0e-5";
static const char *rmsGroups = "kind = #mblm<norm_kind rms>, eps = 1.0e-3, groups = 2";
static const char *layerGroups = "kind = #mblm<norm_kind layer>, eps = 1.0e-5, groups = 3";
static const char *causal = "heads = 1, scale = 0.7, mask = #mblm<mask_kind causal>";
static const char *causalHeads = "heads = 3, scale = 0.5, mask = #mblm<mask_kind causal>";
static const char *blockCausal = "heads = 2, scale = 0.6, mask = #mblm<mask_kind block_causal>, block = 3";
static const char *full = "heads = 2, scale = 0.4, mask = #mblm<mask_kind full>";
static const char *causalDropout = "heads = 1, scale = 0.7, mask = #mblm<mask_kind causal>, rate = 0.3, site = 2";
static const char *fullDropout = "heads = 2, scale = 0.4, mask = #mblm<mask_kind full>, rate = 0.4, site = 16777215";
static const char *groupsAndLimits = "groups = 2, dt_min = 0.5, dt_max = 1.5";
static const char *nonzero = "kind = #mblm<loss_kind nonzero>";
static const char *weighted = "kind = #mblm<loss_kind weighted>";
static const char *max = "kind = #mblm<pool_kind max>", *min = "kind = #mblm<pool_kind min>";
static const char *mean = "kind = #mblm<pool_kind mean>", *sum = "kind = #mblm<pool_kind sum>";
static const char *hashes = "vocab = 5, sizes = array<i64: 2, 3>, functions = 1, rows = 97";
static const char *listed = "vocab = 5, list_lengths = array<i64: 2>, list_keys = [array<i64: 1, 7, 19>], list_places = [array<i64: 1, 0, 2>]";
static const char *targets = "kind = #mblm<loss_kind targets>, offset = 1, ignore = 2";

// Two sequences of five bytes in three patches; of the second one's bytes, the third belongs to none.
static const Operand lengths = given({2, 3}, {2, 3, 1, 1, 1, 4});
static const Operand spans = given({2, 6}, {0, 2, 2, 4, 4, 5, 0, 2, 3, 5, 5, 5});
static const Operand owners = given({2, 10}, {0, 1, 0, 1, 1, 2, 1, 2, 2, 3, 0, 1, 0, 1, 1, 1, 1, 2, 1, 2});
// Some keys of the first sequence are hidden, and all of the second.
static const Operand hidden = given({2, 4}, {0, 1, 0, 1, 1, 1, 1, 1});
// A window of three; and ranges of which some are empty.
static const Operand ranges = given({2, 10}, {0, 1, 0, 2, 0, 3, 1, 4, 2, 5, 0, 0, 0, 1, 1, 1, 1, 4, 3, 5});

const std::vector<OpCase> &mblm::test::opCases() {
  static const std::vector<OpCase> cases = {
      // Structure
      {"mblm.regroup", {{2, 2, 6}}, {{4, 3, 2}}, ""},
      {"mblm.regroup", {{4, 3, 2}}, {{2, 2, 6}}, ""},
      {"mblm.regroup", {{1, 1, 3}}, {{1, 3, 1}}, ""},
      {"mblm.start_token", {{2, 3, 5}, {5}}, {{2, 4, 5}}, ""},
      {"mblm.start_token", {{3, 1, 1}, {1}}, {{3, 2, 1}}, ""},
      {"mblm.start", {{5}}, {{1, 1, 5}}, ""},
      {"mblm.start", {{1}}, {{1, 1, 1}}, ""},
      {"mblm.slice", {{2, 5, 3}}, {{2, 2, 3}}, "before = 1, after = 2"},
      {"mblm.slice", {{2, 4, 3}}, {{2, 3, 3}}, "after = 1"},
      {"mblm.slice", {{1, 2, 1}}, {{1, 1, 1}}, "before = 1"},
      {"mblm.pad", {{2, 3, 2}}, {{2, 6, 2}}, "before = 1, after = 2"},
      {"mblm.pad", {{2, 3, 2}}, {{2, 4, 2}}, "after = 1"},
      {"mblm.next_byte", {{6, 4, 5}}, {{2, 9, 5}}, ""},
      {"mblm.next_byte", {{4, 2, 3}}, {{2, 2, 3}}, ""},
      {"mblm.next_byte", {{1, 2, 1}}, {{1, 1, 1}}, ""},
      {"mblm.next_byte_grad", {{2, 9, 5}}, {{6, 4, 5}}, ""},
      {"mblm.split", {{2, 3, 7}}, {{2, 3, 2}, {2, 3, 4}, {2, 3, 1}}, ""},
      {"mblm.split", {{3, 1, 2}}, {{3, 1, 1}, {3, 1, 1}}, ""},
      {"mblm.concat", {{2, 3, 2}, {2, 3, 4}, {2, 3, 1}}, {{2, 3, 7}}, ""},
      {"mblm.concat", {{3, 1, 1}, {3, 1, 1}}, {{3, 1, 2}}, ""},
      {"mblm.split", {{2, 5, 3}}, {{2, 2, 3}, {2, 1, 3}, {2, 2, 3}}, "positions"},
      {"mblm.concat", {{2, 2, 3}, {2, 1, 3}, {2, 2, 3}}, {{2, 5, 3}}, "positions"},
      // Single positions
      {"mblm.embed", {ids({2, 3}, 7), {7, 5}}, {{2, 3, 5}}, ""},
      {"mblm.embed", {ids({2, 6}, 4), {4, 3}}, {{2, 3, 6}}, "bytes = 2, skip = 1"},
      {"mblm.embed", {ids({1, 3}, 2), {2, 1}}, {{1, 1, 3}}, "bytes = 3"},
      {"mblm.embed_grad", {ids({2, 6}, 4), {2, 3, 6}}, {unplaced({4, 3})}, "bytes = 2, skip = 1"},
      {"mblm.embed_bag", {ids({2, 6}, 7), {7, 5}}, {{2, 3, 5}}, "bag = 2"},
      {"mblm.embed_bag", {ids({2, 3}, 4), {4, 2}}, {{2, 3, 2}}, "bag = 1"},
      {"mblm.embed_bag_grad", {ids({2, 6}, 7), {2, 3, 5}}, {unplaced({7, 5})}, "bag = 2"},
      {"mblm.position", {{2, 3, 5}, {3, 5}}, {{2, 3, 5}}, ""},
      {"mblm.position", {{3, 1, 1}, {4, 1}}, {{3, 1, 1}}, ""},
      {"mblm.linear", {{2, 3, 5}, {4, 5}, {4}}, {{2, 3, 4}}, ""},
      {"mblm.linear", {{2, 3, 5}, {4, 5}}, {{2, 3, 4}}, ""},
      {"mblm.linear", {{2, 3, 5}, {5, 4}, {4}}, {{2, 3, 4}}, "transposed"},
      {"mblm.linear", {{3, 1, 1}, {1, 7}}, {{3, 1, 7}}, "transposed"},
      {"mblm.linear", {{1, 1, 7}, {1, 7}, {1}}, {{1, 1, 1}}, ""},
      {"mblm.weight_grad", {{2, 3, 4}, {2, 3, 5}}, {unplaced({4, 5})}, ""},
      {"mblm.norm", {{2, 3, 5}, {5}}, {{2, 3, 5}}, clampSmall},
      {"mblm.norm", {{2, 3, 4}, {4}}, {{2, 3, 4}}, clampLarge},
      {"mblm.norm", {{1, 1, 2}, {2}}, {{1, 1, 2}}, clampSmall},
      {"mblm.norm", {{2, 3, 5}, {5}}, {{2, 3, 5}}, rms},
      {"mblm.norm", {{3, 1, 1}, {1}}, {{3, 1, 1}}, rms},
      {"mblm.norm", {{2, 3, 7}, {7}, {7}}, {{2, 3, 7}}, layer},
      {"mblm.norm", {{3, 1, 3}, {3}, {3}}, {{3, 1, 3}}, layer},
      {"mblm.norm", {{2, 3, 6}, {6}}, {{2, 3, 6}}, rmsGroups},
      {"mblm.norm", {{2, 3, 6}, {6}, {6}}, {{2, 3, 6}}, layerGroups},
      {"mblm.norm_grad", {{2, 3, 5}, {2, 3, 5}, {5}}, {{2, 3, 5}, unplaced({5})}, rms},
      {"mblm.norm_grad", {{2, 3, 6}, {2, 3, 6}, {6}}, {{2, 3, 6}, unplaced({6})}, rmsGroups},
      {"mblm.norm_grad", {{2, 3, 5}, {2, 3, 5}, {5}}, {{2, 3, 5}, unplaced({5}), unplaced({5})}, layer},
      {"mblm.activation", {{2, 3, 5}}, {{2, 3, 5}}, "kind = #mblm<activation_kind gelu>"},
      {"mblm.activation", {{2, 3, 5}}, {{2, 3, 5}}, "kind = #mblm<activation_kind gelu_tanh>"},
      {"mblm.activation", {{2, 3, 5}}, {{2, 3, 5}}, "kind = #mblm<activation_kind silu>"},
      {"mblm.activation_grad", {{2, 3, 5}, {2, 3, 5}}, {{2, 3, 5}}, "kind = #mblm<activation_kind gelu_tanh>"},
      {"mblm.dropout", {{2, 3, 5}, dropoutKey()}, {{2, 3, 5}}, "rate = 0.3, site = 1"},
      {"mblm.dropout", {{1, 1, 9}, dropoutKey()}, {{1, 1, 9}}, "rate = 0.6, site = 0"},
      {"mblm.activation_grad", {{2, 3, 5}, {2, 3, 5}}, {{2, 3, 5}}, "kind = #mblm<activation_kind silu>"},
      {"mblm.add", {{2, 3, 5}, {2, 3, 5}}, {{2, 3, 5}}, ""},
      {"mblm.add", {{1, 1, 1}, {1, 1, 1}}, {{1, 1, 1}}, ""},
      {"mblm.multiply", {{2, 3, 5}, {2, 3, 5}}, {{2, 3, 5}}, ""},
      {"mblm.multiply", {{1, 1, 1}, {1, 1, 1}}, {{1, 1, 1}}, ""},
      {"mblm.reduce", {{2, 3, 5}}, {unplaced({5})}, "over = #mblm<reduce_over rows>"},
      {"mblm.reduce", {{2, 3, 5}}, {unplaced({4, 5})}, "over = #mblm<reduce_over batch>"},
      {"mblm.reduce", {{2, 3, 5}}, {unplaced({5})}, "over = #mblm<reduce_over starts>"},
      // Sequences
      {"mblm.token_shift", {{2, 4, 5}}, {{2, 4, 5}}, ""},
      {"mblm.token_shift", {{2, 4, 4}}, {{2, 4, 4}}, "reverse"},
      {"mblm.token_shift", {{3, 1, 3}}, {{3, 1, 3}}, ""},
      {"mblm.token_shift", {{1, 3, 1}}, {{1, 3, 1}}, ""},
      {"mblm.rope", {{2, 4, 12}}, {{2, 4, 12}}, "heads = 2, pairing = #mblm<pairing half_split>"},
      {"mblm.rope", {{2, 4, 6}}, {{2, 4, 6}}, "pairing = #mblm<pairing interleaved>, base = 50.0, inverse"},
      {"mblm.rope", {{3, 1, 2}}, {{3, 1, 2}}, "pairing = #mblm<pairing interleaved>"},
      {"mblm.rope", {{2, 4, 12}}, {{2, 4, 12}}, "heads = 2, pairing = #mblm<pairing half_split>, rotated = 4, origin = 5 : si64"},
      {"mblm.hidden_keys", {ids({2, 6}, 2)}, {numbers({2, 3}, 1)}, "bytes = 2"},
      {"mblm.hidden_keys", {ids({2, 6}, 2)}, {numbers({2, 3}, 1)}, "bytes = 2, all"},
      {"mblm.hidden_keys", {ids({2, 3}, 2)}, {numbers({2, 3}, 1)}, ""},
      {"mblm.attention", {{2, 4, 5}, {2, 4, 5}, {2, 4, 5}}, {{2, 4, 5}, {2, 4, 1}}, attention(causal)},
      {"mblm.attention", {{2, 3, 9}, {2, 3, 9}, {2, 3, 9}}, {{2, 3, 9}, {2, 3, 3}}, attention(causalHeads)},
      {"mblm.attention", {{2, 7, 2}, {2, 7, 2}, {2, 7, 2}}, {{2, 7, 2}, {2, 7, 2}}, attention(blockCausal)},
      {"mblm.attention", {{2, 4, 6}, {2, 4, 6}, {2, 4, 6}}, {{2, 4, 6}, {2, 4, 2}}, attention(full)},
      {"mblm.attention", {{2, 4, 6}, {2, 4, 6}, {2, 4, 6}, hidden}, {{2, 4, 6}, {2, 4, 2}}, attention(full, true, false)},
      {"mblm.attention", {{2, 4, 6}, {2, 4, 6}, {2, 4, 6}, hidden, dropoutKey()}, {{2, 4, 6}, {2, 4, 2}}, attention(fullDropout, true, true)},
      {"mblm.attention", {{3, 1, 1}, {3, 1, 1}, {3, 1, 1}}, {{3, 1, 1}, {3, 1, 1}}, attention(causal)},
      {"mblm.attention", {{2, 4, 5}, {2, 4, 5}, {2, 4, 5}, dropoutKey()}, {{2, 4, 5}, {2, 4, 1}}, attention(causalDropout, false, true)},
      {"mblm.attention", {{2, 5, 6}, {2, 5, 6}, {2, 5, 6}, dropoutKey()}, {{2, 5, 6}, {2, 5, 2}}, attention(fullDropout, false, true)},
      {"mblm.attention_grad",
       {{1, 4, 2}, {1, 4, 2}, {1, 4, 2}, {1, 4, 2}, {1, 4, 2}, {1, 4, 1}, dropoutKey()},
       {{1, 4, 2}, {1, 4, 2}, {1, 4, 2}},
       attentionGrad(causalDropout, false, true)},
      {"mblm.attention_grad",
       {{2, 4, 2}, {2, 4, 2}, {2, 4, 2}, {2, 4, 2}, {2, 4, 2}, {2, 4, 2}, hidden},
       {{2, 4, 2}, {2, 4, 2}, {2, 4, 2}},
       attentionGrad(full, true, false)},
      {"mblm.attention_grad",
       {{1, 4, 2}, {1, 4, 2}, {1, 4, 2}, {1, 4, 2}, {1, 4, 2}, {1, 4, 1}},
       {{1, 4, 2}, {1, 4, 2}, {1, 4, 2}},
       attentionGrad(causal)},
      // Patches that the data decides
      {"mblm.lead", {ids({2, 3}, 4)}, {numbers({2, 5}, 1)}, "count = 2"},
      {"mblm.lead", {ids({2, 3}, 4)}, {numbers({2, 3}, 1)}, "count = 0"},
      {"mblm.ngram_rows", {ids({2, 4}, 5)}, {numbers({2, 12}, 3)}, hashes},
      {"mblm.ngram_rows", {ids({2, 4}, 5)}, {numbers({2, 8}, 2)}, listed},
      {"mblm.visible_bytes", {ids({2, 5}, 3)}, {numbers({2, 10}, 2)}, "window = 3, end = 1"},
      {"mblm.visible_bytes", {ids({2, 5}, 3)}, {numbers({2, 10}, 2)}, "end = 1"},
      {"mblm.visible_bytes", {ids({2, 5}, 3)}, {numbers({2, 10}, 2)}, "window = 2"},
      {"mblm.visible_bytes", {ids({2, 5}, 3)}, {numbers({2, 6}, 2)}, "end = 1, skip = 2"},
      {"mblm.visible_patches", {ids({2, 5}, 500), lengths}, {numbers({2, 6}, 2)}, "end = 7"},
      {"mblm.patch_bytes", {lengths, ids({2, 5}, 3)}, {numbers({2, 12}, 4)}, "rows = 2, window = 2"},
      {"mblm.byte_patches", {lengths, ids({2, 5}, 3)}, {numbers({2, 10}, 2)}, "rows = 2, window = 2"},
      {"mblm.pool", {{2, 5, 3}, spans, owners}, {{2, 3, 3}}, max},
      {"mblm.pool", {{2, 5, 3}, spans, owners}, {{2, 3, 3}}, min},
      {"mblm.pool", {{2, 5, 3}, spans, owners}, {{2, 3, 3}}, mean},
      {"mblm.pool", {{2, 5, 3}, spans, owners}, {{2, 3, 3}}, sum},
      {"mblm.pool", {{1, 6, 1}, given({1, 2}, {1, 5}), given({1, 12}, {0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1})}, {{1, 1, 1}}, mean},
      {"mblm.pool_grad", {{2, 3, 2}, {2, 5, 2}, {2, 3, 2}, spans}, {{2, 5, 2}}, max},
      {"mblm.spread", {{2, 3, 3}, owners, spans}, {{2, 5, 3}}, ""},
      {"mblm.spread", {{2, 3, 3}, owners, spans}, {{2, 5, 3}}, "mean"},
      {"mblm.ranged_attention", {{2, 5, 6}, {2, 5, 6}, {2, 5, 6}, ranges}, {{2, 5, 6}, {2, 5, 2}}, "heads = 2, kv_heads = 2, scale = 0.6"},
      {"mblm.ranged_attention", {{2, 5, 8}, {2, 5, 4}, {2, 5, 4}, ranges}, {{2, 5, 8}, {2, 5, 4}}, "heads = 4, kv_heads = 2, scale = 0.5"},
      {"mblm.ranged_attention", {{2, 5, 3}, {2, 5, 1}, {2, 5, 1}, ranges}, {{2, 5, 3}, {2, 5, 3}}, "heads = 3, kv_heads = 1, scale = 0.7"},
      {"mblm.ranged_attention",
       {{1, 6, 4}, {1, 3, 2}, {1, 3, 2}, given({1, 12}, {0, 1, 0, 1, 0, 1, 1, 2, 0, 2, 1, 3})},
       {{1, 6, 4}, {1, 6, 2}},
       "heads = 2, kv_heads = 1, scale = 0.4"},
      {"mblm.ranged_attention_grad",
       {{2, 5, 4}, {2, 5, 4}, {2, 5, 2}, {2, 5, 2}, {2, 5, 4}, {2, 5, 2}, ranges},
       {{2, 5, 4}, {2, 5, 2}, {2, 5, 2}},
       "heads = 2, kv_heads = 1, scale = 0.4"},
      {"mblm.entropy", {{2, 3, 5}}, {{2, 3}}, ""},
      {"mblm.entropy", {{1, 1, 1}}, {{1, 1}}, ""},
      // State spaces
      {"mblm.causal_conv", {{2, 5, 3}, {3, 4}, {3}}, {{2, 5, 3}}, ""},
      {"mblm.causal_conv", {{2, 3, 2}, {2, 5}}, {{2, 3, 2}}, ""}, // more taps than positions
      {"mblm.causal_conv", {{3, 1, 1}, {1, 1}, {1}}, {{3, 1, 1}}, ""},
      {"mblm.causal_conv_weight_grad", {{2, 5, 3}, {2, 5, 3}}, {unplaced({3, 4})}, ""},
      {"mblm.selective_scan",
       {{2, 4, 3}, {2, 4, 3}, {3, 2}, {2, 4, 2}, {2, 4, 2}, {3}, {2, 4, 3}},
       {{2, 4, 3}},
       ""},
      {"mblm.selective_scan", {{2, 5, 2}, {2, 5, 2}, {2, 3}, {2, 5, 3}, {2, 5, 3}, {2}}, {{2, 5, 2}}, ""},
      {"mblm.selective_scan", {{3, 1, 1}, {3, 1, 1}, {1, 1}, {3, 1, 1}, {3, 1, 1}, {1}}, {{3, 1, 1}}, ""},
      {"mblm.selective_scan_grad",
       {{2, 4, 3}, {2, 4, 3}, {2, 4, 3}, {3, 2}, {2, 4, 2}, {2, 4, 2}, {3}, {2, 4, 3}},
       {{2, 4, 3}, {2, 4, 3}, unplaced({3, 2}), {2, 4, 2}, {2, 4, 2}, unplaced({3}), {2, 4, 3}},
       ""},
      {"mblm.ssd", {{2, 4, 6}, {2, 4, 3}, {3}, {2, 4, 5}, {2, 4, 5}, {3}, {3}}, {{2, 4, 6}}, "chunk = 2"},
      {"mblm.ssd", {{2, 3, 8}, {2, 3, 4}, {4}, {2, 3, 6}, {2, 3, 6}, {8}, {4}}, {{2, 3, 8}}, groupsAndLimits},
      {"mblm.ssd", {{3, 1, 1}, {3, 1, 1}, {1}, {3, 1, 1}, {3, 1, 1}, {1}, {1}}, {{3, 1, 1}}, ""},
      {"mblm.ssd_grad",
       {{2, 3, 8}, {2, 3, 8}, {2, 3, 4}, {4}, {2, 3, 6}, {2, 3, 6}, {8}, {4}},
       {{2, 3, 8}, {2, 3, 4}, unplaced({4}), {2, 3, 6}, {2, 3, 6}, unplaced({8}), unplaced({4})},
       groupsAndLimits},
      // Scans
      {"mblm.scan", {{2, 4, 3}}, {{2, 4, 3}}, "", sumCode},
      {"mblm.scan", {{2, 5, 2}}, {{2, 5, 2}}, "", maximumCode},
      {"mblm.scan", {{2, 4, 3}, {2, 4, 3}}, {{2, 4, 3}, {2, 4, 3}}, "", recurrenceCode},
      {"mblm.scan", {{1, 6, 2}}, {{1, 6, 2}}, "", logSumExpCode},
      {"mblm.scan", {{2, 4, 2}}, {{2, 4, 2}}, "", everyOpCode},
      {"mblm.scan", {{3, 1, 1}}, {{3, 1, 1}}, "", sumCode},
      {"mblm.scan_grad",
       {{2, 4, 3}, {2, 4, 3}, {2, 4, 3}, {2, 4, 3}, {2, 4, 3}, {2, 4, 3}},
       {{2, 4, 3}, {2, 4, 3}},
       "",
       recurrenceVjpCode},
      // Training
      {"mblm.cross_entropy", {{2, 3, 5}, ids({2, 3}, 5)}, {{2, 3}, {2, 3}}, ""},
      {"mblm.cross_entropy", {{2, 3, 4}, ids({2, 4}, 4)}, {{2, 3}, {2, 3}}, "offset = 1, ignore = 0"},
      {"mblm.cross_entropy", {{1, 1, 2}, ids({1, 1}, 2)}, {{1, 1}, {1, 1}}, "ignore = 1"},
      {"mblm.cross_entropy_grad",
       {perPosition({2, 3}), {2, 3, 4}, perPosition({2, 3}), ids({2, 4}, 4)},
       {{2, 3, 4}},
       "offset = 1, ignore = 0"},
      {"mblm.mean_loss",
       {perPosition({2, 3}), mask({2, 3}), ids({2, 3}, 5)},
       {unplaced({}), unplaced({}), unplaced({})},
       nonzero},
      {"mblm.mean_loss",
       {perPosition({2, 3}), mask({2, 4}), ids({2, 4}, 4)},
       {unplaced({}), unplaced({}), unplaced({})},
       targets},
      {"mblm.mean_loss",
       {perPosition({1, 1}), mask({1, 1}), ids({1, 1}, 2)},
       {unplaced({}), unplaced({}), unplaced({})},
       nonzero},
      {"mblm.mean_loss",
       {perPosition({2, 3}), mask({2, 3}), ids({2, 3}, 5)},
       {unplaced({}), unplaced({}), unplaced({})},
       weighted},
      {"mblm.mean_loss_grad", {{}, {}, mask({2, 4})}, {{2, 3}}, "offset = 1"},
  };
  return cases;
}
