// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes of each phase.
#include "compiler/Pipelines/Phases.h"

#include "compiler/Pipelines/Reproducer.h"
#include "dialects/Kernel/IR/KernelOps.h"
#include "dialects/MBLM/IR/MBLMOps.h"
#include "passes/Passes.h"
#include "runtime/Program.h"
#include "runtime/Support/Error.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mblm;

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
    reproducer = pipelines::newReproducer();
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
      stream << pipelines::placeText(diagnostic.getLocation()) << ": " << diagnostic;
    }
    return success();
  });
  if (failed(passes.run(module))) {
    throw Error(Exit::Internal, "internal error in phase '" + phase +
                                    "': " + (cause.empty() ? "a pass failed" : cause) +
                                    (reproducer.empty() ? "" : "; reproducer: " + reproducer));
  }
}

namespace {
class RemarkCollector : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit RemarkCollector(std::vector<pipelines::FusionRemark> &remarks) : remarks(remarks) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    pipelines::FusionRemark entry;
    entry.done = remark.getRemarkType() == llvm::remarks::Type::Passed;
    if (auto name = remark.getLocation()->findInstanceOf<NameLoc>()) {
      entry.where = name.getName().str();
    }
    entry.place = pipelines::filePosition(remark.getLocation());
    entry.text = remark.getMsg();
    remarks.push_back(std::move(entry));
  }

private:
  std::vector<pipelines::FusionRemark> &remarks;
};
} // namespace

void pipelines::collectRemarks(MLIRContext &context, std::vector<FusionRemark> &remarks) {
  remark::RemarkCategories all;
  all.passed = all.missed = "kernel-fuse";
  LogicalResult enabled = remark::enableOptimizationRemarks(context, std::make_unique<RemarkCollector>(remarks),
                                                            std::make_unique<remark::RemarkEmittingPolicyAll>(), all);
  if (failed(enabled)) {
    throw Error(Exit::Internal, "internal error: remarks cannot be collected");
  }
}

static void addModelPasses(OpPassManager &passes, const pipelines::Recomputation &again, bool steps) {
  if (steps) {
    passes.addPass(createDecodePass({rt::prefillRows}));
  }
  DifferentiatePassOptions options;
  options.recomputeHidden = again.hidden;
  options.recomputeStages.assign(again.stages.begin(), again.stages.end());
  passes.addPass(createDifferentiatePass(options));
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
}

static void addKernelPasses(OpPassManager &passes, const pipelines::Fusion &fusion) {
  ConvertToKernelPassOptions options;
  options.fuse = fusion.on;
  passes.addPass(createConvertToKernelPass(options));
  passes.addPass(createCSEPass());
  if (fusion.on && fusion.limit != 0) {
    FuseKernelsPassOptions moves;
    moves.limit = fusion.limit;
    passes.addNestedPass<func::FuncOp>(createFuseKernelsPass(moves));
  }
}

static void addSchedulePasses(OpPassManager &passes, const pipelines::CPUSchedule &schedule) {
  if (schedule.precision == "bf16") {
    passes.addNestedPass<func::FuncOp>(createNarrowStoragePass({/*packsOnly=*/true}));
  }
  passes.addNestedPass<func::FuncOp>(createScheduleCPUPass({schedule.level, schedule.localLayers}));
}

static void addLoopsPasses(OpPassManager &passes, const pipelines::CPUSchedule &schedule) {
  addSchedulePasses(passes, schedule);
  LowerCPUPassOptions options;
  options.level = schedule.level;
  options.precision = schedule.precision;
  passes.addPass(createLowerCPUPass(options));
  OpPassManager &each = passes.nest<func::FuncOp>();
  each.addPass(createCanonicalizerPass());
  each.addPass(createCSEPass());
}

// Function by function, so that they go side by side, but for what changes the functions themselves.
static void addLLVMPasses(OpPassManager &passes) {
  OpPassManager &each = passes.nest<func::FuncOp>();
  each.addPass(createApproximateMathPass());
  each.addPass(createSCFToControlFlowPass());
  each.addPass(createCSEPass());
  each.addPass(createConvertVectorToLLVMPass());
  each.addPass(createConvertMathToLLVMPass());
  each.addPass(createArithToLLVMConversionPass());
  each.addPass(createConvertIndexToLLVMPass());
  each.addPass(createUBToLLVMConversionPass());
  passes.addPass(createConvertFuncToLLVMPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
}

static void addGPUPasses(OpPassManager &passes, const pipelines::GPUSchedule &schedule) {
  if (schedule.precision == "bf16") {
    passes.addNestedPass<func::FuncOp>(createNarrowStoragePass());
  }
  passes.addNestedPass<func::FuncOp>(createScheduleGPUPass({schedule.arch, schedule.precision, schedule.localLayers}));
  LowerGPUPassOptions options;
  options.arch = schedule.arch;
  options.precision = schedule.precision;
  options.library = schedule.library;
  passes.addPass(createLowerGPUPass(options));
}

static void addNVVMPasses(OpPassManager &passes) {
  OpPassManager &kernels = passes.nest<gpu::GPUModuleOp>();
  kernels.addPass(createApproximateMathPass());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createSCFToControlFlowPass());
  kernels.addPass(createConvertVectorToLLVMPass());
  kernels.addPass(createConvertToNVVMPass());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createReconcileUnrealizedCastsPass());
}

void pipelines::toModelPhase(ModuleOp module, const Recomputation &again) {
  bool pieces = llvm::any_of(module.getOps<func::FuncOp>(), [](func::FuncOp function) { return function.isPrivate(); });
  bool steps = !pieces && !module->hasAttr(wholeAttrName);
  runPasses(module, "mblm", [&](OpPassManager &passes) { addModelPasses(passes, again, steps); });
}

void pipelines::toKernelPhase(ModuleOp module, const Fusion &fusion) {
  runPasses(module, "kernel", [&](OpPassManager &passes) { addKernelPasses(passes, fusion); });
}

void pipelines::scheduleForCpu(ModuleOp module, const CPUSchedule &schedule) {
  runPasses(module, "kernel", [&](OpPassManager &passes) { addSchedulePasses(passes, schedule); });
}

void pipelines::toLoopsPhase(ModuleOp module, const CPUSchedule &schedule) {
  runPasses(module, "loops", [&](OpPassManager &passes) { addLoopsPasses(passes, schedule); });
}

void pipelines::toLLVMPhase(ModuleOp module) { runPasses(module, "llvm", addLLVMPasses); }

// Models that are right and have ops without CUDA kernels get one line that says so, not an internal error of the lowering.
static void requireCudaKernels(ModuleOp module) {
  auto refuse = [](Operation *op) {
    throw Error(Exit::BadInput, pipelines::placeText(op->getLoc()) +
                                    ": there is no CUDA kernel for attention with hidden keys yet; expected --target cpu or reference");
  };
  module.walk([&](kernel::AttentionOp op) { op.getHidden() ? refuse(op) : void(); });
  module.walk([&](kernel::AttentionGradOp op) { op.getHidden() ? refuse(op) : void(); });
}

void pipelines::toGPUPhase(ModuleOp module, const GPUSchedule &schedule) {
  requireCudaKernels(module);
  runPasses(module, "gpu", [&](OpPassManager &passes) { addGPUPasses(passes, schedule); });
}

void pipelines::toNVVMPhase(ModuleOp module) { runPasses(module, "nvvm", addNVVMPasses); }

namespace {
struct CPUOptions : PassPipelineOptions<CPUOptions> {
  Option<std::string> level{*this, "level", llvm::cl::desc("amx, avx512bf16, avx512, avx2, portable or neon"), llvm::cl::init("avx512")};
  Option<std::string> precision{*this, "precision", llvm::cl::desc("f32 or bf16"), llvm::cl::init("f32")};
  Option<std::string> localLayers{*this, "local-layers", llvm::cl::desc("never, pays or fits"), llvm::cl::init("pays")};
};
struct GPUOptions : PassPipelineOptions<GPUOptions> {
  Option<std::string> arch{*this, "arch", llvm::cl::desc("sm_80 or sm_90a"), llvm::cl::init("sm_80")};
  Option<std::string> precision{*this, "precision", llvm::cl::desc("f32, tf32 or bf16"), llvm::cl::init("f32")};
  Option<std::string> localLayers{*this, "local-layers", llvm::cl::desc("never, pays or fits"), llvm::cl::init("pays")};
  Option<std::string> library{*this, "library", llvm::cl::desc("never, pays or fits"), llvm::cl::init("pays")};
};
} // namespace

void pipelines::registerPipelines() {
  static PassPipelineRegistration<> model("mblm-gradients", "Phase mblm: gradients, simplified",
                                          [](OpPassManager &passes) { addModelPasses(passes, {}, /*steps=*/true); });
  static PassPipelineRegistration<> kernel("mblm-to-kernel", "Phase mblm to phase kernel, fused",
                                           [](OpPassManager &passes) { addKernelPasses(passes, Fusion()); });
  static PassPipelineRegistration<CPUOptions> cpu("kernel-to-cpu", "Phase kernel to phase llvm, for the CPU",
                                                   [](OpPassManager &passes, const CPUOptions &options) {
                                                     addLoopsPasses(passes, {options.level, options.precision, options.localLayers});
                                                     addLLVMPasses(passes);
                                                   });
  static PassPipelineRegistration<GPUOptions> gpu(
      "kernel-to-gpu", "Phase kernel to phase nvvm, for CUDA", [](OpPassManager &passes, const GPUOptions &options) {
        addGPUPasses(passes, {options.arch, options.precision, options.localLayers, options.library});
        addNVVMPasses(passes);
      });
  static PassPipelineRegistration<> nvvm("gpu-to-nvvm", "gpu.modules to phase nvvm", addNVVMPasses);
}
