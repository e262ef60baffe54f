// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The named phases on the way from a spec to code. Each is one function here; the verifier runs behind every pass, and
// a failure becomes Error(Internal) with a reproducer file that `mblm-opt --run-reproducer` takes.
//   mblm    the model with its gradients
//   kernel  fused kernels
//   loops   entries that launch kernels, kernels as loops over vectors
//   llvm    the same in the llvm dialect
//   gpu     CUDA kernels in a gpu.module, and what each entry launches
//   nvvm    gpu.modules in the llvm and nvvm dialects: what becomes PTX, and what the simulator runs
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mblm::pipelines {

struct Fusion {
  bool on = true;
  int64_t limit = -1; // moves into neighbouring kernels, in each entry; -1: no limit
};

// How native code is made.
struct CPUSchedule {
  std::string level;                // of compiler/Target/Machine.h
  std::string precision = "f32";    // or bf16
  std::string localLayers = "pays"; // which kernels go together from block of rows to block of rows: never, pays or fits
};

// How CUDA kernels are made.
struct GPUSchedule {
  std::string arch = "sm_80";       // or sm_90a
  std::string precision = "f32";    // tf32 or bf16
  std::string localLayers = "pays"; // which of them are whole local layers: never, pays or fits
  std::string library = "pays";     // which products a library may compute: never, pays or fits
};

// What the fusion did, or why it did not.
struct FusionRemark {
  bool done = false;
  std::string where; // the kernel's place in the model
  std::string place; // "FILE:LINE:COLUMN", or empty
  std::string text;
};

// From here on, every remark of the passes that run in `context` goes to `remarks`, which must outlive it. Call it
// once.
void collectRemarks(mlir::MLIRContext &context, std::vector<FusionRemark> &remarks);

// What gradients compute again beside what is cheap to (mblm-differentiate).
struct Recomputation {
  bool hidden = true;          // linear maps before activations
  std::vector<int64_t> stages; // whose layers run forward once more
};

// The frontend's module -> phase `mblm`: steps (not where stages run by pieces), @gradients and @train_step beside the entries that
// were there.
void toModelPhase(mlir::ModuleOp module, const Recomputation &again = {});

// mblm -> kernel.
void toKernelPhase(mlir::ModuleOp module, const Fusion &fusion);

// A module at phase kernel with the types and the schedules that `toLoopsPhase` would give it.
void scheduleForCpu(mlir::ModuleOp module, const CPUSchedule &schedule);

// kernel -> loops: kernels keep the schedules that they have, others get one.
void toLoopsPhase(mlir::ModuleOp module, const CPUSchedule &schedule);

// loops -> llvm.
void toLLVMPhase(mlir::ModuleOp module);

// kernel -> gpu: kernels keep the schedules that they have, others get one.
void toGPUPhase(mlir::ModuleOp module, const GPUSchedule &schedule);

// Every gpu.module in scf, arith, math, vector, gpu, nvvm and llvm ops -> nvvm. No function of libdevice is needed.
void toNVVMPhase(mlir::ModuleOp module);

// Makes the phases known to command lines: --mblm-gradients, --mblm-to-kernel, --kernel-to-cpu, --kernel-to-gpu,
// --gpu-to-nvvm.
void registerPipelines();

} // namespace mblm::pipelines
