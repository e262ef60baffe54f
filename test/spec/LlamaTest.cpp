// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Llama's names and sizes as ours, and that heads turned from one order of rotated pairs to the other say the same.
#include "compiler/Spec/Llama.h"

#include "test/spec/BltCases.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace mblm::spec;

namespace {

std::string ours(const std::string &name) {
  std::optional<LlamaTensor> tensor = llamaTensor(name);
  return tensor ? tensor->name + (tensor->halves ? " in halves" : "") : "none";
}

TEST(Llama, NamesInBothSpellings) {
  const std::string to = "global_transformer.layers.12.";
  for (const char *part : {"attention_norm", "attention.wq", "attention.wk", "attention.wv", "attention.wo", "ffn_norm",
                           "feed_forward.w1", "feed_forward.w2", "feed_forward.w3"}) {
    EXPECT_EQ(ours("layers.12." + std::string(part) + ".weight"), to + part + ".weight");
  }
  const char *const pairs[][2] = {{"input_layernorm", "attention_norm.weight"},
                                  {"self_attn.q_proj", "attention.wq.weight in halves"},
                                  {"self_attn.k_proj", "attention.wk.weight in halves"},
                                  {"self_attn.v_proj", "attention.wv.weight"},
                                  {"self_attn.o_proj", "attention.wo.weight"},
                                  {"post_attention_layernorm", "ffn_norm.weight"},
                                  {"mlp.gate_proj", "feed_forward.w1.weight"},
                                  {"mlp.down_proj", "feed_forward.w2.weight"},
                                  {"mlp.up_proj", "feed_forward.w3.weight"}};
  for (const auto &pair : pairs) {
    EXPECT_EQ(ours("model.layers.12." + std::string(pair[0]) + ".weight"), to + pair[1]);
    EXPECT_EQ(ours("layers.12." + std::string(pair[0]) + ".weight"), to + pair[1]);
  }
}

TEST(Llama, WhatIsNoPartOfALayer) {
  for (const char *name : {"tok_embeddings.weight", "model.norm.weight", "layers.attention.wq.weight", "layers.1", "",
                           "layers.x.attention.wq.weight", "model.layers.0.self_attn.q_proj.bias", "layers.0.", "model.",
                           "xlayers.0.attention.wq.weight", "layers.0.attention.wq.weight.weight"}) {
    EXPECT_EQ(ours(name), "none") << name;
  }
}

TEST(Llama, OtherSizesAreNamed) {
  Spec spec = bltSpec("d08_blt_gqa_alllayers");
  TensorShapes shapes;
  const std::string layer = "global_transformer.layers.";
  for (const char *number : {"0.", "1."}) {
    shapes[layer + number + "attention_norm.weight"] = {24};
    shapes[layer + number + "attention.wq.weight"] = {24, 24};
    shapes[layer + number + "attention.wk.weight"] = {12, 24};
    shapes[layer + number + "feed_forward.w1.weight"] = {64, 24};
  }
  EXPECT_EQ(otherLlamaSizes(spec, shapes), "");
  shapes[layer + "0.attention.wk.weight"] = {24, 24};
  EXPECT_EQ(otherLlamaSizes(spec, shapes),
            "n_kv_heads_global makes keys and values 12 wide but the checkpoint's are 24");
  shapes[layer + "2.attention_norm.weight"] = {24};
  shapes[layer + "0.attention_norm.weight"] = {32};
  shapes[layer + "0.feed_forward.w1.weight"] = {96, 32};
  EXPECT_EQ(otherLlamaSizes(spec, shapes),
            "dim_global is 24 but the checkpoint is 32 wide; n_layers_global is 2 but the checkpoint has 3 layers; "
            "n_kv_heads_global makes keys and values 12 wide but the checkpoint's are 24; "
            "ffn_dim_multiplier and multiple_of make feed-forwards 64 wide but the checkpoint's are 96");
}

TEST(Llama, RowsOfAHead) {
  std::vector<float> rows;
  for (int row = 0; row < 12; ++row) { // two heads of six, two numbers a row
    rows.insert(rows.end(), {float(row), -float(row)});
  }
  pairSideBySide(rows, 6, 2);
  const float expected[] = {0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11};
  for (int row = 0; row < 12; ++row) {
    EXPECT_EQ(rows[2 * row], expected[row]);
    EXPECT_EQ(rows[2 * row + 1], -expected[row]);
  }
}

constexpr int headDim = 8, width = 5;

// The queries or keys of one head at a position, rotated.
std::vector<double> rotated(const std::vector<float> &rows, const std::vector<double> &x, int position, bool halves) {
  std::vector<double> head(headDim);
  for (int row = 0; row < headDim; ++row) {
    for (int c = 0; c < width; ++c) {
      head[row] += double(rows[row * width + c]) * x[c];
    }
  }
  std::vector<double> result(headDim);
  for (int pair = 0; pair < headDim / 2; ++pair) {
    double angle = position * std::pow(10000.0, -2.0 * pair / headDim), c = std::cos(angle), s = std::sin(angle);
    int first = halves ? pair : 2 * pair, second = halves ? pair + headDim / 2 : 2 * pair + 1;
    result[first] = head[first] * c - head[second] * s;
    result[second] = head[first] * s + head[second] * c;
  }
  return result;
}

double dot(const std::vector<double> &a, const std::vector<double> &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

TEST(Llama, BothOrdersHaveTheSameScores) {
  auto some = [](auto &&numbers, double phase) {
    for (size_t i = 0; i < numbers.size(); ++i) {
      numbers[i] = std::sin(phase + 1.7 * double(i));
    }
    return numbers;
  };
  std::vector<float> query = some(std::vector<float>(headDim * width), 0.3), key = some(std::vector<float>(headDim * width), 2.1);
  std::vector<float> turnedQuery = query, turnedKey = key;
  pairSideBySide(turnedQuery, headDim, width);
  pairSideBySide(turnedKey, headDim, width);
  std::vector<double> x = some(std::vector<double>(width), 4), y = some(std::vector<double>(width), 5);
  double unturned = 0;
  for (int p = 0; p < 7; ++p) {
    for (int q = 0; q <= p; ++q) {
      double score = dot(rotated(query, x, p, true), rotated(key, y, q, true));
      EXPECT_NEAR(dot(rotated(turnedQuery, x, p, false), rotated(turnedKey, y, q, false)), score, 1e-12);
      unturned = std::max(unturned, std::fabs(dot(rotated(query, x, p, false), rotated(key, y, q, false)) - score));
    }
  }
  EXPECT_GT(unturned, 0.1); // the order does matter
}

} // namespace
