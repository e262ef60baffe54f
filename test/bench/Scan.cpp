// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How long a Mamba-1 scan and its gradients take for each state and position, and how much of it their exponentials
// explain.
#include "runtime/Support/Error.h"
#include "test/bench/KernelBench.h"

#include "llvm/Support/FormatVariadic.h"

#include <cstdio>

using namespace mblm;

namespace {

struct Shape {
  int64_t sequences = 0, positions = 0, channels = 0, states = 0;
  int64_t rows() const { return sequences * positions; }
  double elements() const { return double(rows()) * double(channels) * double(states); }
};

// Instructions of the multiply-add units for each state and position: an exponential is a product and five of a
// polynomial; the step, its input and the contraction are three more. Backward computes states twice, then runs back
// with nine.
constexpr double forwardInstructions = 9, backwardInstructions = 2 * 8 + 9;

Shape parseShape(const std::string &text) {
  Shape s;
  char rest;
  if (std::sscanf(text.c_str(), "%ldx%ldx%ldx%ld%c", &s.sequences, &s.positions, &s.channels, &s.states, &rest) != 4 ||
      s.sequences < 1 || s.positions < 1 || s.channels < 1 || s.states < 1) {
    throw Error(Exit::Usage,
                "shape '" + text + "': expected SEQUENCESxPOSITIONSxCHANNELSxSTATES, such as 4x2048x512x16");
  }
  return s;
}

// Entries take arguments 0, 1 and 3 from the runtime's ids, mask and hyper: here input and gate, delta with b and c,
// the gradient.
std::string moduleText(const Shape &s) {
  return llvm::formatv(R"(
!rows = tensor<{0}x{1}x{2}xf32>
!states = tensor<{0}x{1}x{3}xf32>
!first = tensor<{0}x{1}x{4}xf32>
!second = tensor<{0}x{1}x{5}xf32>
!a = tensor<{2}x{3}xf32>
!skip = tensor<{2}xf32>
module attributes {{mblm.inner = 1 : i64, mblm.name = "scan"} {{
  mblm.parameter @a_log at 0 : !a
  mblm.parameter @skip at {6} : !skip
  func.func @forward(%first: !first, %dbc: !second) -> !rows {{
    %x, %z, %dy = mblm.split %first : !first -> !rows, !rows, !rows
    %d, %b, %c = mblm.split %dbc : !second -> !rows, !states, !states
    %a = mblm.load [@a_log] : !a
    %s = mblm.load [@skip] : !skip
    %y = mblm.selective_scan %x, %d a %a b %b c %c skip %s gate %z : !rows, !a, !states, !skip, !rows
    return %y : !rows
  }
  func.func @gradients(%first: !first, %dbc: !second) -> !rows {{
    %x, %z, %dy = mblm.split %first : !first -> !rows, !rows, !rows
    %d, %b, %c = mblm.split %dbc : !second -> !rows, !states, !states
    %a = mblm.load [@a_log] : !a
    %s = mblm.load [@skip] : !skip
    %g:7 = mblm.selective_scan_grad %dy, %x, %d a %a b %b c %c skip %s gate %z : !rows, !a, !states, !skip, !rows -> !rows
    return %g#0 : !rows
  }
})",
                       s.sequences, s.positions, s.channels, s.states, 3 * s.channels, s.channels + 2 * s.states,
                       s.channels * s.states);
}

void measure(const bench::KernelBench &bench, const Shape &s) {
  rt::ModelInfo info;
  info.name = "scan";
  info.parameterElements = s.channels * (s.states + 1);
  std::unique_ptr<rt::Program> program = bench.compile(moduleText(s), info);
  rt::Buffer first = bench::filled(s.rows() * 3 * s.channels);
  rt::Buffer second = bench::filled(s.rows() * (s.channels + 2 * s.states));
  rt::Buffer params = bench::filled(s.channels * (s.states + 1));
  rt::Buffer output(s.rows() * s.channels, "the result");
  rt::Call call;
  call.batch = call.slots = 1;
  call.ids = reinterpret_cast<const int32_t *>(first.data());
  call.mask = second.data();
  call.params = call.grads = params.data();
  call.output = output.data();
  auto best = [&](rt::Entry entry) {
    auto scans = [](const std::string &kernel) { return kernel.find("scan") != std::string::npos; };
    return bench.times(*program, entry, call, {scans})[0].front();
  };
  double forward = best(rt::Entry::Forward), backward = best(rt::Entry::Gradients);
  // Read and written once: input, delta, gate and result; the gradient and three gradients more; b and c, their
  // gradients.
  double forwardBytes = 4.0 * s.rows() * (4 * s.channels + 2 * s.states);
  double backwardBytes = 4.0 * s.rows() * (7 * s.channels + 4 * s.states);
  auto cell = [&](double time, double instructions, double bytes) {
    return llvm::formatv("{0,8:f2} ms {1:f3} ns {2,5:f1} GB/s {3,3:f0}%", 1e3 * time, 1e9 * time / s.elements(),
                         1e-9 * bytes / time, 100 * 2 * instructions * s.elements() / time / bench.peak)
        .str();
  };
  std::printf("| %4ld x %6ld x %4ld x %3ld | %s | %s |\n", s.sequences, s.positions, s.channels, s.states,
              cell(forward, forwardInstructions, forwardBytes).c_str(),
              cell(backward, backwardInstructions, backwardBytes).c_str());
  std::fflush(stdout);
}

} // namespace

int main(int argc, char **argv) {
  bench::About about{"mblm-bench-scan", "Generated scans against the machine's measured peak of multiply-adds",
                     "SEQUENCESxPOSITIONSxCHANNELSxSTATES (default: a block, a long one, patches, many states)"};
  bench::Options defaults{{"4x2048x512x16", "1x65536x128x16", "1024x8x512x16", "4x2048x512x64"}};
  return bench::run(argc, argv, about, defaults, [](const bench::KernelBench &bench) {
    std::printf("the best call; the same for each state, channel and position;\n"
                "traffic if everything moved once; share of the time that the multiply-add units need\n\n");
    std::printf("| sequences x positions x channels x states | forward | gradients |\n|---|---|---|\n");
    for (const std::string &text : bench.options.shapes) {
      measure(bench, parseShape(text));
    }
  });
}
