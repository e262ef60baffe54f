// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How close generated matrix products come to the peak that multiply-adds on registers reach in the same process. Each
// shape is a module of its own (a linear map, and its weight's gradient) that goes the compiler's whole way.
#include "runtime/Support/Error.h"
#include "test/bench/KernelBench.h"

#include "llvm/Support/FormatVariadic.h"

#include <cstdio>

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

void measure(const bench::KernelBench &bench, const Shape &shape) {
  rt::ModelInfo info;
  info.name = "gemm";
  info.parameterElements = shape.columns * shape.depth;
  info.parameters.push_back({"weight", {shape.columns, shape.depth}, 0, "zeros", 0});
  std::unique_ptr<rt::Program> program = bench.compile(moduleText(shape), info);
  rt::Buffer rows = bench::filled(shape.rows * shape.depth), grad = bench::filled(shape.rows * shape.columns);
  rt::Buffer weight = bench::filled(shape.columns * shape.depth), weightGrad = bench::filled(shape.columns * shape.depth);
  rt::Buffer output(shape.rows * shape.columns, "the product");
  rt::Call call;
  call.batch = call.slots = 1;
  call.ids = reinterpret_cast<const int32_t *>(rows.data());
  call.mask = grad.data();
  call.params = weight.data();
  call.grads = weightGrad.data();
  call.output = output.data();
  // The kernel that multiplies, then with those that lay its operands out.
  auto multiplies = [](const std::string &kernel) { return kernel.find("pack") == std::string::npos; };
  auto any = [](const std::string &) { return true; };
  auto forward = bench.times(*program, rt::Entry::Forward, call, {multiplies, any});
  auto gradient = bench.times(*program, rt::Entry::Gradients, call, {multiplies, any});
  auto cell = [&](const std::vector<double> &sorted) {
    double best = shape.flops() / sorted.front(), median = shape.flops() / sorted[sorted.size() / 2];
    return llvm::formatv("{0,5:f0} GFLOP/s {1,3:f0}% ({2,3:f0}%)", 1e-9 * best, 100 * best / bench.peak, 100 * median / bench.peak)
        .str();
  };
  std::printf("| %6ld x %4ld x %4ld | %s | %s | %s | %s |\n", shape.rows, shape.columns, shape.depth,
              cell(forward[0]).c_str(), cell(forward[1]).c_str(), cell(gradient[0]).c_str(),
              cell(gradient[1]).c_str());
  std::fflush(stdout);
}

} // namespace

int main(int argc, char **argv) {
  bench::About about{"mblm-bench-gemm", "Generated matrix products against the machine's measured peak",
                     "ROWSxCOLUMNSxDEPTH (default: those of the benchmark's configurations)"};
  return bench::run(argc, argv, about, {defaultShapes, /*seconds=*/0.3}, [](const bench::KernelBench &bench) {
    std::printf("the best call, and its share of the peak (the median's)\n\n");
    std::printf("| rows x columns x depth | product | with packing | weight gradient | with packing |\n");
    std::printf("|---|---|---|---|---|\n");
    for (const std::string &text : bench.options.shapes) {
      measure(bench, parseShape(text));
    }
  });
}
