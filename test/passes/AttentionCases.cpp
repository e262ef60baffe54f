// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/passes/AttentionCases.h"

using namespace mblm;
using namespace mblm::test;

static std::string text(int64_t n) { return std::to_string(n); }

// `name`_rows: rows of a table, [sequences, positions, width].
static std::string rowsOf(const std::string &name, const AttentionCase &c, int64_t vocab, int64_t width) {
  std::string table = tensorType({vocab, width}), rows = tensorType({-1, c.positions ? c.positions : -1, width});
  if (!c.positions) {
    return "%" + name + "_rows = mblm.embed %ids, %" + name + " : tensor<?x?xi32>, " + table + " -> " + rows + "\n";
  }
  std::string wide = tensorType({-1, -1, c.positions * width});
  return "%" + name + "_wide = mblm.embed %ids, %" + name + " {bytes = " + text(c.positions) +
         " : i64} : tensor<?x?xi32>, " + table + " -> " + wide + "\n%" + name + "_rows = mblm.regroup %" + name +
         "_wide : " + wide + " -> " + rows + "\n";
}

ModuleCase test::attentionModule(const AttentionCase &c) {
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
