// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products as modules, for every target's kernels: tiles that end anywhere, with what is fused before and behind them.
#pragma once

#include "test/passes/AgainstInterpreter.h"

namespace mblm::test {

struct GemmCase {
  const char *name;
  int64_t batch, slots; // rows: their product
  int64_t depth, hidden, columns;
};

// Three products in a row: behind a norm, with bias and GELU; of plain rows, with a residual and a norm over the result; and by the
// transpose of the second weight. Then the gradient of the first weight, as if the last result were that of the first product.
ModuleCase gemmModule(const GemmCase &c);

extern const std::vector<GemmCase> gemmCases;

} // namespace mblm::test
