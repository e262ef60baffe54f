// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mamba-1's recurrence: every relation of the length to chunks and tiles, channels and states that fill none.
#include "test/passes/RecurrenceCases.h"

using namespace mblm;
using namespace mblm::test;

namespace {

struct SelectiveScanCase {
  const char *name;
  int64_t batch, slots, inner; // B sequences of M positions; with inner > 1 B*M sequences of inner positions
  int64_t channels, states;
  bool gated = true;
};

const SelectiveScanCase cases[] = {
    {"one_position", 2, 1, 1, 5, 16},
    {"part_of_a_chunk", 2, 5, 1, 9, 4, false},
    {"some_chunks", 1, 101, 1, 8, 16},
    {"tiles", 1, 530, 1, 7, 3},
    {"tiles_of_two_sequences", 2, 260, 1, 3, 2, false},
    {"many_channels", 1, 20, 1, 150, 5},
    {"many_states", 1, 40, 1, 6, 37},
    {"many_states_of_many_channels", 1, 9, 1, 70, 33},
    {"inner_sequences_with_many_states", 1, 3, 8, 20, 128},
    {"more_channels_than_parts", 1, 3, 1, 1100, 1},
    {"one_inner_position", 2, 3, 1, 12, 6},
    {"two_inner_positions", 2, 3, 2, 12, 6},
    {"inner_sequences", 3, 11, 8, 70, 16},
    {"inner_sequences_of_five", 2, 9, 5, 33, 9, false},
    {"inner_sequences_of_two_chunks", 2, 2, 16, 40, 8},
    {"inner_sequences_of_many_chunks", 1, 2, 136, 9, 16},
    {"inner_sequences_of_a_tile", 1, 2, 256, 9, 4},
    {"inner_tiles", 1, 2, 300, 9, 4},
};

ModuleCase moduleOf(const SelectiveScanCase &c) {
  int64_t vocab = 97, e = c.channels, n = c.states, first = 2 * e, second = e + 2 * n;
  ModuleCase test;
  test.vocab = vocab;
  test.inner = c.inner;
  test.batch = c.batch;
  test.slots = c.slots;
  test.parameters = {{"xz", {vocab, first}, 0, 1}, {"dbc", {vocab, second}, -0.3, 1}, {"grads", {vocab, e}, 0, 1},
                     {"a_log", {e, n}, 0.3, 1},    {"skip", {e}, 0.5, 1}};
  auto rows = [&](int64_t width) { return tensorType({-1, c.inner > 1 ? c.inner : -1, width}); };
  auto flat = [&](int64_t width) { return tensorType({-1, -1, width}); };
  std::string &body = test.body;
  auto embed = [&](const std::string &name, int64_t width) {
    body += "%" + name + "_flat = mblm.embed %ids, %" + name + " : tensor<?x?xi32>, " + tensorType({vocab, width}) + " -> " +
            flat(width) + "\n%" + name + "_rows = mblm.regroup %" + name + "_flat : " + flat(width) + " -> " + rows(width) + "\n";
  };
  embed("xz", first);
  embed("dbc", second);
  embed("grads", e);
  body += "%x, %z = mblm.split %xz_rows : " + rows(first) + " -> " + rows(e) + ", " + rows(e) + "\n";
  body += "%d, %b, %c = mblm.split %dbc_rows : " + rows(second) + " -> " + rows(e) + ", " + rows(n) + ", " + rows(n) + "\n";
  std::string gate = c.gated ? " gate %z" : "", gateType = c.gated ? ", " + rows(e) : "";
  std::string operands = "%x, %d a %a_log b %b c %c skip %skip" + gate + " : ";
  std::string types = rows(e) + ", " + tensorType({e, n}) + ", " + rows(n) + ", " + tensorType({e}) + gateType;
  body += "%y = mblm.selective_scan " + operands + types + "\n";
  body += "%g:" + std::string(c.gated ? "7" : "6") + " = mblm.selective_scan_grad %grads_rows, " + operands + types +
          (c.gated ? " -> " + rows(e) : "") + "\n";
  body += "mblm.gradient [@a_log], %g#2 : " + tensorType({e, n}) + "\nmblm.gradient [@skip], %g#5 : " + tensorType({e}) + "\n";
  test.columns = {{"result", e}, {"gradient of x", e}, {"gradient of delta", e}, {"gradient of b", n}, {"gradient of c", n}};
  std::string all = "%y, %g#0, %g#1, %g#3, %g#4", allTypes = rows(e) + ", " + rows(e) + ", " + rows(e) + ", " + rows(n) + ", " + rows(n);
  if (c.gated) {
    test.columns.push_back({"gradient of the gate", e});
    all += ", %g#6";
    allTypes += ", " + rows(e);
  }
  test.resultType = rows((c.gated ? 4 : 3) * e + 2 * n);
  body += "%all = mblm.concat " + all + " : " + allTypes + " -> " + test.resultType + "\nreturn %all : " + test.resultType + "\n";
  return test;
}

} // namespace

std::vector<RecurrenceCase> test::selectiveScanCases() {
  std::vector<RecurrenceCase> all;
  for (const SelectiveScanCase &c : cases) {
    all.push_back({std::string("selective_scan_") + c.name, moduleOf(c), 1e-5});
  }
  return all;
}

std::vector<RecurrenceCase> test::recurrenceCases() {
  std::vector<RecurrenceCase> all = prefixCases();
  for (const std::vector<RecurrenceCase> &more : {selectiveScanCases(), ssdCases(), stepCases()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}
