// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table, and the operations that concern a thread alone.
#include "runtime/Sim/Operations.h"

#include "runtime/Sim/Block.h"
#include "runtime/Support/Convert.h"

#include <cmath>

using namespace mblm::sim;

const Table mblm::sim::operationTable = {
#define MBLM_SIM_OPERATION(result, name, ...) operations::name,
#include "runtime/Sim/Operations.def"
};

Pointer operations::current() { return Block::current(); }

Float operations::exponential2(Float x) { return std::exp2(x); }
Float operations::logarithm2(Float x) { return std::log2(x); }
Float operations::reciprocal(Float x) { return 1 / x; }
Float operations::reciprocalRoot(Float x) { return 1 / std::sqrt(x); }
Float operations::hyperbolicTangent(Float x) { return std::tanh(x); }
