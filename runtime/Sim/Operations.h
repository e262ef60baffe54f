// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations of Operations.def, and the table that artifacts are given.
#pragma once

#include "runtime/Sim/ABI.h"

namespace mblm::sim {

namespace operations {
#define MBLM_SIM_OPERATION(result, name, ...) result name(__VA_ARGS__);
#include "runtime/Sim/Operations.def"
} // namespace operations

extern const Table operationTable;

} // namespace mblm::sim
