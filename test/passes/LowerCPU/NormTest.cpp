// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Norms over groups of features, and their gradients, as native code against the formulas.
#include "test/passes/AgainstInterpreter.h"

#include <gtest/gtest.h>

using namespace mblm;
using namespace mblm::test;

namespace {

struct NormCase {
  const char *name;
  const char *kind;
  int64_t width, groups, slots;
};

const NormCase cases[] = {{"rms_in_two", "rms", 34, 2, 50},       {"rms_in_eight", "rms", 64, 8, 7},
                          {"rms_a_feature", "rms", 6, 6, 3},      {"clamped_in_three", "rms_clamp", 27, 3, 60},
                          {"layer_in_four", "layer", 44, 4, 120}, {"layer_whole", "layer", 20, 1, 5}};

class GroupedNorm : public testing::TestWithParam<NormCase> {};

TEST_P(GroupedNorm, AgreesWithTheFormulas) {
  const NormCase &c = GetParam();
  bool layer = std::string(c.kind) == "layer";
  int64_t vocab = 61;
  ModuleCase test;
  test.vocab = vocab;
  test.batch = 2;
  test.slots = c.slots;
  test.parameters = {{"x", {vocab, c.width}, 0.2, 1}, {"grads", {vocab, c.width}, 0, 1}, {"gain", {c.width}, 1, 0.5}};
  if (layer) {
    test.parameters.push_back({"bias", {c.width}, 0, 0.5});
  }
  test.columns = {{"result", c.width}, {"gradient of x", c.width}};
  std::string rows = tensorType({-1, -1, c.width}), table = tensorType({vocab, c.width}), gain = tensorType({c.width});
  std::string &body = test.body;
  for (const char *name : {"x", "grads"}) {
    body += "%" + std::string(name) + "_rows = mblm.embed %ids, %" + name + " : tensor<?x?xi32>, " + table + " -> " + rows + "\n";
  }
  std::string attributes = " {eps = 1.0e-1 : f64, groups = " + std::to_string(c.groups) + " : i64} : ";
  body += "%y = mblm.norm " + std::string(c.kind) + " %x_rows, %gain" + (layer ? ", %bias" : "") + attributes + rows + ", " +
          gain + (layer ? ", " + gain : "") + " -> " + rows + "\n";
  body += "%dx, %dgain" + std::string(layer ? ", %dbias" : "") + " = mblm.norm_grad " + c.kind + " %grads_rows, %x_rows, %gain" +
          attributes + rows + ", " + rows + ", " + gain + " -> " + rows + ", " + gain + (layer ? ", " + gain : "") + "\n";
  body += "mblm.gradient [@gain], %dgain : " + gain + "\n";
  if (layer) {
    body += "mblm.gradient [@bias], %dbias : " + gain + "\n";
  }
  test.resultType = tensorType({-1, -1, 2 * c.width});
  body += "%all = mblm.concat %y, %dx : " + rows + ", " + rows + " -> " + test.resultType + "\nreturn %all : " + test.resultType;
  expectAgreement(test, 3, 1e-5);
  expectSimulatedAgreement(test, 3, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Cases, GroupedNorm, testing::ValuesIn(cases), [](const auto &info) { return info.param.name; });

} // namespace
