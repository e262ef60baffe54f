// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a kernel has to do at least, for one batch and number of slots (and of patches, where the data decides these).
#pragma once

#include "mlir/IR/Operation.h"

#include <optional>

namespace mblm::kernel {

// Operations are counted as for the `mblm` dialect (MBLMCosts.cpp); what a kernel computes again is counted again.
// Bytes are those of its tensors, each moved once, as in a cache that holds whatever one kernel uses.
struct Cost {
  double flops = 0;
  double bytes = 0;
};

// Absent for kernels without a formula.
std::optional<Cost> costOf(mlir::Operation *op, int64_t batch, int64_t slots, int64_t patches = 0);

} // namespace mblm::kernel
