// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/support/Simulated.h"

#include "compiler/Pipelines/Phases.h"
#include "compiler/Target/Code.h"
#include "compiler/Target/Link.h"
#include "compiler/Target/Simulation.h"
#include "dialects/Register.h"
#include "runtime/Support/Error.h"
#include "test/support/Native.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <dlfcn.h>

using namespace mblm;
using namespace mblm::test;

Simulated::Simulated(const std::string &text, const std::string &architecture) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context, "kernels.mlir");
  if (!module) {
    throw Error(Exit::Internal, "the test's own module does not parse");
  }
  compile(*module, architecture);
}

Simulated::Simulated(mlir::ModuleOp module, const std::string &architecture) { compile(module, architecture); }

void Simulated::compile(mlir::ModuleOp module, const std::string &architecture) {
  pipelines::toNVVMPhase(module);
  target::lowerToSimulation(module);
  if (failed(mlir::verify(module))) {
    throw Error(Exit::Internal, "the simulation of the test's kernels is no valid module");
  }
  std::string path = newArtifactPath();
  target::linkArtifact(
      target::generateCode(module, target::hostMachine(), "{}", target::CodeFormat::Object, /*jobs=*/1), path);
  handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    throw Error(Exit::Internal, dlerror());
  }
  simulator = rt::gpu::SimDevice::open([this](const std::string &symbol) { return dlsym(handle, symbol.c_str()); },
                                       architecture);
}

Simulated::~Simulated() {
  simulator.reset();
  if (handle) {
    dlclose(handle);
  }
}
