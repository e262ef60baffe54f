// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a spec becomes, without making code of it: kernels with their costs, the memory plan, and what the fusion did.
#pragma once

#include "compiler/Driver/Models.h"
#include "compiler/Driver/Tuned.h"
#include "dialects/Kernel/IR/KernelCosts.h"
#include "runtime/Metadata.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mblm::driver {

struct Explanation {
  // An op of the kernel dialect in one entry.
  struct Kernel {
    std::string entry;
    std::string op;                     // its kind: gemm, rows, ...
    std::string where;                  // place in the model
    std::string place;                  // "FILE:LINE:COLUMN", or empty
    std::vector<std::string> functions; // that it launches, one after another; equal kernels share them. On a GPU what their
                                        // names begin with
    bool hasRows = false;               // row programs, into which others can be fused
    std::optional<kernel::Cost> cost;   // absent where none is known
    // Of products in native code.
    std::optional<Schedule> schedule;   // which work items it has
    bool tuned = false;                 // which `mblm tune` found, not the cost model
    std::vector<Schedule> worthTrying;  // the cost model's first
    std::optional<ProductKey> product;  // of those that can be tuned
    int64_t rows = 0;                   // of these
  };
  // Of native code: the best of the options' levels that this machine runs, else their best, and the CPU that it is scheduled for.
  // Empty on a GPU.
  std::string level, cpu;
  std::vector<Kernel> kernels; // in the order of their launches, entry by entry
  std::map<std::string, rt::EntrySizes> entries; // on the options' target
  // Of the entries with a backward pass, in native code: what is kept for it, by stage.
  std::map<std::string, std::map<std::string, rt::LinearSize>> kept;
  std::vector<pipelines::FusionRemark> remarks;
};

// Costs are for one batch and number of outermost slots.
Explanation explain(const NamedModel &model, const Options &options, int64_t batch, int64_t slots);

} // namespace mblm::driver
