// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of bf16 factors. Where all factors are bf16 numbers as they come, what is left against the formulas is the rounding of
// sums, so that a number in a wrong place shows; attention rounds what it computes itself.
#include "test/passes/AttentionCases.h"

#include <gtest/gtest.h>

using namespace mblm;
using namespace mblm::test;

namespace {

std::string rowsOf(int64_t width) { return tensorType({-1, -1, width}); }

std::string embedded(const char *name, int64_t vocab, int64_t width) {
  return "%" + std::string(name) + "_rows = mblm.embed %ids, %" + name + " : tensor<?x?xi32>, " + tensorType({vocab, width}) + " -> " +
         rowsOf(width) + "\n";
}

struct ProductCase {
  const char *name;
  int64_t batch, slots; // rows: their product
  int64_t depth, columns;
};

// x w^T + bias, whose epilogue is one; y w, which is plain; and the gradient of w.
ModuleCase moduleOf(const ProductCase &c) {
  int64_t vocab = 41;
  ModuleCase test;
  test.narrow = true;
  test.vocab = vocab;
  test.batch = c.batch;
  test.slots = c.slots;
  test.parameters = {{"x", {vocab, c.depth}, 0.1, 1}, {"y", {vocab, c.columns}, 0, 1}, {"bias", {c.columns}, 0, 0.5},
                     {"w", {c.columns, c.depth}, 0, 1}};
  test.columns = {{"x w^T + bias", c.columns}, {"y w", c.depth}, {"x w^T", c.columns}};
  std::string in = rowsOf(c.depth), out = rowsOf(c.columns), weight = tensorType({c.columns, c.depth});
  test.resultType = rowsOf(2 * c.columns + c.depth);
  test.body = embedded("x", vocab, c.depth) + embedded("y", vocab, c.columns) +
              "%a = mblm.linear %x_rows, %w, %bias : " + in + ", " + weight + ", " + tensorType({c.columns}) + " -> " + out +
              "\n%b = mblm.linear %y_rows, %w {transposed} : " + out + ", " + weight + " -> " + in +
              "\n%c = mblm.linear %x_rows, %w : " + in + ", " + weight + " -> " + out +
              "\n%g = mblm.weight_grad %y_rows, %x_rows : " + out + ", " + in + " -> " + weight +
              "\nmblm.gradient [@w], %g : " + weight +
              "\n%all = mblm.concat %a, %b, %c : " + out + ", " + in + ", " + out + " -> " + test.resultType +
              "\nreturn %all : " + test.resultType + "\n";
  return test;
}

class NarrowProduct : public testing::TestWithParam<ProductCase> {};

TEST_P(NarrowProduct, OfNarrowFactorsIsExactButForSums) { expectAgreement(moduleOf(GetParam()), 29, 1e-5, "bf16"); }

TEST_P(NarrowProduct, RoundsItsFactors) {
  ModuleCase test = moduleOf(GetParam());
  test.narrow = false;
  expectAgreement(test, 31, 1e-2, "bf16");
}

const ProductCase products[] = {{"a_tile", 1, 48, 32, 32},          {"a_row", 1, 1, 8, 8},
                                {"odd_everything", 3, 67, 33, 37},  {"odd_depth", 2, 65, 257, 40},
                                {"whole_panels", 1, 131, 64, 128},  {"deep", 2, 70, 1056, 24},
                                {"tall", 1, 300, 40, 328},          {"rows_of_a_pack_and_one", 1, 257, 72, 56},
                                {"two_blocks_of_packs", 1, 530, 96, 200}};

INSTANTIATE_TEST_SUITE_P(Cases, NarrowProduct, testing::ValuesIn(products), [](const auto &info) { return info.param.name; });

class NarrowAttention : public testing::TestWithParam<AttentionCase> {};

TEST_P(NarrowAttention, AgreesWithTheFormulas) { expectAgreement(attentionModule(GetParam()), 23, 2e-2, "bf16"); }

// Short sequences have no blocks, and compute in f32.
const AttentionCase attentions[] = {
    {"short", 9, 5, 2, 12, "causal", true},
    {"tile_and_a_bit", 70, 1, 2, 16, "causal"},
    {"one_full_block", 0, 64, 2, 32, "full", true},
    {"full_rest", 0, 50, 2, 20, "full", false, true},
    {"dynamic", 0, 90, 2, 24, "causal", true},
    {"dynamic_dropped", 0, 67, 3, 12, "causal", false, true},
    {"blocks", 150, 1, 1, 16, "block_causal, 40", true, true},
    {"dynamic_blocks", 0, 101, 1, 9, "block_causal, 7"},
    {"several_blocks", 0, 200, 2, 64, "causal", true},
    {"wide", 0, 97, 1, 132, "causal", true},
};

INSTANTIATE_TEST_SUITE_P(Cases, NarrowAttention, testing::ValuesIn(attentions), [](const auto &info) { return std::string(info.param.name); });

} // namespace
