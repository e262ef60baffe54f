// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each op on numbers small enough to work out by hand from its formula.
#include "test/interpreter/OpHarness.h"

#include "runtime/Support/Error.h"

#include "llvm/ADT/STLExtras.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mblm;
using namespace mblm::test;

namespace {

using Values = std::vector<double>;

struct Formula {
  OpCase op;
  std::vector<Values> operands; // ids too
  std::vector<Values> results;
};

void PrintTo(const Formula &formula, std::ostream *os) { *os << formula.op.label(); }

const double inverseE = std::exp(-1.0);
const double ln2 = std::log(2.0), ln3 = std::log(3.0), ln4 = std::log(4.0), root2 = std::sqrt(2.0);
const double silu3 = 0.75 * ln3; // silu(ln3)
// Angles of the rotations below, at position 1: 1 and 100^(-1/2) in f32.
const double c1 = std::cos(1.0), s1 = std::sin(1.0), c2 = std::cos(double(0.1f)), s2 = std::sin(double(0.1f));

const char *clamp = "kind = #mblm<norm_kind rms_clamp>, eps = 1.0e-8";
const char *clamped = "kind = #mblm<norm_kind rms_clamp>, eps = 10.0";
const char *rms = "kind = #mblm<norm_kind rms>, eps = 3.5";
const char *rmsGroups = "kind = #mblm<norm_kind rms>, eps = 3.5, groups = 2";
const char *layer = "kind = #mblm<norm_kind layer>, eps = 3.0";
const char *gelu = "kind = #mblm<activation_kind gelu>";
const char *geluTanh = "kind = #mblm<activation_kind gelu_tanh>";
const char *silu = "kind = #mblm<activation_kind silu>";
const char *halfSplit = "pairing = #mblm<pairing half_split>, base = 100.0";
const char *interleaved = "pairing = #mblm<pairing interleaved>, base = 100.0, inverse";
const char *causal = "heads = 1, scale = 1.0, mask = #mblm<mask_kind causal>";
const char *twoHeads = "heads = 2, scale = 0.5, mask = #mblm<mask_kind causal>";
const char *blocks = "heads = 1, scale = 1.0, mask = #mblm<mask_kind block_causal>, block = 1";
const char *full = "heads = 1, scale = 1.0, mask = #mblm<mask_kind full>";
const char *nonzero = "kind = #mblm<loss_kind nonzero>";
const char *weighted = "kind = #mblm<loss_kind weighted>";
const char *max = "kind = #mblm<pool_kind max>", *min = "kind = #mblm<pool_kind min>";
const char *mean = "kind = #mblm<pool_kind mean>", *sum = "kind = #mblm<pool_kind sum>";
const char *grouped = "heads = 2, kv_heads = 1, scale = 1.0";
const char *targets = "kind = #mblm<loss_kind targets>, ignore = 7";

const OpCase meanOf(const char *attributes) {
  return {"mblm.mean_loss", {perPosition({1, 4}), mask({1, 4}), ids({1, 4}, 8)}, {{}, {}, {}}, attributes};
}

const std::vector<Formula> &formulas() {
  static const std::vector<Formula> table = {
      // Structure
      {{"mblm.regroup", {{1, 2, 2}}, {{2, 2, 1}}, ""}, {{1, 2, 3, 4}}, {{1, 2, 3, 4}}},
      {{"mblm.start_token", {{2, 1, 2}, {2}}, {{2, 2, 2}}, ""}, {{1, 2, 3, 4}, {9, 8}}, {{9, 8, 1, 2, 9, 8, 3, 4}}},
      {{"mblm.start", {{2}}, {{1, 1, 2}}, ""}, {{5, 6}}, {{5, 6}}},
      {{"mblm.slice", {{1, 4, 1}}, {{1, 1, 1}}, "before = 1, after = 2"}, {{1, 2, 3, 4}}, {{2}}},
      {{"mblm.pad", {{1, 1, 2}}, {{1, 4, 2}}, "before = 1, after = 2"}, {{1, 2}}, {{0, 0, 1, 2, 0, 0, 0, 0}}},
      {{"mblm.next_byte", {{4, 3, 1}}, {{2, 4, 1}}, ""},
       {{10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42}},
       {{10, 11, 12, 21, 30, 31, 32, 41}}},
      {{"mblm.next_byte_grad", {{2, 4, 1}}, {{4, 3, 1}}, ""},
       {{1, 2, 3, 4, 5, 6, 7, 8}},
       {{1, 2, 3, 0, 4, 0, 5, 6, 7, 0, 8, 0}}},
      {{"mblm.split", {{1, 2, 3}}, {{1, 2, 1}, {1, 2, 2}}, ""}, {{1, 2, 3, 4, 5, 6}}, {{1, 4}, {2, 3, 5, 6}}},
      {{"mblm.concat", {{1, 2, 1}, {1, 2, 2}}, {{1, 2, 3}}, ""}, {{1, 4}, {2, 3, 5, 6}}, {{1, 2, 3, 4, 5, 6}}},
      // Single positions
      {{"mblm.embed", {ids({1, 4}, 3), {3, 2}}, {{1, 2, 4}}, "bytes = 2"},
       {{2, 0, 1, 2}, {1, 2, 3, 4, 5, 6}},
       {{5, 6, 1, 2, 3, 4, 5, 6}}},
      {{"mblm.embed_grad", {ids({1, 4}, 3), {1, 2, 4}}, {{3, 2}}, "bytes = 2, skip = 1"},
       {{2, 0, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8}},
       {{3, 4, 0, 0, 8, 10}}},
      {{"mblm.embed_bag", {ids({1, 4}, 3), {3, 2}}, {{1, 2, 2}}, "bag = 2"},
       {{2, 0, 1, 1}, {1, 2, 3, 4, 5, 6}},
       {{6, 8, 6, 8}}},
      {{"mblm.embed_bag_grad", {ids({1, 4}, 3), {1, 2, 2}}, {{4, 2}}, "bag = 2"},
       {{2, 0, 1, 1}, {1, 2, 3, 4}},
       {{1, 2, 6, 8, 1, 2, 0, 0}}},
      {{"mblm.position", {{2, 1, 2}, {2, 2}}, {{2, 1, 2}}, ""}, {{1, 2, 3, 4}, {10, 20, 30, 40}}, {{11, 22, 13, 24}}},
      {{"mblm.linear", {{1, 1, 2}, {3, 2}, {3}}, {{1, 1, 3}}, ""},
       {{1, 2}, {1, 0, 0, 1, 1, 1}, {10, 20, 30}},
       {{11, 22, 33}}},
      {{"mblm.linear", {{1, 1, 2}, {2, 3}}, {{1, 1, 3}}, "transposed"}, {{1, 2}, {1, 2, 3, 4, 5, 6}}, {{9, 12, 15}}},
      {{"mblm.weight_grad", {{1, 2, 1}, {1, 2, 2}}, {{1, 2}}, ""}, {{2, 3}, {1, 10, 100, 1000}}, {{302, 3020}}},
      {{"mblm.norm", {{1, 1, 2}, {2}}, {{1, 1, 2}}, clamp}, {{3, 4}, {2, 10}}, {{6 * root2 / 5, 8 * root2}}},
      {{"mblm.norm", {{1, 1, 2}, {2}}, {{1, 1, 2}}, clamped}, {{3, 4}, {2, 10}}, {{0.6, 4}}},
      {{"mblm.norm", {{1, 1, 2}, {2}}, {{1, 1, 2}}, rms}, {{3, 4}, {2, 10}}, {{1.5, 10}}},
      {{"mblm.norm", {{1, 1, 4}, {4}}, {{1, 1, 4}}, rmsGroups}, {{3, 4, 1, 0}, {2, 10, 4, 7}}, {{1.5, 10, 2, 0}}},
      {{"mblm.norm", {{1, 1, 2}, {2}, {2}}, {{1, 1, 2}}, layer}, {{1, 3}, {2, 10}, {1, 1}}, {{0, 6}}},
      {{"mblm.norm_grad", {{1, 1, 2}, {1, 1, 2}, {2}}, {{1, 1, 2}, {2}}, rms},
       {{1, 0}, {3, 4}, {2, 10}},
       {{0.359375, -0.1875}, {0.75, 0}}},
      {{"mblm.norm_grad", {{1, 1, 4}, {1, 1, 4}, {4}}, {{1, 1, 4}, {4}}, rmsGroups},
       {{0, 0, 1, 0}, {1, 2, 3, 4}, {2, 10, 2, 10}},
       {{0, 0, 0.359375, -0.1875}, {0, 0, 0.75, 0}}},
      {{"mblm.norm_grad", {{1, 1, 2}, {1, 1, 2}, {2}}, {{1, 1, 2}, {2}}, clamped},
       {{1, 0}, {3, 4}, {2, 10}},
       {{0.2, 0}, {0.3, 0}}},
      {{"mblm.norm_grad", {{1, 1, 2}, {1, 1, 2}, {2}}, {{1, 1, 2}, {2}, {2}}, layer},
       {{1, 0}, {1, 3}, {2, 10}},
       {{0.375, -0.375}, {-0.5, 0}, {1, 0}}},
      {{"mblm.activation", {{1, 1, 3}}, {{1, 1, 3}}, gelu},
       {{0, 1, -1}},
       {{0, 0.8413447460685429, -0.15865525393145707}}},
      {{"mblm.activation", {{1, 1, 2}}, {{1, 1, 2}}, geluTanh},
       {{1, -1}},
       {{0.8411919906082768, -0.15880800939172324}}},
      {{"mblm.activation_grad", {{1, 1, 2}, {1, 1, 2}}, {{1, 1, 2}}, gelu},
       {{2, 2}, {0, 1}},
       {{1, 2.1666309411753726}}},
      {{"mblm.activation_grad", {{1, 1, 2}, {1, 1, 2}}, {{1, 1, 2}}, geluTanh},
       {{2, 2}, {0, 1}},
       {{1, 2.1659281676915655}}},
      {{"mblm.activation", {{1, 1, 2}}, {{1, 1, 2}}, silu}, {{0, ln3}}, {{0, 0.75 * ln3}}},
      {{"mblm.activation_grad", {{1, 1, 2}, {1, 1, 2}}, {{1, 1, 2}}, silu},
       {{2, 2}, {0, ln3}},
       {{1, 1.5 * (1 + ln3 / 4)}}},
      {{"mblm.multiply", {{1, 1, 2}, {1, 1, 2}}, {{1, 1, 2}}, ""}, {{1, 2}, {10, 20}}, {{10, 40}}},
      // The words of Philox say: of six columns in two blocks, 4 and the second row but its last column go.
      {{"mblm.dropout", {{1, 2, 6}, dropoutKey()}, {{1, 2, 6}}, "rate = 0.5, site = 0"},
       {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {0, 1, 2, 1}},
       {{2, 4, 6, 8, 0, 12, 0, 0, 0, 0, 0, 24}}},
      {{"mblm.dropout", {{1, 1, 2}, dropoutKey()}, {{1, 1, 2}}, "rate = 0.5, site = 0"},
       {{1, 2}, {0, 1, 2, 0}},
       {{1, 2}}},
      {{"mblm.add", {{1, 1, 2}, {1, 1, 2}}, {{1, 1, 2}}, ""}, {{1, 2}, {10, 20}}, {{11, 22}}},
      {{"mblm.reduce", {{2, 2, 1}}, {{1}}, "over = #mblm<reduce_over rows>"}, {{1, 2, 3, 4}}, {{10}}},
      {{"mblm.reduce", {{2, 2, 1}}, {{3, 1}}, "over = #mblm<reduce_over batch>"}, {{1, 2, 3, 4}}, {{4, 6, 0}}},
      {{"mblm.reduce", {{2, 2, 1}}, {{1}}, "over = #mblm<reduce_over starts>"}, {{1, 2, 3, 4}}, {{4}}},
      // Sequences
      {{"mblm.token_shift", {{1, 2, 3}}, {{1, 2, 3}}, ""}, {{1, 2, 3, 4, 5, 6}}, {{1, 2, 0, 4, 5, 3}}},
      {{"mblm.token_shift", {{1, 2, 3}}, {{1, 2, 3}}, "reverse"}, {{1, 2, 3, 4, 5, 6}}, {{1, 2, 6, 4, 5, 0}}},
      {{"mblm.rope", {{1, 2, 4}}, {{1, 2, 4}}, halfSplit},
       {{5, 6, 7, 8, 1, 2, 3, 4}},
       {{5, 6, 7, 8, c1 - 3 * s1, 2 * c2 - 4 * s2, 3 * c1 + s1, 4 * c2 + 2 * s2}}},
      {{"mblm.rope", {{1, 2, 4}}, {{1, 2, 4}}, interleaved},
       {{5, 6, 7, 8, 1, 2, 3, 4}},
       {{5, 6, 7, 8, c1 + 2 * s1, 2 * c1 - s1, 3 * c2 + 4 * s2, 4 * c2 - 3 * s2}}},
      {{"mblm.attention", {{1, 2, 1}, {1, 2, 1}, {1, 2, 1}}, {{1, 2, 1}, {1, 2, 1}}, attention(causal)},
       {{1, 1}, {0, ln3}, {8, 4}},
       {{8, 5}, {0, ln4}}},
      {{"mblm.attention", {{1, 2, 1}, {1, 2, 1}, {1, 2, 1}}, {{1, 2, 1}, {1, 2, 1}}, attention(full)},
       {{1, 1}, {0, ln3}, {8, 4}},
       {{5, 5}, {ln4, ln4}}},
      {{"mblm.attention", {{1, 2, 1}, {1, 2, 1}, {1, 2, 1}}, {{1, 2, 1}, {1, 2, 1}}, attention(blocks)},
       {{1, 1}, {0, ln3}, {8, 4}},
       {{8, 4}, {0, ln3}}},
      {{"mblm.attention", {{1, 2, 2}, {1, 2, 2}, {1, 2, 2}}, {{1, 2, 2}, {1, 2, 2}}, attention(twoHeads)},
       {{2, 0, 2, 0}, {0, 1, ln3, 5}, {8, 2, 4, 6}},
       {{8, 2, 5, 4}, {0, 0, ln4, ln2}}},
      // Of the second position's two keys the first is dropped; the sum that divides still has it.
      {{"mblm.attention",
        {{1, 2, 1}, {1, 2, 1}, {1, 2, 1}, dropoutKey()},
        {{1, 2, 1}, {1, 2, 1}},
        attention(std::string(full) + ", rate = 0.5, site = 0", false, true)},
       {{1, 1}, {0, ln3}, {8, 4}, {0, 1, 2, 1}},
       {{10, 6}, {ln4, ln4}}},
      // The first sequence sees its second key alone, the second, all of whose keys are hidden, both alike.
      {{"mblm.attention", {{2, 2, 1}, {2, 2, 1}, {2, 2, 1}, ids({2, 2}, 2)}, {{2, 2, 1}, {2, 2, 1}}, attention(full, true)},
       {{1, 2, 1, 2}, {0, ln3, 0, ln3}, {8, 4, 8, 4}, {1, 0, 1, 1}},
       {{4, 4, 6, 6}, {ln3, 2 * ln3, ln2, ln2}}},
      {{"mblm.attention_grad",
        {{2, 2, 1}, {2, 2, 1}, {2, 2, 1}, {2, 2, 1}, {2, 2, 1}, {2, 2, 1}, ids({2, 2}, 2)},
        {{2, 2, 1}, {2, 2, 1}, {2, 2, 1}},
        attentionGrad(full, true)},
       {{1, 0, 1, 0}, {1, 2, 1, 2}, {0, ln3, 0, ln3}, {8, 4, 8, 4}, {4, 4, 6, 6}, {ln3, 2 * ln3, ln2, ln2}, {1, 0, 1, 1}},
       {{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 1, 0.5, 0.5}}},
      {{"mblm.hidden_keys", {ids({1, 6}, 2)}, {numbers({1, 3}, 1)}, "bytes = 2"}, {{0, 0, 0, 1, 1, 1}}, {{1, 0, 0}}},
      {{"mblm.hidden_keys", {ids({1, 6}, 2)}, {numbers({1, 3}, 1)}, "bytes = 2, all"}, {{0, 0, 0, 1, 1, 1}}, {{1, 1, 0}}},
      // Position 1 of the sequence; the last two features pass.
      {{"mblm.rope", {{1, 1, 4}}, {{1, 1, 4}}, "pairing = #mblm<pairing half_split>, rotated = 2, origin = 1 : si64"},
       {{1, 2, 3, 4}},
       {{c1 - 2 * s1, 2 * c1 + s1, 3, 4}}},
      {{"mblm.attention_grad",
        {{1, 2, 1}, {1, 2, 1}, {1, 2, 1}, {1, 2, 1}, {1, 2, 1}, {1, 2, 1}},
        {{1, 2, 1}, {1, 2, 1}, {1, 2, 1}},
        attentionGrad(causal)},
       {{0, 1}, {1, 1}, {0, ln3}, {8, 4}, {8, 5}, {0, ln4}},
       {{0, -0.75 * ln3}, {0.75, -0.75}, {0.25, 0.75}}},
      // Patches that the data decides
      {{"mblm.lead", {ids({2, 2}, 9)}, {numbers({2, 3}, 1)}, "count = 1"}, {{5, 6, 7, 8}}, {{0, 5, 6, 0, 7, 8}}},
      // 1000000007 and 5915587277 end on 7: 3 + 7 * 4 and 4 + 7 * 2, so both functions have the same last digits.
      {{"mblm.ngram_rows", {ids({1, 3}, 5)}, {numbers({1, 9}, 3)}, "vocab = 5, sizes = array<i64: 2>, functions = 2, rows = 10"},
       {{3, 4, 2}},
       {{3, 6, 16, 4, 6, 16, 2, 13, 23}}},
      // Lists of triples, whose table begins at 5, and of single ids, which begins at 10: 2 is in place 1.
      {{"mblm.ngram_rows",
        {ids({1, 3}, 5)},
        {numbers({1, 9}, 3)},
        "vocab = 5, list_lengths = array<i64: 3, 1>, list_keys = [array<i64: 97>, array<i64: 1, 2>], list_places = [array<i64: 0>, "
        "array<i64: 0, 1>]"},
       {{3, 4, 2}},
       {{3, 5, 10, 4, 5, 10, 2, 9, 15}}},
      {{"mblm.visible_bytes", {ids({1, 4}, 3)}, {numbers({1, 8}, 2)}, ""}, {{1, 2, 1, 0}}, {{0, 1, 0, 2, 0, 3, 0, 4}}},
      {{"mblm.visible_bytes", {ids({1, 4}, 3)}, {numbers({1, 8}, 2)}, "window = 1"}, {{1, 2, 1, 0}}, {{0, 1, 1, 2, 2, 3, 3, 4}}},
      {{"mblm.visible_bytes", {ids({1, 4}, 3)}, {numbers({1, 8}, 2)}, "window = 3, end = 2"},
       {{1, 2, 1, 0}},
       {{0, 1, 0, 2, 2, 3, 2, 4}}},
      // Patches of 2, 1 and 2 bytes, the last of which is not known yet; with one byte in front, of 1, 1 and 2.
      {{"mblm.visible_patches", {ids({1, 4}, 3), ids({1, 3}, 9)}, {numbers({1, 6}, 2)}, "end = 2"},
       {{2, 0, 0, 0}, {2, 1, 2}},
       {{0, 1, 1, 2, 1, 3}}},
      {{"mblm.visible_patches", {ids({1, 4}, 3), ids({1, 3}, 9)}, {numbers({1, 6}, 2)}, "end = 2, lead = 1"},
       {{0, 0, 2, 0}, {1, 1, 2}},
       {{0, 1, 0, 2, 2, 3}}},
      {{"mblm.patch_bytes", {ids({1, 4}, 9), ids({1, 4}, 3)}, {numbers({1, 16}, 4)}, "rows = 2"},
       {{2, 1, 2, 0}, {0, 0, 0, 0}},
       {{0, 2, 0, 2, 2, 3, 2, 3, 3, 4, 3, 4, 4, 4, 4, 4}}},
      // Bytes 0 and 1 belong to patch 0 where patch 1 has bytes 1 and 2; the last patch has none.
      {{"mblm.patch_bytes", {ids({1, 4}, 9), ids({1, 4}, 3)}, {numbers({1, 8}, 2)}, "ahead"},
       {{1, 2, 2, 0}, {0, 0, 0, 0}},
       {{0, 2, 2, 4, 4, 4, 4, 4}}},
      {{"mblm.patch_bytes", {ids({1, 3}, 9), ids({1, 4}, 3)}, {numbers({1, 6}, 2)}, "window = 2, lead = 1"},
       {{1, 1, 2}, {0, 0, 0, 0}},
       {{0, 2, 0, 3, 2, 4}}},
      {{"mblm.byte_patches", {ids({1, 3}, 9), ids({1, 4}, 3)}, {numbers({1, 8}, 2)}, "rows = 3, window = 2"},
       {{1, 2, 2}, {0, 0, 0, 0}},
       {{0, 3, 0, 6, 0, 6, 3, 9}}},
      {{"mblm.byte_patches", {ids({1, 3}, 9), ids({1, 4}, 3)}, {numbers({1, 8}, 2)}, "ahead"},
       {{1, 2, 2}, {0, 0, 0, 0}},
       {{0, 1, 0, 1, 1, 2, 1, 2}}},
      {{"mblm.pool", {{1, 4, 1}, ids({1, 4}, 9)}, {{1, 2, 1}}, max}, {{1, 3, 2, -5}, {0, 3, 3, 4}}, {{3, -5}}},
      {{"mblm.pool", {{1, 4, 1}, ids({1, 4}, 9)}, {{1, 2, 1}}, min}, {{1, 3, 2, 5}, {0, 3, 4, 4}}, {{1, 0}}},
      {{"mblm.pool", {{1, 4, 1}, ids({1, 4}, 9)}, {{1, 2, 1}}, mean}, {{1, 3, 2, 5}, {0, 3, 4, 4}}, {{2, 0}}},
      {{"mblm.pool", {{1, 4, 1}, ids({1, 4}, 9)}, {{1, 2, 1}}, sum}, {{1, 3, 2, 5}, {0, 3, 3, 4}}, {{6, 5}}},
      {{"mblm.pool_grad", {{1, 2, 1}, {1, 5, 1}, {1, 2, 1}, ids({1, 4}, 9)}, {{1, 5, 1}}, max},
       {{6, 7}, {3, 3, 2, 3, 3}, {3, 3}, {0, 4, 4, 5}},
       {{2, 2, 0, 2, 7}}},
      {{"mblm.spread", {{1, 2, 1}, ids({1, 6}, 9)}, {{1, 3, 1}}, ""}, {{4, 5}, {0, 1, 1, 2, 2, 2}}, {{4, 5, 0}}},
      {{"mblm.spread", {{1, 2, 1}, ids({1, 6}, 9), ids({1, 4}, 9)}, {{1, 3, 1}}, "mean"},
       {{4, 5}, {0, 1, 0, 1, 1, 2}, {0, 2, 2, 3}},
       {{2, 2, 5}}},
      // As mblm.attention below a mask, above; both heads read the same keys.
      {{"mblm.ranged_attention", {{1, 2, 2}, {1, 2, 1}, {1, 2, 1}, ids({1, 4}, 9)}, {{1, 2, 2}, {1, 2, 2}}, grouped},
       {{1, 0, 1, 0}, {0, ln3}, {8, 4}, {0, 1, 0, 2}},
       {{8, 8, 5, 6}, {0, 0, ln4, ln2}}},
      {{"mblm.ranged_attention", {{1, 2, 1}, {1, 2, 1}, {1, 2, 1}, ids({1, 4}, 9)}, {{1, 2, 1}, {1, 2, 1}}, "heads = 1, kv_heads = 1, scale = 1.0"},
       {{1, 1}, {0, ln3}, {8, 4}, {0, 0, 1, 2}},
       {{0, 4}, {0, ln3}}},
      {{"mblm.ranged_attention",
        {{1, 1, 1}, {1, 1, 2}, {1, 1, 2}, ids({1, 2}, 9)},
        {{1, 1, 1}, {1, 1, 1}},
        "heads = 1, kv_heads = 1, scale = 1.0, per_row = 2"},
       {{1}, {0, ln3}, {8, 4}, {0, 2}},
       {{5}, {ln4}}},
      {{"mblm.ranged_attention_grad",
        {{1, 2, 2}, {1, 2, 2}, {1, 2, 1}, {1, 2, 1}, {1, 2, 2}, {1, 2, 2}, ids({1, 4}, 9)},
        {{1, 2, 2}, {1, 2, 1}, {1, 2, 1}},
        grouped},
       {{0, 0, 1, 1}, {1, 1, 1, 1}, {0, ln3}, {8, 4}, {8, 8, 5, 5}, {0, 0, ln4, ln4}, {0, 1, 0, 2}},
       {{0, 0, -0.75 * ln3, -0.75 * ln3}, {1.5, -1.5}, {0.5, 1.5}}},
      {{"mblm.entropy", {{1, 2, 2}}, {{1, 2}}, ""}, {{0, ln3, 5, 5}}, {{ln4 - 0.75 * ln3, ln2}}},
      // State spaces: softplus(0) is ln2, so a state halves where a_log is 0 and falls to a quarter where it is ln2
      {{"mblm.causal_conv", {{1, 3, 1}, {1, 2}, {1}}, {{1, 3, 1}}, ""}, {{1, 2, 3}, {10, 1}, {100}}, {{101, 112, 123}}},
      {{"mblm.causal_conv", {{1, 3, 1}, {1, 2}}, {{1, 3, 1}}, "reverse"}, {{1, 2, 3}, {10, 1}}, {{21, 32, 3}}},
      {{"mblm.causal_conv_weight_grad", {{1, 3, 1}, {1, 3, 1}}, {{1, 2}}, ""}, {{1, 10, 100}, {1, 2, 3}}, {{210, 321}}},
      {{"mblm.selective_scan", {{1, 2, 1}, {1, 2, 1}, {1, 2}, {1, 2, 2}, {1, 2, 2}, {1}}, {{1, 2, 1}}, ""},
       {{2, 3}, {0, 0}, {0, ln2}, {1, 1, 2, 1}, {1, 0, 10, 4}, {5}},
       {{2 * ln2 + 10, 84 * ln2 + 15}}},
      {{"mblm.selective_scan", {{1, 2, 1}, {1, 2, 1}, {1, 2}, {1, 2, 2}, {1, 2, 2}, {1}, {1, 2, 1}}, {{1, 2, 1}}, ""},
       {{2, 3}, {0, 0}, {0, ln2}, {1, 1, 2, 1}, {1, 0, 10, 4}, {5}, {0, ln3}},
       {{0, (84 * ln2 + 15) * silu3}}},
      {{"mblm.selective_scan_grad",
        {{1, 2, 1}, {1, 2, 1}, {1, 2, 1}, {1, 1}, {1, 2, 1}, {1, 2, 1}, {1}},
        {{1, 2, 1}, {1, 2, 1}, {1, 1}, {1, 2, 1}, {1, 2, 1}, {1}},
        ""},
       {{1, 1}, {2, 3}, {0, 0}, {0}, {1, 2}, {1, 10}, {5}},
       {{5 + 6 * ln2, 5 + 20 * ln2},
        {6, 30 - 5 * ln2},
        {-10 * ln2 * ln2},
        {12 * ln2, 30 * ln2},
        {2 * ln2, 7 * ln2},
        {5}}},
      {{"mblm.selective_scan_grad",
        {{1, 2, 1}, {1, 2, 1}, {1, 2, 1}, {1, 1}, {1, 2, 1}, {1, 2, 1}, {1}, {1, 2, 1}},
        {{1, 2, 1}, {1, 2, 1}, {1, 1}, {1, 2, 1}, {1, 2, 1}, {1}, {1, 2, 1}},
        ""},
       {{1, 1}, {2, 3}, {0, 0}, {0}, {1, 2}, {1, 10}, {5}, {0, ln3}},
       {{5 * silu3 * ln2, 5 * silu3 + 20 * silu3 * ln2},
        {5 * silu3, silu3 * (30 - 5 * ln2)},
        {-10 * silu3 * ln2 * ln2},
        {10 * silu3 * ln2, 30 * silu3 * ln2},
        {0, 7 * silu3 * ln2},
        {3 * silu3},
        {ln2 + 5, (70 * ln2 + 15) * 0.75 * (1 + ln3 / 4)}}},
      {{"mblm.ssd", {{1, 2, 2}, {1, 2, 2}, {2}, {1, 2, 2}, {1, 2, 2}, {2}, {2}}, {{1, 2, 2}}, "groups = 2"},
       {{2, 1, 3, 1}, {0, 1, 0, 1}, {0, ln2}, {1, 2, 2, 3}, {1, 1, 10, 2}, {5, 7}, {0, -1}},
       {{2 * ln2 + 10, 2 * ln2 + 7, 70 * ln2 + 15, 7 * ln2 + 7}}},
      {{"mblm.ssd", {{1, 1, 2}, {1, 1, 1}, {1}, {1, 1, 2}, {1, 1, 2}, {2}, {1}}, {{1, 1, 2}}, "chunk = 1"},
       {{2, 3}, {0}, {0}, {1, 2}, {3, 1}, {5, 7}, {0}},
       {{10 * ln2 + 10, 15 * ln2 + 21}}},
      {{"mblm.ssd", {{1, 2, 1}, {1, 2, 1}, {1}, {1, 2, 1}, {1, 2, 1}, {1}, {1}}, {{1, 2, 1}}, "dt_min = 1.0"},
       {{2, 3}, {0, 0}, {0}, {1, 2}, {1, 10}, {5}, {0}},
       {{12, 75 + 20 * inverseE}}},
      {{"mblm.ssd_grad",
        {{1, 2, 1}, {1, 2, 1}, {1, 2, 1}, {1}, {1, 2, 1}, {1, 2, 1}, {1}, {1}},
        {{1, 2, 1}, {1, 2, 1}, {1}, {1, 2, 1}, {1, 2, 1}, {1}, {1}},
        ""},
       {{1, 1}, {2, 3}, {0, 0}, {0}, {1, 2}, {1, 10}, {5}, {0}},
       {{5 + 6 * ln2, 5 + 20 * ln2},
        {6, 30 - 5 * ln2},
        {-10 * ln2 * ln2},
        {12 * ln2, 30 * ln2},
        {2 * ln2, 7 * ln2},
        {5},
        {36 - 5 * ln2}}},
      {{"mblm.ssd_grad",
        {{1, 2, 1}, {1, 2, 1}, {1, 2, 1}, {1}, {1, 2, 1}, {1, 2, 1}, {1}, {1}},
        {{1, 2, 1}, {1, 2, 1}, {1}, {1, 2, 1}, {1, 2, 1}, {1}, {1}},
        "dt_min = 1.0"},
       {{1, 1}, {2, 3}, {0, 0}, {0}, {1, 2}, {1, 10}, {5}, {0}},
       {{6 + 10 * inverseE, 25}, {0, 0}, {-20 * inverseE}, {2 + 20 * inverseE, 30}, {2, 6 + 2 * inverseE}, {5}, {0}}},
      // Training: logits of one and three quarters
      {{"mblm.cross_entropy", {{1, 3, 2}, ids({1, 3}, 2)}, {{1, 3}, {1, 3}}, ""},
       {{0, ln3, 0, ln3, 0, 0}, {0, 1, 1}},
       {{ln4, ln4 - ln3, ln2}, {ln4, ln4, ln2}}},
      {{"mblm.cross_entropy", {{1, 2, 2}, ids({1, 3}, 2)}, {{1, 2}, {1, 2}}, "offset = 1, ignore = 0"},
       {{0, ln3, 0, ln3}, {1, 0, 1}},
       {{0, ln4 - ln3}, {ln4, ln4}}},
      {{"mblm.cross_entropy_grad",
        {perPosition({1, 2}), {1, 2, 2}, perPosition({1, 2}), ids({1, 3}, 2)},
        {{1, 2, 2}},
        "offset = 1, ignore = 0"},
       {{2, 2}, {0, ln3, 0, ln3}, {ln4, ln4}, {1, 0, 1}},
       {{0, 0, 0.5, -0.5}}},
      {meanOf(nonzero), {{1, 2, 3, 4}, {1, 0.5, 1, 0}, {1, 7, 2, 3}}, {{5. / 3}, {5}, {3}}},
      {meanOf(targets), {{1, 2, 3, 4}, {1, 0.5, 1, 0}, {1, 7, 2, 3}}, {{2.5}, {5}, {2}}},
      {meanOf(nonzero), {{0, 0, 0, 4}, {1, 0.5, 1, 0}, {1, 7, 2, 3}}, {{0}, {0}, {0}}},
      {meanOf(targets), {{1, 2, 3, 4}, {0, 0.5, 0, 0}, {1, 7, 2, 3}}, {{NAN}, {1}, {0}}},
      {meanOf(weighted), {{1, 2, 3, 4}, {1, 0.5, 1, 0}, {1, 7, 2, 3}}, {{5 / 2.500001}, {5}, {2.500001}}},
      {meanOf(weighted), {{1, 2, 3, 4}, {0, 0, 0, 0}, {1, 7, 2, 3}}, {{0}, {0}, {1e-6}}},
      {{"mblm.mean_loss_grad", {{}, {}, mask({1, 4})}, {{1, 3}}, "offset = 1"},
       {{6}, {3}, {1, 0.5, 1, 0}},
       {{1, 2, 0}}},
      {{"mblm.mean_loss_grad", {{}, {}, mask({1, 2})}, {{1, 2}}, ""}, {{6}, {0}, {1, 1}}, {{0, 0}}},
  };
  return table;
}

std::vector<Tensor> tensorsOf(const Formula &formula) {
  std::vector<Tensor> tensors;
  for (auto [operand, values] : llvm::zip_equal(formula.op.operands, formula.operands)) {
    bool isIds = operand.kind == test::Operand::Ids || operand.kind == test::Operand::DropoutKey;
    tensors.push_back(isIds ? Tensor::ids(operand.shape, {values.begin(), values.end()})
                            : Tensor::floats(operand.shape, values));
  }
  return tensors;
}

class Formulas : public testing::TestWithParam<Formula> {};

TEST_P(Formulas, GiveTheNumbersWorkedOutByHand) {
  OpFunction function(GetParam().op);
  std::vector<Tensor> got = function.run(tensorsOf(GetParam()));
  ASSERT_EQ(got.size(), GetParam().results.size());
  for (size_t r = 0; r < got.size(); ++r) {
    EXPECT_EQ(got[r].shape, GetParam().op.results[r].shape);
    Values values = got[r].i.empty() ? got[r].f : Values(got[r].i.begin(), got[r].i.end());
    ASSERT_EQ(values.size(), GetParam().results[r].size());
    for (size_t n = 0; n < values.size(); ++n) {
      double expected = GetParam().results[r][n];
      EXPECT_TRUE(std::isnan(expected) ? std::isnan(values[n]) : std::abs(values[n] - expected) < 1e-12)
          << "result " << r << ", element " << n << ": expected " << expected << ", got " << values[n];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, Formulas, testing::ValuesIn(formulas()));

TEST(FormulaTable, HasEveryOpThatTouchesNoBuffer) {
  // Those on states and with regions have their numbers in test/dialects/MBLM/examples.
  const std::vector<std::string> onBuffers = {
      "mblm.parameter", "mblm.load",  "mblm.gradient",         "mblm.update",   "mblm.state", "mblm.get_state", "mblm.read",
      "mblm.write",     "mblm.recall", "mblm.cached_attention", "mblm.ssd_step", "mblm.scan",  "mblm.scan_grad", "mblm.yield",
      "mblm.selective_scan_step", "mblm.pieces"};
  for (const std::string &op : opNames([](mlir::RegisteredOperationName) { return true; })) {
    bool inTable = llvm::any_of(formulas(), [&](const Formula &formula) { return formula.op.op == op; });
    EXPECT_NE(inTable, llvm::is_contained(onBuffers, op)) << op;
  }
}

TEST(Ids, OutsideTheTableAreRefused) {
  OpFunction function({"mblm.embed", {ids({1, 2}, 3), {3, 1}}, {{1, 2, 1}}, ""});
  try {
    function.run({Tensor::ids({1, 2}, {0, 3}), Tensor::floats({3, 1})});
    FAIL() << "expected an error";
  } catch (const Error &error) {
    EXPECT_EQ(error.code, Exit::BadInput);
    EXPECT_STREQ(error.what(), "id 3 at position 1 of sequence 0: expected one in [0, 3)");
  }
}

} // namespace
