// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pieces travel between threads as bitcode, since an LLVM context belongs to one thread.
#include "compiler/Target/Backend.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/Utils/SplitModule.h"

#include <thread>

using namespace mblm;
using namespace mblm::target;

Error target::codeError(const std::string &what) {
  return Error(Exit::Internal, "internal error in code generation: " + what);
}

std::unique_ptr<llvm::Module> target::toLLVMIR(mlir::Operation *module, llvm::LLVMContext &context) {
  mlir::DialectRegistry registry;
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerGPUDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  mlir::registerNVVMDialectTranslation(registry);
  module->getContext()->appendDialectRegistry(registry);
  std::unique_ptr<llvm::Module> code = mlir::translateModuleToLLVMIR(module, context);
  if (!code) {
    throw codeError("the module could not be translated to LLVM IR");
  }
  return code;
}

void target::requireValid(llvm::Module &module) {
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (llvm::verifyModule(module, &stream)) {
    throw codeError(problem.substr(0, problem.find('\n')));
  }
}

void target::optimise(llvm::Module &module, llvm::TargetMachine &machine, llvm::OptimizationLevel level) {
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
  builder.buildPerModuleDefaultPipeline(level).run(module, modules);
}

std::string target::emitFile(llvm::Module &module, llvm::TargetMachine &machine, llvm::OptimizationLevel level,
                             llvm::CodeGenFileType type) {
  optimise(module, machine, level);
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type)) {
    throw codeError("LLVM has no code generator for this file type");
  }
  passes.run(module);
  return bytes.str().str();
}

std::string target::irText(llvm::Module &module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, nullptr);
  return text;
}

std::vector<std::string> target::emitPieces(llvm::Module &module, int count,
                                            const std::function<std::string(llvm::Module &)> &emit) {
  std::vector<llvm::SmallString<0>> pieces;
  llvm::SplitModule(module, unsigned(count), [&](std::unique_ptr<llvm::Module> part) {
    llvm::raw_svector_ostream stream(pieces.emplace_back());
    llvm::WriteBitcodeToFile(*part, stream);
  });
  std::vector<std::string> results(pieces.size());
  std::vector<std::exception_ptr> failures(pieces.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < pieces.size(); ++i) {
    threads.emplace_back([&, i] {
      try {
        llvm::LLVMContext context;
        auto piece = llvm::parseBitcodeFile(llvm::MemoryBufferRef(pieces[i].str(), "piece"), context);
        if (!piece) {
          throw codeError(llvm::toString(piece.takeError()));
        }
        results[i] = emit(**piece);
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
  return results;
}
