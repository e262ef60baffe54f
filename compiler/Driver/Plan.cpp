// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A plan is judged by compiling the step as far as its memory is laid out: sizes are known then, and nothing is allocated.
#include "compiler/Driver/Plan.h"

#include "compiler/Driver/Explain.h"
#include "compiler/Frontend/Frontend.h"
#include "compiler/Frontend/ModelInfo.h"
#include "runtime/Support/Error.h"
#include "runtime/ThreadPool.h"

#include <algorithm>
#include <numeric>
#include <optional>

using namespace mblm;
using namespace mblm::driver;

std::string driver::describe(const Plan &plan) {
  std::vector<std::string> again;
  if (plan.recomputeHidden) {
    again.push_back("linear maps before activations");
  }
  if (!plan.recomputeStages.empty()) {
    again.push_back(plan.recomputeStages.size() == 1 ? "layers of stage " : "layers of stages ");
    for (size_t n = 0; n < plan.recomputeStages.size(); ++n) {
      again.back() += (n == 0 ? "" : ", ") + std::to_string(plan.recomputeStages[n]);
    }
  }
  if (plan.pieces) {
    again.push_back("stages behind the first (piece by piece)");
  }
  std::string text;
  for (size_t n = 0; n < again.size(); ++n) {
    text += (n == 0 ? "" : n + 1 == again.size() ? " and " : ", ") + again[n];
  }
  return text.empty() ? "everything kept" : text + " computed again";
}

// The stage whose layers hold the most values for one outermost slot.
static int64_t widestStage(const spec::Spec &spec) {
  auto values = [&](size_t stage) {
    double rows = double(spec.bytesPerSlot(0)) / double(spec.bytesPerSlot(stage));
    return rows * double(spec.stages[stage].dim) * double(spec.stages[stage].layers.size());
  };
  size_t widest = 0;
  for (size_t stage = 1; stage < spec.stages.size(); ++stage) {
    widest = values(stage) > values(widest) ? stage : widest;
  }
  return int64_t(widest);
}

std::vector<Plan> driver::candidatePlans(const spec::Spec &spec) {
  std::vector<int64_t> all(spec.stages.size());
  std::iota(all.begin(), all.end(), 0);
  std::vector<Plan> plans{{}, {{}, false, true}, {{widestStage(spec)}, false, true}};
  if (all.size() > 1) {
    plans.push_back({all, false, true});
  }
  if (canRunByPieces(spec)) {
    plans.push_back({{}, true, true});
    plans.push_back({{0}, true, true});
  }
  return plans;
}

PlannedMemory driver::planTraining(const NamedModel &model, const Options &options, int64_t batch, int64_t slots,
                                   int64_t limit) {
  int threads = options.target != Target::Cpu ? 0 : options.threads > 0 ? options.threads : rt::availableThreads();
  std::string step = "a training step of " + model.spec.name + " with batch " + std::to_string(batch) + " and " +
                     std::to_string(slots) + " slots";
  std::optional<PlannedMemory> thriftiest;
  for (const Plan &plan : candidatePlans(model.spec)) {
    Options tried = options;
    tried.plan = plan;
    if (tried.planOfTarget().recomputeHidden != plan.recomputeHidden) {
      continue; // the plan behind it
    }
    tried.entries = {"train_step"};
    tried.remarks = nullptr;
    PlannedMemory planned;
    planned.plan = plan;
    planned.sizes = explain(model, tried, batch, slots).entries.at("train_step");
    planned.buffers = rt::trainingBufferBytes(makeModelInfo(model.spec));
    planned.shape = {batch, slots, 1, makeModelInfo(model.spec).plannedPatches(slots)};
    planned.shape.piece = rt::largestPiece(planned.sizes, planned.shape, threads, limit - planned.buffers, step);
    planned.workspace = planned.sizes.chargedBytes(planned.shape, threads, step);
    if (planned.peak() <= limit) {
      return planned;
    }
    if (!thriftiest || planned.peak() < thriftiest->peak()) {
      thriftiest = planned;
    }
  }
  throw Error(Exit::Resource, step + " needs at least " + std::to_string(thriftiest->peak()) + " bytes (" +
                                  describe(thriftiest->plan) + "), but the limit is " + std::to_string(limit) +
                                  " bytes (--max-memory); a smaller batch or length would fit");
}
