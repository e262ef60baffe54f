// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recurrences that go on from a state: two calls' positions in one body, the second of which begins where the first one ended,
// or again at zero where the position is.
#include "test/passes/RecurrenceCases.h"

using namespace mblm;
using namespace mblm::test;

namespace {

struct ScanStepCase {
  const char *name;
  int64_t batch, positions, position, channels, states;
  bool gated = true;
};

const ScanStepCase scanSteps[] = {
    {"one_position", 3, 1, 5, 40, 16},
    {"at_the_beginning", 2, 1, 0, 33, 7, false},
    {"a_piece", 2, 4, 8, 9, 16},
    {"many_states", 1, 3, 2, 35, 70, false},
    {"more_states_than_warps", 1, 2, 2, 5, 270},
};

struct SsdStepCase {
  const char *name;
  int64_t batch, positions, position, heads, width, groups, states;
  bool skipPerFeature = false;
  const char *limits = "";
};

const SsdStepCase ssdSteps[] = {
    {"one_position", 3, 1, 5, 4, 16, 1, 64},
    {"at_the_beginning", 2, 1, 0, 2, 8, 2, 16},
    {"a_piece", 2, 5, 8, 6, 7, 3, 9, true},
    {"limits", 2, 3, 4, 5, 8, 1, 128, false, ", dt_min = 3.0e-1 : f64, dt_max = 7.0e-1 : f64"},
};

// Rows of tables, and the result of both calls side by side.
struct StepModule {
  StepModule(int64_t batch, int64_t positions, int64_t position) {
    test.vocab = 61;
    test.isStep = true;
    test.batch = batch;
    test.inner = positions;
    test.position = position;
  }
  std::string rows(int64_t width) { return tensorType({-1, test.inner, width}); }
  void rowsOf(const std::string &name, int64_t width, double middle) {
    std::string table = tensorType({test.vocab, width});
    test.parameters.push_back({name, {test.vocab, width}, middle, 1});
    test.body += "%" + name + "_rows = mblm.embed %ids, %" + name + " : tensor<?x" + std::to_string(test.inner) + "xi32>, " + table +
                 " -> " + rows(width) + "\n";
  }
  // `step(n)` is what call n computes from the state.
  void finish(int64_t states, int64_t features, const std::function<std::string(const std::string &n)> &step) {
    std::string state = tensorType({-1, states, features}), y = rows(features);
    test.states = "mblm.state @h at [0, 0, 0, 0] : " + state + "\n";
    test.body += "%state = mblm.get_state @h : " + state + "\n%y0 = " + step("0") + "%y1 = " + step("1") +
                 "%all = mblm.concat %y0, %y1 : " + y + ", " + y + " -> " + rows(2 * features) + "\nreturn %all : " + rows(2 * features) + "\n";
    test.columns = {{"first result", features}, {"second result", features}};
    test.resultType = rows(2 * features);
  }
  ModuleCase test;
};

ModuleCase moduleOf(const ScanStepCase &c) {
  int64_t e = c.channels, n = c.states;
  StepModule m(c.batch, c.positions, c.position);
  for (const char *call : {"0", "1"}) {
    m.rowsOf(std::string("x") + call, e, 0);
    m.rowsOf(std::string("d") + call, e, -0.3);
    m.rowsOf(std::string("z") + call, e, 0);
    m.rowsOf(std::string("b") + call, n, 0);
    m.rowsOf(std::string("c") + call, n, 0);
  }
  m.test.parameters.push_back({"a_log", {e, n}, 0.3, 1});
  m.test.parameters.push_back({"skip", {e}, 0.5, 1});
  m.finish(n, e, [&](const std::string &call) {
    std::string gate = c.gated ? " gate %z" + call + "_rows" : "", gateType = c.gated ? ", " + m.rows(e) : "";
    return "mblm.selective_scan_step %state, %x" + call + "_rows, %d" + call + "_rows a %a_log b %b" + call + "_rows c %c" + call +
           "_rows skip %skip" + gate + " : " + tensorType({-1, n, e}) + ", " + m.rows(e) + ", " + tensorType({e, n}) + ", " +
           m.rows(n) + ", " + tensorType({e}) + gateType + "\n";
  });
  return m.test;
}

ModuleCase moduleOf(const SsdStepCase &c) {
  int64_t features = c.heads * c.width, columns = c.groups * c.states, skip = c.skipPerFeature ? features : c.heads;
  StepModule m(c.batch, c.positions, c.position);
  for (const char *call : {"0", "1"}) {
    m.rowsOf(std::string("x") + call, features, 0);
    m.rowsOf(std::string("d") + call, c.heads, -0.3);
    m.rowsOf(std::string("b") + call, columns, 0);
    m.rowsOf(std::string("c") + call, columns, 0);
  }
  m.test.parameters.push_back({"a_log", {c.heads}, 0.3, 1});
  m.test.parameters.push_back({"dt_bias", {c.heads}, 0, 0.5});
  m.test.parameters.push_back({"skip", {skip}, 0.5, 1});
  m.finish(c.states, features, [&](const std::string &call) {
    return "mblm.ssd_step %state, %x" + call + "_rows, %d" + call + "_rows bias %dt_bias a %a_log b %b" + call + "_rows c %c" + call +
           "_rows skip %skip {groups = " + std::to_string(c.groups) + " : i64" + c.limits + "} : " + tensorType({-1, c.states, features}) +
           ", " + m.rows(features) + ", " + m.rows(c.heads) + ", " + tensorType({c.heads}) + ", " + m.rows(columns) + ", " +
           tensorType({skip}) + "\n";
  });
  return m.test;
}

} // namespace

std::vector<RecurrenceCase> test::stepCases() {
  std::vector<RecurrenceCase> all;
  for (const ScanStepCase &c : scanSteps) {
    all.push_back({std::string("scan_step_") + c.name, moduleOf(c), 1e-5});
  }
  for (const SsdStepCase &c : ssdSteps) {
    all.push_back({std::string("ssd_step_") + c.name, moduleOf(c), 1e-5});
  }
  return all;
}
