// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pieces travel between threads as bitcode, since an LLVM context belongs to one thread. How the functions fall into
// pieces depends on the number of jobs alone, and each function's code on itself alone.
#include "compiler/Target/Code.h"

#include "runtime/Support/Error.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/Utils/SplitModule.h"

#include <thread>

using namespace mblm;
using namespace mblm::target;

static const char *cpuName(const std::string &level) {
  return level == "avx512" ? "x86-64-v4" : level == "avx2" ? "x86-64-v3" : "x86-64-v2";
}

static Error internal(const std::string &what) {
  return Error(Exit::Internal, "internal error in code generation: " + what);
}

static std::unique_ptr<llvm::TargetMachine> makeTargetMachine(const Machine &machine) {
  llvm::Triple triple(llvm::sys::getProcessTriple());
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target) {
    throw internal(error);
  }
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, cpuName(machine.level), "", options, llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default));
}

// Only entries, simulated kernels and metadata are for others to see.
static void setVisibility(llvm::Module &module, const Machine &machine) {
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
    function.addFnAttr("target-cpu", cpuName(machine.level));
    if (machine.tunedFor != "generic") {
      function.addFnAttr("tune-cpu", machine.tunedFor);
    }
    if (machine.level == "avx512") {
      function.addFnAttr("prefer-vector-width", "512");
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

static std::unique_ptr<llvm::Module> translate(mlir::ModuleOp module, llvm::LLVMContext &context) {
  mlir::DialectRegistry registry;
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  std::unique_ptr<llvm::Module> code = mlir::translateModuleToLLVMIR(module, context);
  if (!code) {
    throw internal("the module could not be translated to LLVM IR");
  }
  return code;
}

static void optimise(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  // Kernels are written with their vectors and tiles; what is left scalar is not worth the search.
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling = false;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

static std::string emit(llvm::Module &module, llvm::TargetMachine &machine, CodeFormat format) {
  optimise(module, machine);
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  if (format == CodeFormat::LLVM) {
    module.print(stream, nullptr);
    return bytes.str().str();
  }
  llvm::legacy::PassManager passes;
  auto file = format == CodeFormat::Object ? llvm::CodeGenFileType::ObjectFile : llvm::CodeGenFileType::AssemblyFile;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, file)) {
    throw internal("LLVM has no code generator for this file type");
  }
  passes.run(module);
  return bytes.str().str();
}

static std::string emitBitcode(const llvm::SmallString<0> &bitcode, const Machine &machine) {
  llvm::LLVMContext context;
  auto module = llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode.str(), "piece"), context);
  if (!module) {
    throw internal(llvm::toString(module.takeError()));
  }
  return emit(**module, *makeTargetMachine(machine), CodeFormat::Object);
}

static std::vector<std::string> emitPieces(std::unique_ptr<llvm::Module> module, const Machine &machine, int jobs) {
  std::vector<llvm::SmallString<0>> pieces;
  llvm::SplitModule(*module, unsigned(jobs), [&](std::unique_ptr<llvm::Module> part) {
    llvm::raw_svector_ostream stream(pieces.emplace_back());
    llvm::WriteBitcodeToFile(*part, stream);
  });
  std::vector<std::string> objects(pieces.size());
  std::vector<std::exception_ptr> failures(pieces.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < pieces.size(); ++i) {
    threads.emplace_back([&, i] {
      try {
        objects[i] = emitBitcode(pieces[i], machine);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    });
  }
  for (std::thread &thread : threads) {
    thread.join();
  }
  for (const std::exception_ptr &failure : failures) {
    if (failure) {
      std::rethrow_exception(failure);
    }
  }
  return objects;
}

std::vector<std::string> target::generateCode(mlir::ModuleOp module, const Machine &machine,
                                              const std::string &metadata, CodeFormat format, int jobs) {
  static const bool initialized = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    return true;
  }();
  (void)initialized;
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translate(module, context);
  std::unique_ptr<llvm::TargetMachine> targetMachine = makeTargetMachine(machine);
  code->setTargetTriple(targetMachine->getTargetTriple());
  code->setDataLayout(targetMachine->createDataLayout());
  setVisibility(*code, machine);
  addMetadata(*code, metadata);
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (llvm::verifyModule(*code, &stream)) {
    throw internal(problem.substr(0, problem.find('\n')));
  }
  if (format != CodeFormat::Object || jobs <= 1) {
    return {emit(*code, *targetMachine, format)};
  }
  return emitPieces(std::move(code), machine, jobs);
}
