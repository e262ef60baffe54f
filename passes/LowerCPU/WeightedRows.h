// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What attention of few queries makes of the values: sums of rows as they lie in memory, weighted for each query.
#pragma once

#include "passes/Emit/Emitter.h"

namespace mblm::cpu {

// target[i, n] = factors[i] * sum over j < count of weights[i, j] * rows[j, n] for n < width and a factor each query; sums go in increasing j.
struct WeightedRows {
  mlir::Value weights, weightStride; // floats from a query's to the next one's
  mlir::Value rows, count;
  int64_t rowStride = 0;
  mlir::Value target;
  int64_t targetStride = 0;
  int64_t width = 0;
  llvm::SmallVector<mlir::Value> factors;
};
void sumWeightedRows(emit::Emitter &e, const WeightedRows &sum);

} // namespace mblm::cpu
