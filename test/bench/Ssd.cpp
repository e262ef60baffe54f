// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How close Mamba-2's recurrence and its gradients come to the peak that multiply-adds on registers reach in the same
// process. Each shape is a module of its own that goes the compiler's whole way.
#include "runtime/Support/Error.h"
#include "test/bench/KernelBench.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cstdio>

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

void measure(const bench::KernelBench &bench, const Shape &shape) {
  rt::ModelInfo info;
  info.name = "ssd";
  info.parameterElements = shape.heads;
  info.parameters.push_back({"a", {shape.heads}, 0, "zeros", 0});
  std::unique_ptr<rt::Program> program = bench.compile(moduleText(shape), info);
  int64_t positions = shape.batch * shape.length;
  rt::Buffer rows = bench::filled(positions * shape.together(), 7), dt = bench::filled(positions * shape.heads, 7, -3);
  rt::Buffer params = bench::filled(shape.heads, 7), grads(shape.heads, "gradients");
  rt::Buffer output(positions * shape.together(), "the result");
  rt::Call call;
  call.batch = call.slots = 1;
  call.ids = reinterpret_cast<const int32_t *>(rows.data());
  call.mask = dt.data();
  call.params = params.data();
  call.grads = grads.data();
  call.output = output.data();
  auto cell = [&](rt::Entry entry, double flops) {
    auto recurs = [](const std::string &kernel) { return kernel.find("ssd") != std::string::npos; };
    std::vector<double> times = bench.times(*program, entry, call, {recurs})[0];
    return llvm::formatv("{0,7:f2} ms {1,3:f0}% ({2,3:f0}%)", 1e3 * times.front(), 100 * flops / times.front() / bench.peak,
                         100 * flops / times[times.size() / 2] / bench.peak)
        .str();
  };
  std::string forward = cell(rt::Entry::Forward, shape.forward()), backward = cell(rt::Entry::Gradients, shape.backward());
  std::printf("| %ld x %ld | %ld x %ld | %ld, %ld | %s | %s |\n", shape.batch, shape.length, shape.heads, shape.width,
              shape.states, shape.groups, forward.c_str(), backward.c_str());
  std::fflush(stdout);
}

} // namespace

int main(int argc, char **argv) {
  bench::About about{"mblm-bench-ssd", "Mamba-2's recurrence against the machine's measured peak",
                     "BATCHxLENGTHxHEADSxWIDTHxSTATES[xGROUPS]"};
  return bench::run(argc, argv, about, {defaultShapes}, [](const bench::KernelBench &bench) {
    std::printf("the best call, and the share of the peak that its multiply-adds are (the median's)\n\n");
    std::printf("| batch x length | heads x width | states, groups | recurrence | gradients |\n|---|---|---|---|---|\n");
    for (const std::string &text : bench.options.shapes) {
      measure(bench, parseShape(text));
    }
  });
}
