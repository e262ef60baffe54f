// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `bench`: how fast one entry of a compiled model runs, against the peak that this machine's cores were measured to
// have.
#include "compiler/Driver/Compile.h"
#include "compiler/Driver/Costs.h"
#include "tools/commands/Peak.h"
#include "tools/commands/Timing.h"
#include "tools/mblm/Model.h"

#include "llvm/Support/FormatVariadic.h"

#include <memory>

namespace mblm::cli {

using nlohmann::json;

namespace {

// What the steps of one outermost slot take together: flops, and bytes of weights.
driver::Cost costOfSlot(mlir::ModuleOp module, const rt::ModelInfo &info, int64_t batch, int64_t slots) {
  driver::Cost sum;
  auto add = [&](rt::Entry entry, size_t stage, double times) {
    std::string name = rt::entryName(entry, int64_t(stage));
    sum.flops += times * driver::costOf(module, name, batch, slots).flops;
    sum.bytes += times * driver::weightBytesOf(module, name);
  };
  if (info.patched) {
    add(rt::Entry::Step, 0, 1 / driver::usualPatch);
    add(rt::Entry::Step, 1, 1);
    add(rt::Entry::Step, 2, 1);
    return sum;
  }
  double sequences = 1; // of the stage, in one outermost slot
  for (size_t i = 0; i < info.stageLengths.size(); ++i) {
    bool local = i + 1 == info.stageLengths.size();
    double length = double(info.stageLengths[i]);
    add(rt::Entry::Step, i, i == 0 ? 1 : sequences * (local ? length : length - 1));
    if (i > 0) {
      add(rt::Entry::Begin, i, sequences);
      sequences *= length;
    }
  }
  return sum;
}

std::string fourDigits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

void benchModel(SpecArgument &source, const BenchOptions &options, const Common &common) {
  std::optional<Timed> timed = timeModel(source, options, common);
  if (!timed) {
    return;
  }
  const Work &work = *timed->work;
  json &report = timed->report;
  driver::Options compiled = source.options(common);
  compiled.stepWeights = timed->model->getProgram().quantizes() ? "int8" : "f32"; // an artifact was asked for neither
  driver::OwnedModule owned = driver::modelModule(source.model().spec, compiled);
  bool steps = options.entry == "step" || options.entry == "decode";
  driver::Cost cost = steps ? costOfSlot(*owned.module, timed->model->info(), work.batch, work.slots())
                            : driver::costOf(*owned.module, work.costedFunction(), work.batch, work.slots(), work.patches());
  if (options.entry == "decode") {
    cost.flops /= double(timed->model->info().inner);
    cost.bytes /= double(timed->model->info().inner);
  }
  std::string level = compiled.nativePrecision() == "bf16" ? timed->model->getProgram().level() : "";
  double median = report["median_s"], peak = measurePeakFlops(timed->threads, level);
  report["flops"] = cost.flops;
  report["flops_per_second"] = cost.flops / median;
  report["peak_flops_per_second"] = peak;
  report["share_of_peak"] = cost.flops / median / peak;
  std::vector<std::string> lines = {
      llvm::formatv("{0} GFLOP at {1:f1} GFLOP/s, {2:f1}% of the {3:f1} that multiply-adds on registers reach",
                    fourDigits(1e-9 * cost.flops), 1e-9 * cost.flops / median, 100 * cost.flops / median / peak,
                    1e-9 * peak)};
  if (steps) {
    double memory = measureReadBandwidth(timed->threads);
    report["step_weights"] = compiled.stepWeights;
    report["weight_bytes"] = cost.bytes;
    report["weight_bytes_per_second"] = cost.bytes / median;
    report["memory_bytes_per_second"] = memory;
    lines.push_back(llvm::formatv("{5} reads {0} MB of {6} weights at {1:f2} GB/s, {2:f1}% of the {3:f2} that this machine "
                                  "reads; the context took {4:f2} s",
                                  fourDigits(1e-6 * cost.bytes), 1e-9 * cost.bytes / median,
                                  100 * cost.bytes / median / memory, 1e-9 * memory, work.prefillSeconds,
                                  options.entry == "step" ? "an outermost slot" : "a byte", compiled.stepWeights));
  }
  if (common.json) {
    std::printf("%s\n", report.dump().c_str());
  } else {
    printTiming(*timed, lines);
  }
}

} // namespace

void addBench(CommandLine &line, SpecArgument &source) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App &command = line.add("bench", "Times a training step or a forward pass",
                               "models/bench-mblm-2d-tt.json --entry train --batch 4 --threads 2",
                               [&line, &source, options] { benchModel(source, *options, line.common); });
  source.addOptions(command);
  source.addStepOptions(command);
  addBenchOptions(command, *options);
}

} // namespace mblm::cli
