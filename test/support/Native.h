// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models as native code, for tests. Artifacts go to a folder of the test's process, which removes it at its end, so
// that tests of one model share one compilation.
#pragma once

#include "compiler/Driver/Models.h"

#include <functional>
#include <string>
#include <vector>

namespace mblm::test {

struct Native {
  std::string level; // empty: the best that this machine runs; sm_80 or sm_90a: CUDA kernels on the simulator
  std::string precision = "f32";
  std::string stepWeights = "f32";
  std::string localLayers = "pays"; // which kernels go together
  std::string library = "pays"; // which products of CUDA kernels a library may compute
  std::vector<std::string> entries; // of a spec; empty: all
  pipelines::Fusion fusion;
  driver::Plan plan;
  std::function<void(mlir::ModuleOp)> edit; // changes a module at phase `kernel`, which is not a spec's
  int threads = 2;
};

// The levels that this machine runs, best first; with those that only products in bf16 tell apart, if wanted.
std::vector<std::string> hostLevels(bool narrowProducts = false);

// The GPUs whose kernels the simulator runs.
std::vector<std::string> simulatedLevels();

// As every command does it.
std::unique_ptr<rt::Program> compileSpec(const spec::Spec &spec, const Native &native);

// On the reference interpreter.
std::unique_ptr<rt::Program> interpretSpec(const spec::Spec &spec);

// A file of the test's folder that is not there yet.
std::string newArtifactPath();

// A module at phase `kernel` as a shared object, for the native's level; returns its path. The module is used up.
std::string compileToFile(mlir::ModuleOp module, const rt::ModelInfo &info, const Native &native);
// The same, loaded.
std::unique_ptr<rt::Program> compileKernels(mlir::ModuleOp module, const rt::ModelInfo &info, const Native &native);

} // namespace mblm::test
