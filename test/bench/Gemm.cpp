// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How close generated matrix products come to the peak that multiply-adds on registers reach in the same process. Each
// shape is a module of its own (a linear map, and its weight's gradient) that goes the compiler's whole way.
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
  int64_t rows = 0, columns = 0, depth = 0;
  double flops() const { return 2.0 * double(rows) * double(columns) * double(depth); }
};

// Those of the configurations beside this file: queries, keys and values in one; feed-forward out and in; patches to
// embeddings; the head.
const std::vector<std::string> defaultShapes = {
    "4100x768x256",   "4100x256x512",  "9216x768x256",  "9216x256x256",   "9216x512x256",  "9216x256x512",
    "9216x257x256",   "18432x576x192", "18432x192x384", "10240x1536x256", "10240x256x512", "10240x1024x256",
    "10240x256x1024", "2176x1152x384", "1028x1536x512", "1028x512x1024",  "1024x512x2048", "1024x2048x512"};

Shape parseShape(const std::string &text) {
  Shape shape;
  char rest;
  if (std::sscanf(text.c_str(), "%ldx%ldx%ld%c", &shape.rows, &shape.columns, &shape.depth, &rest) != 3 ||
      shape.rows < 1 || shape.columns < 1 || shape.depth < 1) {
    throw Error(Exit::Usage, "shape '" + text + "': expected ROWSxCOLUMNSxDEPTH, such as 9216x768x256");
  }
  return shape;
}

// Entries take their first two arguments from the runtime's ids and mask: here these are the rows and the gradient.
std::string moduleText(const Shape &shape) {
  return llvm::formatv(R"(
module attributes {{mblm.inner = 1 : i64, mblm.name = "gemm"} {{
  mblm.parameter @weight at 0 : tensor<{1}x{2}xf32>
  func.func @forward(%x: tensor<1x{0}x{2}xf32>) -> tensor<1x{0}x{1}xf32> {{
    %w = mblm.load [@weight] : tensor<{1}x{2}xf32>
    %y = mblm.linear %x, %w : tensor<1x{0}x{2}xf32>, tensor<{1}x{2}xf32> -> tensor<1x{0}x{1}xf32>
    return %y : tensor<1x{0}x{1}xf32>
  }
  func.func @gradients(%x: tensor<1x{0}x{2}xf32>, %grad: tensor<1x{0}x{1}xf32>) {{
    %w = mblm.weight_grad %grad, %x : tensor<1x{0}x{1}xf32>, tensor<1x{0}x{2}xf32> -> tensor<{1}x{2}xf32>
    mblm.gradient [@weight], %w : tensor<{1}x{2}xf32>
    return
  }
})",
                       shape.rows, shape.columns, shape.depth);
}

std::unique_ptr<rt::Program> compile(const Shape &shape, mlir::MLIRContext &context, const std::string &level,
                                     int threads) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(moduleText(shape), &context);
  if (!module) {
    throw Error(Exit::Internal, "the benchmark's own module does not parse");
  }
  rt::ModelInfo info;
  info.name = "gemm";
  info.vocab = 1;
  info.parameterElements = shape.columns * shape.depth;
  info.parameters.push_back({"weight", {shape.columns, shape.depth}, 0, "zeros", 0});
  target::Machine machine = level.empty() ? target::hostMachine() : target::machineOfLevel(level);
  pipelines::toKernelPhase(*module, {});
  pipelines::toLoopsPhase(*module, machine.level);
  std::string metadata = target::metadataText(info, *module, machine);
  pipelines::toLLVMPhase(*module);
  std::string path = std::filesystem::temp_directory_path() / ("mblm-gemm-" + std::to_string(getpid()) + ".so");
  target::linkArtifact(target::generateCode(*module, machine, metadata, target::CodeFormat::Object, 1), path);
  std::unique_ptr<rt::Program> program = rt::loadArtifact(path, threads);
  std::filesystem::remove(path);
  return program;
}

struct Times {
  std::vector<double> product; // of the kernel that multiplies
  std::vector<double> all;     // with those that lay its operands out
};

// Sorted times of calls that take about `seconds` in all. One thread's is CPU time, which no other program disturbs.
Times timeEntry(rt::Program &program, rt::Entry entry, const rt::Call &call, int threads, double seconds) {
  program.run(entry, call);
  Times times;
  for (double total = 0; times.all.size() < 5 || total < seconds; total += times.all.back()) {
    program.startProfile();
    program.run(entry, call);
    double product = 0, all = 0;
    for (const rt::KernelTime &kernel : program.profile()) {
      double spent = threads == 1 ? kernel.busySeconds : kernel.seconds;
      all += spent;
      product += kernel.name.find("pack") == std::string::npos ? spent : 0;
    }
    times.product.push_back(product);
    times.all.push_back(all);
  }
  std::sort(times.product.begin(), times.product.end());
  std::sort(times.all.begin(), times.all.end());
  return times;
}

void measure(const Shape &shape, mlir::MLIRContext &context, const std::string &level, int threads, double seconds,
             double peak) {
  std::unique_ptr<rt::Program> program = compile(shape, context, level, threads);
  auto filled = [](int64_t floats) {
    rt::Buffer buffer(floats, "a matrix");
    for (int64_t i = 0; i < floats; ++i) {
      buffer.data()[i] = float(i % 13) * 0.1f - 0.6f;
    }
    return buffer;
  };
  rt::Buffer rows = filled(shape.rows * shape.depth), grad = filled(shape.rows * shape.columns);
  rt::Buffer weight = filled(shape.columns * shape.depth), weightGrad = filled(shape.columns * shape.depth);
  rt::Buffer output(shape.rows * shape.columns, "the product");
  rt::Call call;
  call.batch = call.slots = 1;
  call.ids = reinterpret_cast<const int32_t *>(rows.data());
  call.mask = grad.data();
  call.params = weight.data();
  call.grads = weightGrad.data();
  call.output = output.data();
  Times forward = timeEntry(*program, rt::Entry::Forward, call, threads, seconds);
  Times gradient = timeEntry(*program, rt::Entry::Gradients, call, threads, seconds);
  auto cell = [&](const std::vector<double> &sorted) {
    double best = shape.flops() / sorted.front(), median = shape.flops() / sorted[sorted.size() / 2];
    return llvm::formatv("{0,5:f0} GFLOP/s {1,3:f0}% ({2,3:f0}%)", 1e-9 * best, 100 * best / peak, 100 * median / peak)
        .str();
  };
  std::printf("| %6ld x %4ld x %4ld | %s | %s | %s | %s |\n", shape.rows, shape.columns, shape.depth,
              cell(forward.product).c_str(), cell(forward.all).c_str(), cell(gradient.product).c_str(),
              cell(gradient.all).c_str());
  std::fflush(stdout);
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Generated matrix products against the machine's measured peak", "mblm-bench-gemm");
  std::vector<std::string> shapes = defaultShapes;
  std::string level;
  int threads = 1;
  double seconds = 0.3;
  app.add_option("SHAPES", shapes, "ROWSxCOLUMNSxDEPTH (default: those of the benchmark's configurations)");
  app.add_option("--threads", threads, "Threads (default 1)")->check(CLI::Range(1, 1024));
  app.add_option("--seconds", seconds, "Time for each product (default 0.3)")->check(CLI::PositiveNumber);
  app.add_option("--level", level, "avx512, avx2 or portable (default: what this machine has)");
  CLI11_PARSE(app, argc, argv);
  try {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    double peak = cli::measurePeakFlops(threads);
    std::printf("%d thread%s, measured peak %.1f GFLOP/s; the best call, and its share of the peak (the median's)\n\n",
                threads, threads == 1 ? "" : "s", 1e-9 * peak);
    std::printf("| rows x columns x depth | product | with packing | weight gradient | with packing |\n");
    std::printf("|---|---|---|---|---|\n");
    for (const std::string &text : shapes) {
      measure(parseShape(text), context, level, threads, seconds, peak);
    }
    return 0;
  } catch (const Error &error) {
    std::fprintf(stderr, "mblm-bench-gemm: %s\n", error.what());
    return int(error.code);
  }
}
