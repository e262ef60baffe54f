// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Driver/Gpu.h"

#include "compiler/Driver/Models.h"
#include "compiler/Pipelines/Phases.h"
#include "compiler/Pipelines/Reproducer.h"
#include "runtime/Support/Error.h"
#include "runtime/ThreadPool.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

using namespace mblm;
using namespace mblm::driver;

void KernelsMet::dropFrom(mlir::gpu::GPUModuleOp module) {
  for (auto kernel : llvm::make_early_inc_range(module.getOps<mlir::gpu::GPUFuncOp>())) {
    std::string text, name = ("@" + kernel.getName() + "(").str();
    llvm::raw_string_ostream stream(text);
    kernel->print(stream);
    text.erase(text.find(name), name.size());
    if (!texts.insert(llvm::toHex(llvm::SHA256::hash(llvm::arrayRefFromStringRef(text)))).second) {
      kernel->erase();
    }
  }
}

target::GpuCode driver::gpuCodeOf(const spec::Spec &spec, const Options &options, const std::optional<std::string> &ptxas,
                                  KernelsMet *met) {
  Options onGpu = options;
  onGpu.target = Target::Cuda; // who asks for this code alone need not say so
  OwnedModule owned = modelModule(spec, onGpu);
  target::GpuCode code;
  pipelines::withReproducer(*owned.module, [&] {
    pipelines::toKernelPhase(*owned.module, options.fusion);
    code = gpuCodeOf(*owned.module, options, ptxas, met);
  });
  return code;
}

target::GpuCode driver::gpuCodeOf(mlir::ModuleOp module, const Options &options, const std::optional<std::string> &ptxas,
                                  KernelsMet *met) {
  std::string arch = options.architectures().back();
  if (module.getOps<mlir::gpu::GPUModuleOp>().empty()) {
    pipelines::toGPUPhase(module, options.schedule(arch));
  }
  if (met) {
    met->dropFrom(*module.getOps<mlir::gpu::GPUModuleOp>().begin());
  }
  pipelines::toNVVMPhase(module);
  int jobs = std::min(options.threads > 0 ? options.threads : rt::availableThreads(), 8);
  return target::generateGpuCode(*module.getOps<mlir::gpu::GPUModuleOp>().begin(), arch, ptxas, jobs);
}

std::string driver::requirePtxas() {
  std::optional<std::string> ptxas = target::findPtxas();
  if (!ptxas) {
    throw Error(Exit::Device,
                "--emit cubin needs ptxas of the CUDA Toolkit; expected it in MBLM_PTXAS, PATH or CUDA_HOME");
  }
  return *ptxas;
}
