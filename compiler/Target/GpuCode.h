// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CUDA kernels as an artifact carries them.
#pragma once

#include "compiler/Target/Evidence.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

#include <string>
#include <vector>

namespace mblm::target {

struct GpuCode {
  std::string arch;
  std::string ptx;
  std::string cubin; // empty without ptxas
  std::vector<KernelEvidence> kernels;
};

// Of a gpu.module at phase `nvvm`. `ptxas`: a path, or none.
GpuCode generateGpuCode(mlir::gpu::GPUModuleOp module, const std::string &arch, const std::optional<std::string> &ptxas,
                        int jobs);

// An object file with their texts and binaries under the names of runtime/Cuda/Images.h.
std::string imageObject(const std::vector<GpuCode> &codes);

} // namespace mblm::target
