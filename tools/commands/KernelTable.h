// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `bench --profile` shows of a program's kernels.
#pragma once

#include "runtime/Program.h"

#include <nlohmann/json.hpp>

namespace mblm::cli {

// [{"name", "calls", "seconds", "busy_seconds"}], the longest first.
nlohmann::json kernelsReport(const rt::Program &program);

// Prints times of one call of the entry, where `calls` of them were profiled and took `seconds`.
void printKernels(const nlohmann::json &kernels, size_t calls, double seconds);

} // namespace mblm::cli
