// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a model is to be compiled and run, as the command line says it.
#pragma once

#include "compiler/Pipelines/Phases.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mblm::driver {

class TunedProducts;

enum class Target {
  Cpu,       // native code
  Cuda,      // CUDA kernels on a GPU
  Sim,       // the same on the simulator
  Reference, // the f64 interpreter
};

// What is computed twice in training so that it need not be kept.
struct Plan {
  std::vector<int64_t> recomputeStages; // whose layers run forward once more in the backward pass
  bool pieces = false;                  // the stages behind the first run on some outermost slots at a time
  bool recomputeHidden = false;         // linear maps before activations, the widest values that are not cheap to make
};

struct Options {
  Target target = Target::Cpu;
  std::string level;                // one or several (target::machinesOfLevels); empty: this machine's
  std::string arch;                 // of CUDA kernels: sm_80 or sm_90a; empty: both in artifacts for GPUs, else sm_80
  std::string precision = "f32";    // of pipelines::GPUSchedule; of native code f32 or bf16
  std::string stepWeights = "f32";  // or int8: as which steps read the weights of their products; native code only
  std::string localLayers = "pays"; // of pipelines::GPUSchedule, and of pipelines::CPUSchedule
  std::string library = "pays";     // of CUDA kernels
  std::string cache;                // folder, or "off"; empty: the user's cache folder
  std::string tuned;                // file of schedules (Tuned.h), or "off"; empty: the usual one
  const TunedProducts *schedules = nullptr; // in the place of what a file holds
  std::vector<std::string> entries; // to compile; empty: all
  pipelines::Fusion fusion;
  Plan plan;
  std::vector<pipelines::FusionRemark> *remarks = nullptr; // filled where given
  int threads = 0;                                         // 0: one per available CPU
  bool verbose = false;
  std::function<void(const std::string &)> note; // takes lines for people; may be empty

  // What CUDA kernels are made for.
  std::vector<std::string> architectures() const {
    if (!arch.empty()) {
      return {arch};
    }
    return target == Target::Cuda ? std::vector<std::string>{"sm_80", "sm_90a"} : std::vector<std::string>{"sm_80"};
  }

  pipelines::GPUSchedule schedule(const std::string &architecture) const {
    return {architecture, precision, localLayers, library};
  }

  // GPUs compute hidden values again in any case: their kernels of whole layers hold these in shared memory alone.
  Plan planOfTarget() const {
    Plan chosen = plan;
    chosen.recomputeHidden |= target == Target::Cuda || target == Target::Sim;
    return chosen;
  }

  // Of native code: beside CUDA kernels it is f32.
  std::string nativePrecision() const { return target == Target::Cpu ? precision : "f32"; }
  pipelines::CPUSchedule nativeSchedule(const std::string &ofLevel) const { return {ofLevel, nativePrecision(), localLayers}; }

  void say(const std::string &line) const {
    if (note) {
      note(line);
    }
  }
};

} // namespace mblm::driver
