// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes of each phase.
#include "compiler/Pipelines/Phases.h"

#include "passes/Passes.h"
#include "runtime/Support/Error.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mblm;

// A file that does not exist yet, where the user stands or, failing that, among the temporary files.
static std::string reproducerPath() {
  llvm::SmallString<128> path;
  if (llvm::sys::fs::createUniqueFile("mblm-reproducer-%%%%%%.mlir", path)) {
    llvm::sys::fs::createTemporaryFile("mblm-reproducer", "mlir", path);
  }
  return path.str().str();
}

static void runPasses(ModuleOp module, const std::string &phase, llvm::function_ref<void(OpPassManager &)> addPasses) {
  PassManager passes(module.getContext());
  std::string reproducer;
  passes.enableCrashReproducerGeneration([&](std::string &error) -> std::unique_ptr<ReproducerStream> {
    struct File : ReproducerStream {
      File(const std::string &path, std::error_code &code) : path(path), stream(path, code) {}
      StringRef description() override { return path; }
      raw_ostream &os() override { return stream; }
      std::string path;
      llvm::raw_fd_ostream stream;
    };
    reproducer = reproducerPath();
    std::error_code code;
    auto file = std::make_unique<File>(reproducer, code);
    error = code ? code.message() : "";
    return code ? nullptr : std::move(file);
  });
  addPasses(passes);

  std::string cause;
  ScopedDiagnosticHandler diagnostics(module.getContext(), [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error && cause.empty()) {
      llvm::raw_string_ostream stream(cause);
      stream << diagnostic.getLocation() << ": " << diagnostic;
    }
    return success();
  });
  if (failed(passes.run(module))) {
    throw Error(Exit::Internal, "internal error in phase '" + phase +
                                    "': " + (cause.empty() ? "a pass failed" : cause) +
                                    (reproducer.empty() ? "" : "; reproducer: " + reproducer));
  }
}

void pipelines::toModelPhase(ModuleOp module) {
  runPasses(module, "mblm", [](OpPassManager &passes) {
    passes.addPass(createDifferentiatePass());
    passes.addPass(createCanonicalizerPass());
    passes.addPass(createCSEPass());
  });
}

void pipelines::toKernelPhase(ModuleOp module, const Fusion &fusion) {
  runPasses(module, "kernel", [&](OpPassManager &passes) {
    ConvertToKernelPassOptions options;
    options.fuse = fusion.joint;
    passes.addPass(createConvertToKernelPass(options));
    passes.addPass(createCSEPass());
  });
}

void pipelines::toLoopsPhase(ModuleOp module, const std::string &level) {
  runPasses(module, "loops", [&](OpPassManager &passes) {
    LowerCPUPassOptions options;
    options.level = level;
    passes.addPass(createLowerCPUPass(options));
    passes.addPass(createCanonicalizerPass());
    passes.addPass(createCSEPass());
  });
}

void pipelines::toLLVMPhase(ModuleOp module) {
  runPasses(module, "llvm", [](OpPassManager &passes) {
    passes.addPass(createApproximateMathPass());
    passes.addPass(createSCFToControlFlowPass());
    passes.addPass(createCanonicalizerPass());
    passes.addPass(createCSEPass());
    passes.addPass(createConvertVectorToLLVMPass());
    passes.addPass(createConvertMathToLLVMPass());
    passes.addPass(createConvertFuncToLLVMPass());
    passes.addPass(createArithToLLVMConversionPass());
    passes.addPass(createConvertControlFlowToLLVMPass());
    passes.addPass(createConvertIndexToLLVMPass());
    passes.addPass(createUBToLLVMConversionPass());
    passes.addPass(createReconcileUnrealizedCastsPass());
  });
}
