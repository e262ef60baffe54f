// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/passes/GemmCases.h"

#include <cmath>

using namespace mblm;
using namespace mblm::test;

ModuleCase test::gemmModule(const GemmCase &c) {
  int64_t vocab = 41;
  ModuleCase test;
  test.vocab = vocab;
  test.batch = c.batch;
  test.slots = c.slots;
  test.parameters = {{"x", {vocab, c.depth}, 0.1, 1},           {"residual", {vocab, c.columns}, 0, 1},
                     {"first_gain", {c.depth}, 1, 0.3},         {"second_gain", {c.columns}, 1, 0.3},
                     {"bias", {c.hidden}, 0, 0.5},              {"first", {c.hidden, c.depth}, 0, 2 / std::sqrt(double(c.depth))},
                     {"second", {c.columns, c.hidden}, 0, 2 / std::sqrt(double(c.hidden))}};
  test.columns = {{"after GELU", c.hidden}, {"normalised", c.columns}, {"transposed", c.hidden}};
  auto rows = [](int64_t width) { return tensorType({-1, -1, width}); };
  std::string in = rows(c.depth), middle = rows(c.hidden), out = rows(c.columns), all = rows(2 * c.hidden + c.columns);
  std::string first = tensorType({c.hidden, c.depth}), second = tensorType({c.columns, c.hidden}), eps = " {eps = 1.0e-2 : f64} : ";
  test.body = "%in = mblm.embed %ids, %x : tensor<?x?xi32>, " + tensorType({vocab, c.depth}) + " -> " + in +
              "\n%to_add = mblm.embed %ids, %residual : tensor<?x?xi32>, " + tensorType({vocab, c.columns}) + " -> " + out +
              "\n%n = mblm.norm rms %in, %first_gain" + eps + in + ", " + tensorType({c.depth}) + " -> " + in +
              "\n%h = mblm.linear %n, %first, %bias : " + in + ", " + first + ", " + tensorType({c.hidden}) + " -> " + middle +
              "\n%a = mblm.activation gelu %h : " + middle +
              "\n%y = mblm.linear %a, %second : " + middle + ", " + second + " -> " + out +
              "\n%r = mblm.add %y, %to_add : " + out +
              "\n%m = mblm.norm rms %r, %second_gain" + eps + out + ", " + tensorType({c.columns}) + " -> " + out +
              "\n%t = mblm.linear %m, %second {transposed} : " + out + ", " + second + " -> " + middle +
              "\n%g = mblm.weight_grad %t, %n : " + middle + ", " + in + " -> " + first +
              "\nmblm.gradient [@first], %g : " + first +
              "\n%all = mblm.concat %a, %m, %t : " + middle + ", " + out + ", " + middle + " -> " + all +
              "\nreturn %all : " + all + "\n";
  test.resultType = all;
  return test;
}

const std::vector<GemmCase> test::gemmCases = {
    {"a_tile", 1, 128, 64, 128, 128},
    {"small", 1, 3, 8, 8, 8},
    {"odd_rows", 3, 67, 72, 136, 40},
    {"deep", 2, 70, 520, 24, 256},
    {"wide_and_whole", 1, 131, 32, 264, 248},
    {"wider_than_a_tile", 1, 40, 16, 200, 328},
    {"rows_of_odd_pieces", 2, 65, 33, 70, 37},
    {"half_odd", 1, 130, 40, 100, 72},
};
