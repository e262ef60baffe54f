// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention's CUDA kernels, forward, backward and cached, against the formulas.
#include "test/passes/AgainstInterpreter.h"

#include <gtest/gtest.h>

using namespace mblm;
using namespace mblm::test;

namespace {

struct AttentionCase {
  const char *name;
  int64_t positions; // 0: as many as there are slots
  int64_t slots, heads, width;
  std::string mask;
  bool rotated = false, dropout = false;
  bool apart = false; // query, key and value are three tensors
};

template <typename CaseT>
std::string nameOf(const testing::TestParamInfo<CaseT> &info) {
  return info.param.name;
}

std::string text(int64_t n) { return std::to_string(n); }

// `name`_rows: rows of a table, [sequences, positions, width].
std::string rowsOf(const std::string &name, const AttentionCase &c, int64_t vocab, int64_t width) {
  std::string table = tensorType({vocab, width}), rows = tensorType({-1, c.positions ? c.positions : -1, width});
  if (!c.positions) {
    return "%" + name + "_rows = mblm.embed %ids, %" + name + " : tensor<?x?xi32>, " + table + " -> " + rows + "\n";
  }
  std::string wide = tensorType({-1, -1, c.positions * width});
  return "%" + name + "_wide = mblm.embed %ids, %" + name + " {bytes = " + text(c.positions) +
         " : i64} : tensor<?x?xi32>, " + table + " -> " + wide + "\n%" + name + "_rows = mblm.regroup %" + name +
         "_wide : " + wide + " -> " + rows + "\n";
}

ModuleCase moduleOf(const AttentionCase &c) {
  int64_t group = c.heads * c.width, vocab = 37;
  ModuleCase test;
  test.vocab = vocab;
  test.batch = 2;
  test.slots = c.slots;
  test.inner = std::max<int64_t>(1, c.positions);
  test.dropout = c.dropout;
  test.columns = {{"result", group},
                  {"lse", c.heads},
                  {"gradient of query", group},
                  {"gradient of key", group},
                  {"gradient of value", group}};
  int64_t rows = c.positions ? c.positions : -1;
  std::string one = tensorType({-1, rows, group}), three = tensorType({-1, rows, 3 * group}),
              lse = tensorType({-1, rows, c.heads});
  std::string all = tensorType({-1, rows, 4 * group + c.heads}), &body = test.body;
  test.parameters = {{"grads", {vocab, group}, 0.1, 1}};
  if (c.apart) {
    for (const char *name : {"query", "key", "value"}) {
      test.parameters.push_back({name, {vocab, group}, 0.1, 1});
    }
  } else {
    test.parameters.push_back({"joint", {vocab, 3 * group}, 0.1, 1});
  }
  for (const ModuleCase::Parameter &parameter : test.parameters) {
    body += rowsOf(parameter.name, c, vocab, parameter.shape[1]);
  }
  if (!c.apart) {
    body += "%query_rows, %key_rows, %value_rows = mblm.split %joint_rows : " + three + " -> " + one + ", " + one +
            ", " + one + "\n";
  }
  auto rotate = [&](const std::string &from, const std::string &to, bool inverse) {
    body += "%" + to + " = mblm.rope half_split %" + from + " {heads = " + text(c.heads) + " : i64" +
            (inverse ? ", inverse" : "") + "} : " + one + "\n";
  };
  std::string q = "query_rows", k = "key_rows", dq = "dq", dk = "dk";
  if (c.rotated) {
    rotate(q, "q", false);
    rotate(k, "k", false);
    q = "q";
    k = "k";
  }
  std::string end = " mask(" + c.mask + ")" + (c.dropout ? " dropout %key" : "") + " {heads = " + text(c.heads) +
                    " : i64, scale = 3.0e-1 : f64" + (c.dropout ? ", rate = 3.0e-1 : f64, site = 2 : i64" : "") +
                    "} : " + one + ", " + lse + "\n";
  std::string inputs = "%" + q + ", %" + k + ", %value_rows";
  body += "%y, %lse = mblm.attention " + inputs + end;
  body += "%dq, %dk, %dv = mblm.attention_grad %grads_rows, " + inputs + ", %y, %lse" + end;
  if (c.rotated) {
    rotate("dq", "dq_back", true);
    rotate("dk", "dk_back", true);
    dq = "dq_back";
    dk = "dk_back";
  }
  body += "%d = mblm.concat %" + dq + ", %" + dk + ", %dv : " + one + ", " + one + ", " + one + " -> " + three + "\n";
  body += "%all = mblm.concat %y, %lse, %d : " + one + ", " + lse + ", " + three + " -> " + all +
          "\nreturn %all : " + all + "\n";
  test.resultType = all;
  return test;
}

class ShortAttention : public testing::TestWithParam<AttentionCase> {};

TEST_P(ShortAttention, AgreesWithTheFormulas) { expectSimulatedAgreement(moduleOf(GetParam()), 23, 1e-5); }

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

TEST_P(LongAttention, AgreesWithTheFormulas) { expectSimulatedAgreement(moduleOf(GetParam()), 23, 1e-5); }

// Heads beyond 128 features have no room on tensor cores; their tensors are bf16 all the same.
TEST_P(LongAttention, AgreesOnTensorCores) { expectSimulatedAgreement(moduleOf(GetParam()), 23, 2e-2, "bf16"); }

TEST_P(LongAttention, AgreesInTf32) { expectSimulatedAgreement(moduleOf(GetParam()), 23, 3e-3, "tf32"); }

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
