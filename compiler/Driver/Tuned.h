// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Schedules of products that `mblm tune` measured to be faster than the cost model's, in a file that travels: JSON, one object a
// product. A schedule changes how a product is computed and the order of its sums, never what is computed.
#pragma once

#include "compiler/Driver/Options.h"
#include "compiler/Target/Machine.h"
#include "dialects/Kernel/IR/KernelOps.h"

#include <map>
#include <optional>
#include <string>
#include <tuple>

namespace mblm::driver {

// What products have one schedule by. Their rows are none of it, for one artifact serves all batches; but products of few rows
// (of steps, of a prefill) are none of these.
struct ProductKey {
  std::string cpu;       // LLVM's name of it; "generic" for a level of the command line
  std::string level;     // of compiler/Target/Machine.h
  std::string precision; // of the factors: f32 or bf16
  std::string op;        // of the kernel dialect, such as "weight_gemm"
  int64_t columns = 0, depth = 0;

  bool operator<(const ProductKey &other) const { return tied() < other.tied(); }
  bool operator==(const ProductKey &other) const { return tied() == other.tied(); }
  std::string text() const; // "weight_gemm 768x256 (f32, avx2, znver3)"

private:
  std::tuple<const std::string &, const std::string &, const std::string &, const std::string &, const int64_t &, const int64_t &>
  tied() const {
    return std::tie(cpu, level, precision, op, columns, depth);
  }
};

// The key of an op's product; nothing for other ops, and for products of few rows.
std::optional<ProductKey> productKey(mlir::Operation *op, const target::Machine &machine, const std::string &precision);

// As `kernel.cpu_schedule` says it.
struct Schedule {
  int64_t rows = 0, columns = 0, depth = 0;
  bool operator==(const Schedule &other) const { return rows == other.rows && columns == other.columns && depth == other.depth; }
  std::string text() const; // "rows = 96, depth = 512"
};
Schedule scheduleFrom(kernel::CpuScheduleAttr attribute);

struct TunedProduct {
  Schedule schedule, modelled;             // the better one, and the cost model's
  double seconds = 0, modelledSeconds = 0; // of all these products in one call, the best calls
  int64_t rows = 0, threads = 0;           // it was measured on; of several products the most rows
  std::string date;                        // "2026-11-27"
};

class TunedProducts {
public:
  // Error(FileIO) where it cannot be read, Error(Integrity) for a file that is broken, Error(BadInput) for one that is something
  // else, or whose schedules are none.
  static TunedProducts read(const std::string &path);
  // The file appears whole or not at all.
  void write(const std::string &path) const;
  // Takes in what is there alone or has a later date. How many those were.
  size_t merge(const TunedProducts &other);

  // Writes `kernel.cpu_schedule` on all products of a module at phase `kernel` that have a schedule here and none of their own.
  void apply(mlir::ModuleOp module, const target::Machine &machine, const std::string &precision) const;
  // All that code for a machine in a precision can depend on, as a part of a cache key.
  std::string keyText(const target::Machine &machine, const std::string &precision) const;

  std::map<ProductKey, TunedProduct> products;
};

// The file that options name, or the usual one: tuned.json in the folder of compiled models. Empty: off.
std::string tunedPath(const Options &options);
// What it holds, nothing where there is no usual one; or what the options bring themselves.
TunedProducts tunedFor(const Options &options);

} // namespace mblm::driver
