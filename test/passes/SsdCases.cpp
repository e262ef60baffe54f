// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mamba-2's recurrence: shapes that fill no vector, every
// relation of the length to the chunk, heads that share groups.
#include "test/passes/RecurrenceCases.h"

using namespace mblm;
using namespace mblm::test;

namespace {

struct SsdCase {
  const char *name;
  int64_t batch, slots, inner; // B sequences of M positions; with inner > 1 B*M sequences of inner positions
  int64_t heads, width, groups, states, chunk;
  bool skipPerFeature = false;
  const char *limits = "";
};

const SsdCase cases[] = {
    {"one_position", 2, 1, 1, 2, 8, 1, 8, 64},
    {"shorter_than_a_chunk", 2, 7, 1, 2, 16, 1, 16, 64},
    {"two_chunks_and_some", 1, 101, 1, 1, 16, 1, 16, 48},
    {"odd_width_and_states", 2, 61, 1, 3, 5, 1, 7, 16},
    {"wider_than_a_panel", 1, 50, 1, 2, 37, 2, 41, 16},
    {"chunk_of_one", 1, 30, 1, 2, 8, 2, 3, 1},
    {"chunk_of_three", 1, 30, 1, 2, 8, 1, 3, 3},
    {"chunk_of_256", 1, 300, 1, 2, 8, 1, 16, 256},
    {"group_in_parts", 2, 53, 1, 10, 6, 2, 9, 32},
    {"many_heads", 1, 49, 1, 9, 4, 1, 20, 64},
    {"a_group_a_head", 1, 40, 1, 4, 12, 4, 10, 24},
    {"skip_per_feature", 2, 37, 1, 3, 9, 3, 8, 12, true},
    {"limits", 2, 60, 1, 4, 8, 1, 8, 32, false, ", dt_min = 3.0e-1 : f64, dt_max = 7.0e-1 : f64"},
    {"inner_sequences", 2, 3, 5, 2, 8, 1, 6, 64},
    {"inner_sequences_in_chunks", 1, 2, 100, 3, 8, 1, 16, 64, true},
    {"full_size", 1, 130, 1, 5, 64, 1, 64, 256},
};

ModuleCase moduleOf(const SsdCase &c) {
  int64_t features = c.heads * c.width, perGroup = c.groups * c.states, vocab = 97, z = 3;
  int64_t together = features + 2 * perGroup, skip = c.skipPerFeature ? features : c.heads;
  ModuleCase test;
  test.vocab = vocab;
  test.inner = c.inner;
  test.batch = c.batch;
  test.slots = c.slots;
  test.parameters = {{"xbc", {vocab, together}, 0, 1},       {"zdt", {vocab, z + c.heads}, -0.7, 1.5},
                     {"grads", {vocab, features}, 0, 1},     {"a_log", {c.heads}, 0.3, 1.2},
                     {"skip", {skip}, 0.5, 1},               {"dt_bias", {c.heads}, 0, 0.5}};
  test.columns = {{"result", features}, {"gradient of x", features}, {"gradient of dt", c.heads}, {"gradient of b", perGroup},
                  {"gradient of c", perGroup}};
  auto rows = [&](int64_t width) { return tensorType({-1, c.inner > 1 ? c.inner : -1, width}); };
  auto flat = [&](int64_t width) { return tensorType({-1, -1, width}); };
  std::string &body = test.body;
  auto embed = [&](const std::string &name, int64_t width) {
    std::string table = tensorType({vocab, width});
    body += "%" + name + "_flat = mblm.embed %ids, %" + name + " : tensor<?x?xi32>, " + table + " -> " + flat(width) + "\n";
    body += "%" + name + "_rows = mblm.regroup %" + name + "_flat : " + flat(width) + " -> " + rows(width) + "\n";
  };
  embed("xbc", together);
  embed("zdt", z + c.heads);
  embed("grads", features);
  body += "%x, %b, %c = mblm.split %xbc_rows : " + rows(together) + " -> " + rows(features) + ", " + rows(perGroup) + ", " +
          rows(perGroup) + "\n";
  body += "%z, %dt = mblm.split %zdt_rows : " + rows(z + c.heads) + " -> " + rows(z) + ", " + rows(c.heads) + "\n";
  std::string operands = "%x, %dt bias %dt_bias a %a_log b %b c %c skip %skip {groups = " + std::to_string(c.groups) +
                         " : i64, chunk = " + std::to_string(c.chunk) + " : i64" + c.limits + "} : ";
  std::string types = rows(features) + ", " + rows(c.heads) + ", " + tensorType({c.heads}) + ", " + rows(perGroup) + ", " +
                      tensorType({skip});
  body += "%y = mblm.ssd " + operands + types + "\n";
  body += "%dx, %ddt, %da, %db, %dc, %dskip, %dbias = mblm.ssd_grad %grads_rows, " + operands + types + "\n";
  body += "mblm.gradient [@a_log], %da : " + tensorType({c.heads}) + "\nmblm.gradient [@skip], %dskip : " +
          tensorType({skip}) + "\nmblm.gradient [@dt_bias], %dbias : " + tensorType({c.heads}) + "\n";
  int64_t all = 2 * features + c.heads + 2 * perGroup;
  body += "%all = mblm.concat %y, %dx, %ddt, %db, %dc : " + rows(features) + ", " + rows(features) + ", " + rows(c.heads) +
          ", " + rows(perGroup) + ", " + rows(perGroup) + " -> " + rows(all) + "\n";
  body += "return %all : " + rows(all) + "\n";
  test.resultType = rows(all);
  return test;
}

} // namespace

std::vector<RecurrenceCase> test::ssdCases() {
  std::vector<RecurrenceCase> all;
  for (const SsdCase &c : cases) {
    all.push_back({std::string("ssd_") + c.name, moduleOf(c), 2e-5});
  }
  return all;
}
