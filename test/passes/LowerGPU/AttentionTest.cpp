// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention's CUDA kernels, forward, backward and cached, against the formulas.
#include "test/passes/AttentionCases.h"

#include <gtest/gtest.h>

using namespace mblm;
using namespace mblm::test;

namespace {

template <typename CaseT>
std::string nameOf(const testing::TestParamInfo<CaseT> &info) {
  return info.param.name;
}

std::string text(int64_t n) { return std::to_string(n); }

class ShortAttention : public testing::TestWithParam<AttentionCase> {};

TEST_P(ShortAttention, AgreesWithTheFormulas) { expectSimulatedAgreement(attentionModule(GetParam()), 23, 1e-5); }

const AttentionCase shortCases[] = {
    {"one_position", 1, 5, 2, 8, "causal"},
    {"patch", 8, 7, 3, 16, "causal"},
    {"nine_rotated", 9, 5, 2, 12, "causal", true},
    {"odd_width", 5, 3, 2, 7, "full"},
    {"short_blocks", 12, 3, 2, 10, "block_causal, 4", true, true},
    {"most_of_a_warp", 32, 2, 1, 24, "causal", false, true},
    {"short_apart", 6, 4, 4, 4, "causal", true, false, true},
    {"short_wide", 3, 2, 1, 200, "full", true},
};

INSTANTIATE_TEST_SUITE_P(LowerGPU, ShortAttention, testing::ValuesIn(shortCases), nameOf<AttentionCase>);

class LongAttention : public testing::TestWithParam<AttentionCase> {};

TEST_P(LongAttention, AgreesWithTheFormulas) { expectSimulatedAgreement(attentionModule(GetParam()), 23, 1e-5); }

// Heads beyond 128 features have no room on tensor cores; their tensors are bf16 all the same.
TEST_P(LongAttention, AgreesOnTensorCores) { expectSimulatedAgreement(attentionModule(GetParam()), 23, 2e-2, "bf16"); }

TEST_P(LongAttention, AgreesInTf32) { expectSimulatedAgreement(attentionModule(GetParam()), 23, 3e-3, "tf32"); }

const AttentionCase longCases[] = {
    {"tile_and_a_bit", 70, 1, 2, 16, "causal"},
    {"full_rotated", 64, 1, 2, 32, "full", true},
    {"full_rest", 50, 2, 1, 20, "full", false, true},
    {"dynamic", 0, 90, 2, 24, "causal", true},
    {"dynamic_dropped", 0, 67, 3, 12, "causal", false, true},
    {"blocks", 150, 1, 1, 16, "block_causal, 40", true, true},
    {"dynamic_blocks", 0, 101, 1, 9, "block_causal, 7"},
    {"apart", 33, 2, 2, 8, "full", false, false, true},
    {"wide", 40, 1, 1, 132, "causal", true},
    {"widest", 36, 1, 1, 256, "causal"},
};

INSTANTIATE_TEST_SUITE_P(LowerGPU, LongAttention, testing::ValuesIn(longCases), nameOf<AttentionCase>);

// In bf16 these go to the kernel on warpgroups on sm_90a, whose blocks have 128 queries and tiles 128 keys, and to the one on warps on
// sm_80.
class TallAttention : public testing::TestWithParam<AttentionCase> {};

TEST_P(TallAttention, AgreesOnTensorCores) { expectSimulatedAgreement(attentionModule(GetParam()), 23, 2e-2, "bf16"); }

const AttentionCase tallCases[] = {
    {"three_blocks", 300, 1, 2, 64, "causal"},
    {"wide_causal", 257, 1, 1, 128, "causal", true},
    {"full", 128, 2, 2, 64, "full"},
    {"wide_full", 200, 1, 1, 128, "full", false, false, true},
    {"short", 65, 3, 1, 64, "causal"},
    {"dynamic", 0, 330, 1, 64, "causal"},
    {"dynamic_full", 0, 129, 2, 128, "full", true},
    {"dynamic_few", 0, 20, 1, 64, "causal"},
    {"blocks", 300, 1, 1, 64, "block_causal, 40", true},
    {"long_blocks", 0, 400, 1, 32, "block_causal, 200"},
    {"narrow", 140, 1, 3, 16, "causal"},
    {"odd_blocks", 140, 1, 2, 48, "full"},
    {"rest", 140, 1, 2, 80, "causal", true, false, true},
    {"almost_wide", 0, 270, 1, 112, "full"},
};

INSTANTIATE_TEST_SUITE_P(LowerGPU, TallAttention, testing::ValuesIn(tallCases), nameOf<AttentionCase>);

// A call's positions behind others: these come with an earlier write at P = 0.
struct CachedCase {
  const char *name;
  int64_t positions, ring, position, heads, width;
  std::string mask;
};

class Cached : public testing::TestWithParam<CachedCase> {};

TEST_P(Cached, AgreesWithTheFormulas) {
  const CachedCase &c = GetParam();
  int64_t group = c.heads * c.width, vocab = 29, before = std::min(c.position, c.ring), all = c.positions + before;
  ModuleCase test;
  test.vocab = vocab;
  test.batch = 3;
  test.inner = all;
  test.position = c.position;
  test.columns = {{"result", group}};
  test.parameters = {{"joint", {vocab, 3 * group}, 0.1, 1}};
  test.isStep = true;
  std::string state = tensorType({-1, c.ring, group}), rows = tensorType({-1, all, 3 * group}),
              part = tensorType({-1, all, group});
  std::string call = tensorType({-1, c.positions, group});
  test.states = "mblm.state @key at [0, 0, 0, 0] : " + state + "\nmblm.state @value at [0, 0, " + text(c.ring * group) +
                ", 0] : " + state + "\n";
  test.body = "%rows = mblm.embed %ids, %joint : tensor<?x" + text(all) + "xi32>, " + tensorType({vocab, 3 * group}) +
              " -> " + rows + "\n%q_all, %k, %v = mblm.split %rows : " + rows + " -> " + part + ", " + part + ", " +
              part + "\n%q = mblm.slice %q_all {before = " + text(before) + " : i64} : " + part + " -> " + call +
              "\n%keys = mblm.get_state @key : " + state + "\n%values = mblm.get_state @value : " + state + "\n";
  for (const char *name : {"key", "value"}) {
    test.body += "mblm.write %" + std::string(name) + "s, %" + std::string(1, name[0]) + " from " + text(-before) +
                 " : " + state + ", " + part + "\n";
  }
  test.body += "%y = mblm.cached_attention %q, %keys, %values mask(" + c.mask + ") {heads = " + text(c.heads) +
               " : i64, scale = 3.0e-1 : f64} : " + call + ", " + state + "\nreturn %y : " + call + "\n";
  test.resultType = call;
  expectSimulatedAgreement(test, 31, 1e-5);
}

const CachedCase cachedCases[] = {
    {"first", 1, 8, 0, 2, 16, "causal"},
    {"later", 1, 40, 33, 3, 8, "causal"},
    {"many_keys", 1, 700, 650, 1, 64, "causal"},
    {"several", 6, 50, 31, 2, 24, "causal"},
    {"odd", 3, 20, 11, 1, 5, "causal"},
    {"wide", 2, 30, 9, 1, 200, "causal"},
    {"blocks", 5, 40, 22, 2, 12, "block_causal, 8"},
    {"in_a_ring", 1, 8, 29, 2, 12, "block_causal, 8"},
    {"four_in_a_ring", 4, 16, 44, 2, 12, "block_causal, 8"},
    {"long_state", 1, 1500, 1100, 2, 16, "causal"},
    {"few_of_a_long_state", 6, 1100, 40, 2, 20, "causal"},
};

INSTANTIATE_TEST_SUITE_P(LowerGPU, Cached, testing::ValuesIn(cachedCases), nameOf<CachedCase>);

} // namespace
