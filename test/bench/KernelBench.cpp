// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/bench/KernelBench.h"

#include "compiler/Pipelines/Phases.h"
#include "compiler/Target/Machine.h"
#include "dialects/Kernel/IR/KernelOps.h"
#include "dialects/Register.h"
#include "runtime/Level.h"
#include "runtime/Support/Error.h"
#include "test/support/Native.h"
#include "tools/commands/Peak.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Parser/Parser.h"

#include <CLI/CLI.hpp>

#include <algorithm>

using namespace mblm;
using namespace mblm::bench;

std::unique_ptr<rt::Program> KernelBench::compile(const std::string &moduleText, rt::ModelInfo info) const {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(moduleText, &context);
  if (!module) {
    throw Error(Exit::Internal, "the benchmark's own module does not parse");
  }
  info.vocab = 1;
  pipelines::toKernelPhase(*module, {});
  test::Native native;
  native.level = options.level;
  native.precision = options.precision;
  native.threads = options.threads;
  native.edit = [&](mlir::ModuleOp module) {
    for (const auto &[name, text] : options.schedules) {
      auto schedule = text.empty() ? mlir::Attribute() : mlir::parseAttribute("#kernel.cpu_schedule<" + text + ">", &context);
      if (!text.empty() && !schedule) {
        throw Error(Exit::Usage, "--" + name + ": expected a schedule such as 'rows = 96, columns = 256', got '" + text + "'");
      }
      module.walk([&, &name = name](mlir::Operation *op) {
        if (schedule && op->getName().stripDialect() == name) {
          op->setAttr(kernel::cpuScheduleName, schedule);
        }
      });
    }
  };
  return test::compileKernels(*module, info, native);
}

std::vector<std::vector<double>> KernelBench::times(rt::Program &program, rt::Entry entry, const rt::Call &call,
                                                    const std::vector<Counts> &counts) const {
  program.run(entry, call);
  std::vector<std::vector<double>> times(counts.size());
  for (double total = 0; times.back().size() < 5 || total < options.seconds; total += times.back().back()) {
    program.startProfile();
    program.run(entry, call);
    std::vector<rt::KernelTime> kernels = program.profile();
    for (size_t n = 0; n < counts.size(); ++n) {
      double spent = 0;
      for (const rt::KernelTime &kernel : kernels) {
        spent += counts[n](kernel.name) ? options.threads == 1 ? kernel.busySeconds : kernel.seconds : 0;
      }
      times[n].push_back(spent);
    }
  }
  for (std::vector<double> &sorted : times) {
    std::sort(sorted.begin(), sorted.end());
  }
  return times;
}

rt::Buffer bench::filled(int64_t floats, int64_t step, float shift) {
  rt::Buffer buffer(floats, "an operand");
  for (int64_t i = 0; i < floats; ++i) {
    buffer.data()[i] = float(i * step % 13) * 0.1f - 0.6f + shift;
  }
  return buffer;
}

int bench::run(int argc, char **argv, const About &about, Options options,
               const std::function<void(const KernelBench &)> &body) {
  CLI::App app(about.description, about.name);
  app.add_option("SHAPES", options.shapes, about.shapes);
  app.add_option("--threads", options.threads, "Threads")->capture_default_str()->check(CLI::Range(1, 1024));
  app.add_option("--seconds", options.seconds, "Time for each entry")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--level", options.level, "A level that this machine runs (default: its best)");
  app.add_option("--precision", options.precision, "f32 (default) or bf16")->check(CLI::IsMember({"f32", "bf16"}));
  for (auto &[name, text] : options.schedules) {
    app.add_option("--" + name, text, "Schedule of this op, such as 'rows = 96, columns = 256' (default: the cost model's)");
  }
  CLI11_PARSE(app, argc, argv);
  try {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    bool narrow = options.precision == "bf16";
    target::Machine machine = options.level.empty() ? target::hostMachine(narrow) : target::machineOfLevel(options.level);
    rt::chooseLevel({machine.level}, "--level");
    double peak = cli::measurePeakFlops(options.threads, narrow ? machine.level : "");
    std::printf("%d thread%s, measured peak %.1f GFLOP/s; ", options.threads, options.threads == 1 ? "" : "s", 1e-9 * peak);
    body(KernelBench(options, context, peak));
    return 0;
  } catch (const Error &error) {
    std::fprintf(stderr, "%s: %s\n", about.name, error.what());
    return int(error.code);
  }
}
