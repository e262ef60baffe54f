// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How close Mamba-2's recurrence and its gradients come to the peak that multiply-adds on registers reach in the same
// process. Each shape is a module of its own that goes the compiler's whole way.
#include "compiler/Pipelines/Phases.h"
#include "compiler/Target/Code.h"
#include "compiler/Target/Link.h"
#include "compiler/Target/Metadata.h"
#include "dialects/Register.h"
#include "runtime/Artifact.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Memory.h"
#include "tools/commands/Peak.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <unistd.h>

using namespace mblm;

namespace {

struct Shape {
  int64_t batch = 0, length = 0, heads = 0, width = 0, states = 0, groups = 1;

  int64_t features() const { return heads * width; }
  int64_t perGroup() const { return groups * states; }
  int64_t together() const { return features() + 2 * perGroup(); }
  // Multiply-adds count two. Within chunks of 48 positions half of the pairs count; scores belong to groups.
  double flops(double chunkWidths, double states2) const {
    double shared = double(states * groups) / double(heads);
    return 2.0 * double(batch * length * heads) * (24.5 * (chunkWidths + shared) + states2 * double(states * width));
  }
  double forward() const { return flops(double(width), 2); }
  double backward() const { return flops(double(2 * width + 2 * states), 5); }
};

const std::vector<std::string> defaultShapes = {"4x2048x8x64x64", "4x2048x8x64x128", "4x2048x32x16x16"};

Shape parseShape(const std::string &text) {
  Shape s;
  char rest;
  int read = std::sscanf(text.c_str(), "%ldx%ldx%ldx%ldx%ldx%ld%c", &s.batch, &s.length, &s.heads, &s.width, &s.states,
                         &s.groups, &rest);
  if (read < 5 || read > 6 || std::min({s.batch, s.length, s.heads, s.width, s.states, s.groups}) < 1 || s.heads % s.groups) {
    throw Error(Exit::Usage, "shape '" + text + "': expected BATCHxLENGTHxHEADSxWIDTHxSTATES[xGROUPS], such as 4x2048x8x64x128");
  }
  return s;
}

// Entries take their first two arguments from the runtime's ids and mask: here these are the rows and the steps. The
// results' gradient is the input once more.
std::string moduleText(const Shape &s) {
  auto rows = [&](int64_t width) { return llvm::formatv("tensor<{0}x{1}x{2}xf32>", s.batch, s.length, width).str(); };
  std::string x = rows(s.features()), dt = rows(s.heads), b = rows(s.perGroup()), h = llvm::formatv("tensor<{0}xf32>", s.heads);
  std::string types = x + ", " + dt + ", " + h + ", " + b + ", " + h;
  return llvm::formatv(R"(
module attributes {{mblm.inner = 1 : i64, mblm.name = "ssd"} {{
  mblm.parameter @a at 0 : {3}
  func.func @forward(%xbc: {0}, %dt: {2}) -> {1} {{
    %h = mblm.load [@a] : {3}
    %x, %b, %c = mblm.split %xbc : {0} -> {1}, {4}, {4}
    %y = mblm.ssd %x, %dt bias %h a %h b %b c %c skip %h {{groups = {5} : i64, chunk = 256 : i64} : {6}
    return %y : {1}
  }
  func.func @gradients(%xbc: {0}, %dt: {2}) -> {0} {{
    %h = mblm.load [@a] : {3}
    %x, %b, %c = mblm.split %xbc : {0} -> {1}, {4}, {4}
    %dx, %ddt, %da, %db, %dc, %dskip, %dbias = mblm.ssd_grad %x, %x, %dt bias %h a %h b %b c %c skip %h
      {{groups = {5} : i64, chunk = 256 : i64} : {6}
    mblm.gradient [@a], %da : {3}
    %all = mblm.concat %dx, %db, %dc : {1}, {4}, {4} -> {0}
    return %all : {0}
  }
})",
                       rows(s.together()), x, dt, h, b, s.groups, types);
}

std::unique_ptr<rt::Program> compile(const Shape &shape, mlir::MLIRContext &context, const std::string &level, int threads) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(moduleText(shape), &context);
  if (!module) {
    throw Error(Exit::Internal, "the benchmark's own module does not parse");
  }
  rt::ModelInfo info;
  info.name = "ssd";
  info.vocab = 1;
  info.parameterElements = shape.heads;
  info.parameters.push_back({"a", {shape.heads}, 0, "zeros", 0});
  target::Machine machine = level.empty() ? target::hostMachine() : target::machineOfLevel(level);
  pipelines::toKernelPhase(*module, {});
  pipelines::toLoopsPhase(*module, machine.level);
  std::string metadata = target::metadataText(info, *module, machine);
  pipelines::toLLVMPhase(*module);
  std::string path = std::filesystem::temp_directory_path() / ("mblm-ssd-" + std::to_string(getpid()) + ".so");
  target::linkArtifact(target::generateCode(*module, machine, metadata, target::CodeFormat::Object, 1), path);
  std::unique_ptr<rt::Program> program = rt::loadArtifact(path, threads);
  std::filesystem::remove(path);
  return program;
}

// Sorted times of the recurrence's kernel in calls that take about `seconds` in all. One thread's is CPU time, which no
// other program disturbs.
std::vector<double> timeEntry(rt::Program &program, rt::Entry entry, const rt::Call &call, int threads, double seconds) {
  program.run(entry, call);
  std::vector<double> times;
  for (double total = 0; times.size() < 5 || total < seconds; total += times.back()) {
    program.startProfile();
    program.run(entry, call);
    double spent = 0;
    for (const rt::KernelTime &kernel : program.profile()) {
      spent += kernel.name.find("ssd") == std::string::npos ? 0 : threads == 1 ? kernel.busySeconds : kernel.seconds;
    }
    times.push_back(spent);
  }
  std::sort(times.begin(), times.end());
  return times;
}

void measure(const Shape &shape, mlir::MLIRContext &context, const std::string &level, int threads, double seconds, double peak) {
  std::unique_ptr<rt::Program> program = compile(shape, context, level, threads);
  int64_t positions = shape.batch * shape.length;
  auto filled = [](int64_t floats, float shift) {
    rt::Buffer buffer(floats, "an operand");
    for (int64_t i = 0; i < floats; ++i) {
      buffer.data()[i] = float(i * 7 % 13) * 0.1f - 0.6f + shift;
    }
    return buffer;
  };
  rt::Buffer rows = filled(positions * shape.together(), 0), dt = filled(positions * shape.heads, -3);
  rt::Buffer params = filled(shape.heads, 0), grads(shape.heads, "gradients");
  rt::Buffer output(positions * shape.together(), "the result");
  rt::Call call;
  call.batch = call.slots = 1;
  call.ids = reinterpret_cast<const int32_t *>(rows.data());
  call.mask = dt.data();
  call.params = params.data();
  call.grads = grads.data();
  call.output = output.data();
  auto cell = [&](rt::Entry entry, double flops) {
    std::vector<double> times = timeEntry(*program, entry, call, threads, seconds);
    return llvm::formatv("{0,7:f2} ms {1,3:f0}% ({2,3:f0}%)", 1e3 * times.front(), 100 * flops / times.front() / peak,
                         100 * flops / times[times.size() / 2] / peak)
        .str();
  };
  std::string forward = cell(rt::Entry::Forward, shape.forward()), backward = cell(rt::Entry::Gradients, shape.backward());
  std::printf("| %ld x %ld | %ld x %ld | %ld, %ld | %s | %s |\n", shape.batch, shape.length, shape.heads, shape.width,
              shape.states, shape.groups, forward.c_str(), backward.c_str());
  std::fflush(stdout);
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Mamba-2's recurrence against the machine's measured peak", "mblm-bench-ssd");
  std::vector<std::string> shapes = defaultShapes;
  std::string level;
  int threads = 1;
  double seconds = 0.5;
  app.add_option("SHAPES", shapes, "BATCHxLENGTHxHEADSxWIDTHxSTATES[xGROUPS]");
  app.add_option("--threads", threads, "Threads (default 1)")->check(CLI::Range(1, 1024));
  app.add_option("--seconds", seconds, "Time for each kernel (default 0.5)")->check(CLI::PositiveNumber);
  app.add_option("--level", level, "avx512, avx2 or portable (default: what this machine has)");
  CLI11_PARSE(app, argc, argv);
  try {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    double peak = cli::measurePeakFlops(threads);
    std::printf("%d thread%s, measured peak %.1f GFLOP/s; the best call, and the share of the peak that its multiply-adds are "
                "(the median's)\n\n",
                threads, threads == 1 ? "" : "s", 1e-9 * peak);
    std::printf("| batch x length | heads x width | states, groups | recurrence | gradients |\n|---|---|---|---|---|\n");
    for (const std::string &text : shapes) {
      measure(parseShape(text), context, level, threads, seconds, peak);
    }
    return 0;
  } catch (const Error &error) {
    std::fprintf(stderr, "mblm-bench-ssd: %s\n", error.what());
    return int(error.code);
  }
}
