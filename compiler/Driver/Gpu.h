// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model's CUDA kernels.
#pragma once

#include "compiler/Driver/Options.h"
#include "compiler/Spec/Spec.h"
#include "compiler/Target/GpuCode.h"

#include <set>

namespace mblm::driver {

// Kernels that some models share: what a kernel does, whatever its name.
class KernelsMet {
public:
  // Takes those out of the module, at phase `gpu`, that came by before.
  void dropFrom(mlir::gpu::GPUModuleOp module);

private:
  std::set<std::string> texts; // their hashes
};

// For the last of `options.architectures()`, in `options.precision`. `ptxas` as for target::generateGpuCode. `met`: without
// the kernels of earlier calls.
target::GpuCode gpuCodeOf(const spec::Spec &spec, const Options &options, const std::optional<std::string> &ptxas,
                          KernelsMet *met = nullptr);

// The same of a module at phase `kernel`, or at phase `gpu` already.
target::GpuCode gpuCodeOf(mlir::ModuleOp module, const Options &options, const std::optional<std::string> &ptxas,
                          KernelsMet *met = nullptr);

// Whether the artifacts of a target hold CUDA kernels.
inline bool usesKernels(Target target) { return target == Target::Cuda || target == Target::Sim; }

// Error(Device) without one.
std::string requirePtxas();

} // namespace mblm::driver
