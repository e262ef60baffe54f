// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Native code.
#include "compiler/Target/Code.h"

#include "compiler/Target/Backend.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mblm;
using namespace mblm::target;

static std::unique_ptr<llvm::TargetMachine> makeTargetMachine(const Machine &machine) {
  llvm::Triple triple(machine.triple);
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target) {
    throw codeError(error);
  }
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, machine.cpu, machine.features, options, llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default));
}

// Only entries, simulated kernels and metadata are for others to see.
static void setAttributes(llvm::Module &module, const Machine &machine) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration()) {
      continue;
    }
    bool isEntry = function.getName().starts_with("mblm_entry_");
    if (isEntry || function.getName().starts_with("mblm_pieces_")) {
      // Long lists of launches: no time is lost in them, and much in optimising them.
      function.addFnAttr(llvm::Attribute::OptimizeNone);
      function.addFnAttr(llvm::Attribute::NoInline);
    }
    if (!isEntry && !function.getName().starts_with("mblm_sim_")) {
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
    }
    function.addFnAttr("target-cpu", machine.cpu);
    if (machine.tunedFor != "generic") {
      function.addFnAttr("tune-cpu", machine.tunedFor);
    }
    if (!machine.features.empty()) {
      function.addFnAttr("target-features", machine.features);
    }
    if (!machine.vectorWidth.empty()) {
      function.addFnAttr("prefer-vector-width", machine.vectorWidth);
    }
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

static void addMetadata(llvm::Module &module, const std::string &text) {
  llvm::Constant *data = llvm::ConstantDataArray::getString(module.getContext(), text);
  auto *global = new llvm::GlobalVariable(module, data->getType(), /*isConstant=*/true,
                                          llvm::GlobalValue::ExternalLinkage, data, "mblm_metadata");
  global->setSection(".mblm.metadata");
}

// Also what is hidden: it must be seen between the pieces of a module, and then between all that is linked.
static void addSuffix(llvm::Module &module, const std::string &suffix) {
  for (llvm::GlobalValue &value : module.global_values()) {
    if (!value.isDeclaration()) {
      value.setName(value.getName() + suffix);
    }
  }
}

static void initializeTargets() {
  static const bool initialized = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    return true;
  }();
  (void)initialized;
}

std::vector<std::string> target::generateCode(mlir::ModuleOp module, const Machine &machine,
                                              const std::string &metadata, CodeFormat format, int jobs,
                                              const std::string &suffix) {
  initializeTargets();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = toLLVMIR(module, context);
  std::unique_ptr<llvm::TargetMachine> targetMachine = makeTargetMachine(machine);
  code->setTargetTriple(targetMachine->getTargetTriple());
  code->setDataLayout(targetMachine->createDataLayout());
  setAttributes(*code, machine);
  addSuffix(*code, suffix);
  if (!metadata.empty()) {
    addMetadata(*code, metadata);
  }
  requireValid(*code);
  const llvm::OptimizationLevel level = llvm::OptimizationLevel::O2;
  if (format == CodeFormat::LLVM) {
    optimise(*code, *targetMachine, level);
    return {irText(*code)};
  }
  if (format == CodeFormat::Assembly) {
    return {emitFile(*code, *targetMachine, level, llvm::CodeGenFileType::AssemblyFile)};
  }
  auto emitObject = [&](llvm::Module &piece) {
    return emitFile(piece, *makeTargetMachine(machine), level, llvm::CodeGenFileType::ObjectFile);
  };
  return jobs <= 1 ? std::vector<std::string>{emitObject(*code)} : emitPieces(*code, jobs, emitObject);
}

std::string target::dataObject(const std::vector<std::pair<std::string, std::string>> &symbols) {
  initializeTargets();
  llvm::LLVMContext context;
  llvm::Module module("data", context);
  auto define = [&](llvm::Constant *value, const std::string &name) {
    auto *global = new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                            llvm::GlobalValue::ExternalLinkage, value, name);
    global->setAlignment(llvm::Align(16));
  };
  for (const auto &[name, bytes] : symbols) {
    define(llvm::ConstantDataArray::getString(context, bytes), name);
    define(llvm::ConstantInt::get(llvm::Type::getInt64Ty(context), bytes.size()), name + "_size");
  }
  std::unique_ptr<llvm::TargetMachine> machine = makeTargetMachine(hostMachine());
  module.setTargetTriple(machine->getTargetTriple());
  module.setDataLayout(machine->createDataLayout());
  return emitFile(module, *machine, llvm::OptimizationLevel::O0, llvm::CodeGenFileType::ObjectFile);
}
