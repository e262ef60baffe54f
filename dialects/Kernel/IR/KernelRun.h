// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How an op says that its kernel goes together with others on a CPU (passes/LowerCPU/Run.h).
#pragma once

#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace mblm::kernel {

// The number of an op's run, an i64: kernels of a function with one number go together.
constexpr llvm::StringLiteral runName = "kernel.run";
constexpr int64_t mostItemRows = 384; // that a schedule of a CPU may name

} // namespace mblm::kernel
