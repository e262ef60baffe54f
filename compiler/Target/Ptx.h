// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CUDA kernels as PTX text.
#pragma once

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

#include <string>

namespace mblm::target {

// "sm_80" | "sm_90a"; Error(Usage) for any other.
void requireGpuArch(const std::string &arch);

// The kernels of a gpu.module at phase `nvvm`, in its order, optimised by LLVM on up to `jobs` threads. The text does
// not depend on their number. The module stays as it is.
std::string generatePtx(mlir::gpu::GPUModuleOp module, const std::string &arch, int jobs);

} // namespace mblm::target
