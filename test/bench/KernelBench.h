// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the benchmarks of single kernels share: options, modules of their own that go the compiler's whole way, times.
#pragma once

#include "runtime/Program.h"
#include "runtime/Support/Memory.h"

#include "mlir/IR/MLIRContext.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace mblm::bench {

struct Options {
  std::vector<std::string> shapes;
  double seconds = 0.5; // for each row's entries, one after the other
  int threads = 1;
  std::string level; // empty: what this machine has
  std::string precision = "f32";
  // Of products, by the names of their ops: what `kernel.cpu_schedule` says, such as "rows = 96, depth = 512"; empty: the cost model's.
  std::map<std::string, std::string> schedules{{"gemm", ""}, {"weight_gemm", ""}};
};

// What a program is about, as its `--help` says it.
struct About {
  const char *name, *description, *shapes;
};

class KernelBench {
public:
  KernelBench(const Options &options, mlir::MLIRContext &context, double peak)
      : options(options), peak(peak), context(context) {}

  const Options &options;
  const double peak; // flops per second of multiply-adds on registers

  // `info` needs what the module cannot say: parameters, and how many floats they take.
  std::unique_ptr<rt::Program> compile(const std::string &moduleText, rt::ModelInfo info) const;

  // Sorted seconds of calls, for each of `counts` of the kernels whose names it takes; calls go on until the last one's add
  // up to the options' seconds. One thread's is CPU time, which no other program disturbs.
  using Counts = std::function<bool(const std::string &kernel)>;
  std::vector<std::vector<double>> times(rt::Program &program, rt::Entry entry, const rt::Call &call,
                                         const std::vector<Counts> &counts) const;

private:
  mlir::MLIRContext &context;
};

// Numbers from -0.6 to 0.6, and `shift` more.
rt::Buffer filled(int64_t floats, int64_t step = 1, float shift = 0);

// The program: reads the command line into `defaults`, prints threads and peak, and calls `body`. Its exit code.
int run(int argc, char **argv, const About &about, Options defaults, const std::function<void(const KernelBench &)> &body);

} // namespace mblm::bench
