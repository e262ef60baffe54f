// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's NVPTX back end. The least version of PTX is asked for that has what the kernels use: it decides which drivers
// can compile the text themselves.
#include "compiler/Target/Ptx.h"

#include "compiler/Target/Backend.h"
#include "compiler/Target/PtxText.h"
#include "passes/LowerGPU/KernelAttributes.h"

#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/IR/CallingConv.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::target;

void target::requireGpuArch(const std::string &arch) {
  if (arch != "sm_80" && arch != "sm_90a") {
    throw Error(Exit::Usage,
                "unknown GPU architecture '" + arch + "'; expected sm_80 (A100 and later) or sm_90a (H100)");
  }
}

static std::unique_ptr<llvm::TargetMachine> makeTargetMachine(const std::string &arch) {
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target) {
    throw codeError(error);
  }
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  // 8.6: bulk copies to the shared memory of the own block.
  const char *version = arch == "sm_90a" ? "+ptx86" : "+ptx80";
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, arch, version, options, std::nullopt, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

// Tensor maps come by value, in the parameters themselves.
static void passTensorMapsByValue(LLVM::LLVMFuncOp kernel) {
  auto positions = kernel->getAttrOfType<DenseI64ArrayAttr>(cuda::tensorMapsAttr);
  if (!positions) {
    return;
  }
  Builder builder(kernel.getContext());
  for (int64_t position : positions.asArrayRef()) {
    auto bytes = LLVM::LLVMArrayType::get(builder.getI8Type(), 128);
    kernel.setArgAttr(position, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(bytes));
    kernel.setArgAttr(position, LLVM::LLVMDialect::getAlignAttrName(), builder.getI64IntegerAttr(64));
    kernel.setArgAttr(position, NVVM::NVVMDialect::getGridConstantAttrName(), builder.getUnitAttr());
  }
}

// In LLVM's intrinsics and inline assembly alone.
static OwningOpRef<Operation *> lowered(gpu::GPUModuleOp module) {
  OwningOpRef<Operation *> copy = module->clone();
  for (auto kernel : cast<gpu::GPUModuleOp>(*copy).getOps<LLVM::LLVMFuncOp>()) {
    passTensorMapsByValue(kernel);
  }
  std::string cause;
  ScopedDiagnosticHandler diagnostics(module.getContext(), [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error && cause.empty()) {
      cause = diagnostic.str();
    }
    return success();
  });
  PassManager passes(module.getContext(), gpu::GPUModuleOp::getOperationName());
  passes.addPass(createConvertNVVMToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  if (failed(passes.run(*copy))) {
    throw codeError("kernels in NVVM's operations: " + (cause.empty() ? "a pass failed" : cause));
  }
  return copy;
}

// Whether each kernel stands for itself, so that texts of some can be joined.
static bool isSeparable(llvm::Module &module) {
  return llvm::all_of(module.functions(),
                      [](llvm::Function &function) {
                        return function.isDeclaration() || function.getCallingConv() == llvm::CallingConv::PTX_Kernel;
                      }) &&
         llvm::all_of(module.globals(), [](llvm::GlobalVariable &global) { return global.isDeclaration(); });
}

std::string target::generatePtx(gpu::GPUModuleOp module, const std::string &arch, int jobs) {
  requireGpuArch(arch);
  static const bool initialized = [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    return true;
  }();
  (void)initialized;
  OwningOpRef<Operation *> kernels = lowered(module);
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = toLLVMIR(*kernels, context);
  std::unique_ptr<llvm::TargetMachine> machine = makeTargetMachine(arch);
  code->setTargetTriple(machine->getTargetTriple());
  code->setDataLayout(machine->createDataLayout());
  requireValid(*code);
  std::vector<std::string> order;
  for (llvm::Function &function : *code) {
    order.push_back(function.getName().str());
  }
  auto emit = [&](llvm::Module &piece) {
    return emitFile(piece, *makeTargetMachine(arch), llvm::OptimizationLevel::O3, llvm::CodeGenFileType::AssemblyFile);
  };
  int pieces = isSeparable(*code) ? jobs : 1;
  return joinPtx(pieces <= 1 ? std::vector<std::string>{emit(*code)} : emitPieces(*code, pieces, emit), order);
}
