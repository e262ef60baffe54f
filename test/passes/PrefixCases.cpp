// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scans with any combination.
#include "test/passes/RecurrenceCases.h"

using namespace mblm;
using namespace mblm::test;

namespace {

const char *sum = R"(
^bb0(%l: f32, %r: f32):
  %s = arith.addf %l, %r : f32
  mblm.yield %s : f32
)";
const char *sumVjp = R"(
^bb0(%l: f32, %r: f32, %g: f32):
  mblm.yield %g, %g : f32, f32
)";
const char *maximum = R"(
^bb0(%l: f32, %r: f32):
  %s = arith.maximumf %l, %r : f32
  mblm.yield %s : f32
)";
const char *maximumVjp = R"(
^bb0(%l: f32, %r: f32, %g: f32):
  %zero = arith.constant 0.0 : f32
  %left = arith.cmpf oge, %l, %r : f32
  %dl = arith.select %left, %g, %zero : f32
  %dr = arith.select %left, %zero, %g : f32
  mblm.yield %dl, %dr : f32, f32
)";
const char *logSumExp = R"(
^bb0(%l: f32, %r: f32):
  %top = arith.maximumf %l, %r : f32
  %a = arith.subf %l, %top : f32
  %b = arith.subf %r, %top : f32
  %ea = math.exp %a : f32
  %eb = math.exp %b : f32
  %s = arith.addf %ea, %eb : f32
  %log = math.log %s : f32
  %y = arith.addf %top, %log : f32
  mblm.yield %y : f32
)";
const char *logSumExpVjp = R"(
^bb0(%l: f32, %r: f32, %g: f32):
  %one = arith.constant 1.0 : f32
  %d = arith.subf %l, %r : f32
  %e = math.exp %d : f32
  %s = arith.addf %e, %one : f32
  %right = arith.divf %g, %s : f32
  %left = arith.subf %g, %right : f32
  mblm.yield %left, %right : f32, f32
)";
const char *recurrence = R"(
^bb0(%la: f32, %lb: f32, %ra: f32, %rb: f32):
  %a = arith.mulf %la, %ra : f32
  %m = arith.mulf %ra, %lb : f32
  %b = arith.addf %m, %rb : f32
  mblm.yield %a, %b : f32, f32
)";
const char *recurrenceVjp = R"(
^bb0(%la: f32, %lb: f32, %ra: f32, %rb: f32, %ga: f32, %gb: f32):
  %dla = arith.mulf %ra, %ga : f32
  %dlb = arith.mulf %ra, %gb : f32
  %p = arith.mulf %la, %ga : f32
  %q = arith.mulf %lb, %gb : f32
  %dra = arith.addf %p, %q : f32
  mblm.yield %dla, %dlb, %dra, %gb : f32, f32, f32, f32
)";

struct PrefixCase {
  const char *name;
  const char *combine, *vjp;
  int64_t inputs, width, batch, slots, inner;
};

// 64 features are an item, then single vectors.
const PrefixCase cases[] = {{"sum", sum, sumVjp, 1, 5, 2, 33, 1},
                          {"sum_of_one_position", sum, sumVjp, 1, 16, 3, 1, 1},
                          {"sum_of_many_features", sum, sumVjp, 1, 147, 1, 20, 1},
                          {"maximum", maximum, maximumVjp, 1, 64, 2, 50, 1},
                          {"maximum_of_inner_sequences", maximum, maximumVjp, 1, 7, 2, 3, 4},
                          {"log_sum_exp", logSumExp, logSumExpVjp, 1, 70, 1, 65, 1},
                          {"recurrence", recurrence, recurrenceVjp, 2, 130, 2, 40, 1},
                          {"recurrence_of_few_features", recurrence, recurrenceVjp, 2, 3, 2, 100, 1}};

ModuleCase moduleOf(const PrefixCase &c) {
  int64_t vocab = 83, width = c.width;
  ModuleCase test;
  test.vocab = vocab;
  test.inner = c.inner;
  test.batch = c.batch;
  test.slots = c.slots;
  std::string table = tensorType({vocab, width}), flat = tensorType({-1, -1, width});
  std::string rows = tensorType({-1, c.inner > 1 ? c.inner : -1, width});
  auto numbered = [&](const std::string &prefix, const std::string &suffix) {
    std::string text;
    for (int64_t n = 0; n < c.inputs; ++n) {
      text += (n ? ", %" : "%") + prefix + std::to_string(n) + suffix;
    }
    return text;
  };
  for (const char *kind : {"x", "g"}) {
    for (int64_t n = 0; n < c.inputs; ++n) {
      std::string name = kind + std::to_string(n);
      test.parameters.push_back({name, {vocab, width}, 0, 0.9});
      test.body += "%" + name + "_flat = mblm.embed %ids, %" + name + " : tensor<?x?xi32>, " + table + " -> " + flat +
                   "\n%" + name + "_rows = mblm.regroup %" + name + "_flat : " + flat + " -> " + rows + "\n";
    }
  }
  std::string types = c.inputs == 1 ? rows : rows + ", " + rows, count = ":" + std::to_string(c.inputs);
  test.body += "%y" + count + " = mblm.scan(" + numbered("x", "_rows") + ") : (" + types + ") -> (" + types + ") {" + c.combine +
               "}\n";
  std::string states;
  for (int64_t n = 0; n < c.inputs; ++n) {
    states += (n ? ", %y#" : "%y#") + std::to_string(n);
    test.columns.push_back({"result " + std::to_string(n), width});
  }
  test.body += "%d" + count + " = mblm.scan_grad(" + numbered("g", "_rows") + ") states(" + states + ") inputs(" +
               numbered("x", "_rows") + ") : (" + types + ", " + types + ", " + types + ") -> (" + types + ") {" + c.vjp + "}\n";
  std::string grads;
  for (int64_t n = 0; n < c.inputs; ++n) {
    grads += ", %d#" + std::to_string(n);
    test.columns.push_back({"gradient " + std::to_string(n), width});
  }
  test.resultType = tensorType({-1, c.inner > 1 ? c.inner : -1, 2 * c.inputs * width});
  test.body += "%all = mblm.concat " + states + grads + " : " + types + ", " + types + " -> " + test.resultType +
               "\nreturn %all : " + test.resultType;
  return test;
}

} // namespace

std::vector<RecurrenceCase> test::prefixCases() {
  std::vector<RecurrenceCase> all;
  for (const PrefixCase &c : cases) {
    all.push_back({std::string("prefix_") + c.name, moduleOf(c), 1e-5});
  }
  return all;
}
