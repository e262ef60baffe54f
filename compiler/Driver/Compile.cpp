// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cached text of a spec is its canonical one: what only differs in layout shares an entry.
#include "compiler/Driver/Compile.h"

#include "compiler/Driver/Cache.h"
#include "compiler/Driver/Gpu.h"
#include "compiler/Driver/Header.h"
#include "compiler/Driver/Plan.h"
#include "compiler/Driver/Tuned.h"
#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Pipelines/Phases.h"
#include "compiler/Pipelines/Reproducer.h"
#include "compiler/Spec/Reader.h"
#include "compiler/Target/Code.h"
#include "compiler/Target/Cubin.h"
#include "compiler/Target/Link.h"
#include "compiler/Target/Metadata.h"
#include "compiler/Target/Simulation.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/File.h"
#include "runtime/ThreadPool.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace mblm;
using namespace mblm::driver;

namespace {

// Says how long each phase took, where the user wants to know.
class Stopwatch {
public:
  explicit Stopwatch(const Options &options) : options(options) {}
  void lap(const char *what) {
    auto now = std::chrono::steady_clock::now();
    if (options.verbose) {
      options.say(llvm::formatv("{0,-10} {1:f2} s", what, std::chrono::duration<double>(now - last).count()));
    }
    last = now;
  }

private:
  const Options &options;
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
};

std::string textOf(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, mlir::OpPrintingFlags().enableDebugInfo(true, /*prettyForm=*/false));
  return text + "\n";
}


int jobsOf(const Options &options) { return std::min(options.threads > 0 ? options.threads : rt::availableThreads(), 8); }

// Linking needs what this machine's toolchain has for its own architecture alone.
void requireLinkable(const std::vector<target::Machine> &machines) {
  if (!target::isForThisArchitecture(machines.front())) {
    throw Error(Exit::Usage, "level " + machines.front().level + ": there is no linker and C library for " + machines.front().triple +
                                 " here; expected 'compile' with --emit object, asm or llvm, or --level " + target::hostMachine().level);
  }
}

// Texts and objects of one level stand for themselves.
void requireOneLevel(const Options &options) {
  if (machinesFor(options).size() > 1) {
    throw Error(Exit::Usage, "levels " + options.level + ": only native artifacts, programs and headers are of several; expected one");
  }
}

// The kernels of a module at phase `mblm` for one architecture, at phase nvvm.
mlir::OwningOpRef<mlir::ModuleOp> lowerKernels(mlir::ModuleOp model, const Options &options, const std::string &arch) {
  mlir::OwningOpRef<mlir::ModuleOp> module(model.clone());
  pipelines::toKernelPhase(*module, options.fusion);
  pipelines::toGPUPhase(*module, options.schedule(arch));
  pipelines::toNVVMPhase(*module);
  return module;
}

// Code of the spec, which the artifact will name as its description: for the simulator its kernels alone, else native code,
// and with a GPU as the target the kernels beside it.
std::vector<std::string> compile(const spec::Spec &spec, const Options &options, const TunedProducts &tuned, target::CodeFormat format) {
  Stopwatch watch(options);
  std::vector<target::Machine> machines = machinesFor(options);
  rt::ModelInfo info = makeModelInfo(spec);
  OwnedModule owned = modelModule(spec, options);
  watch.lap("mblm");
  std::vector<std::string> code;
  pipelines::withReproducer(*owned.module, [&] {
    if (options.target == Target::Sim) {
      requireOneLevel(options);
      auto module = lowerKernels(*owned.module, options, options.architectures().front());
      watch.lap("nvvm");
      const target::Machine &machine = machines.front(); // which runs what simulates
      std::string metadata = target::metadataText(info, target::LoweredInfo(*module, machine), (*module)->getAttr("mblm.gpu"));
      target::lowerToSimulation(*module);
      watch.lap("simulation");
      code = target::generateCode(*module, machine, metadata, format, jobsOf(options));
      watch.lap("code");
      return;
    }
    llvm::SmallVector<mlir::Attribute> plans;
    std::vector<target::GpuCode> images;
    if (options.target == Target::Cuda) {
      std::optional<std::string> ptxas = target::findPtxas();
      for (const std::string &arch : options.architectures()) {
        auto module = lowerKernels(*owned.module, options, arch);
        plans.push_back((*module)->getAttr("mblm.gpu"));
        auto kernels = *module->getOps<mlir::gpu::GPUModuleOp>().begin();
        images.push_back(target::generateGpuCode(kernels, arch, ptxas, jobsOf(options)));
        watch.lap(arch.c_str());
      }
    }
    pipelines::toKernelPhase(*owned.module, options.fusion);
    watch.lap("kernel");
    std::vector<target::LoweredInfo> lowered;
    for (const target::Machine &machine : machines) {
      bool isLast = lowered.size() + 1 == machines.size(); // it can have the metadata, which is of all
      mlir::OwningOpRef<mlir::ModuleOp> module(owned.module->clone());
      std::string suffix = target::suffixOf(machine, machines);
      tuned.apply(*module, machine, options.nativePrecision());
      pipelines::toLoopsPhase(*module, options.nativeSchedule(machine.level));
      watch.lap("loops");
      lowered.emplace_back(*module, machine, suffix);
      std::string metadata = isLast ? target::metadataText(info, lowered, plans) : "";
      pipelines::toLLVMPhase(*module);
      watch.lap("llvm");
      llvm::append_range(code, target::generateCode(*module, machine, metadata, format, jobsOf(options), suffix));
      watch.lap("code");
    }
    if (!images.empty()) {
      code.push_back(target::imageObject(images));
    }
  });
  return code;
}

// What artifacts differ in: their precision, their steps' weights, which kernels go together, CUDA kernels.
std::string kernelKey(const Options &options) {
  if (!usesKernels(options.target)) {
    return options.nativePrecision() + ' ' + options.stepWeights + ' ' + options.localLayers;
  }
  std::string kind = llvm::join(options.architectures(), ",") + ' ' + options.precision + ' ' + options.localLayers + ' ' +
                     options.library;
  return options.target == Target::Sim ? "sim " + kind : "cuda " + kind + ' ' + target::findPtxas().value_or("without ptxas");
}

} // namespace

std::vector<target::Machine> driver::machinesFor(const Options &options) {
  bool narrow = options.nativePrecision() == "bf16";
  return options.level.empty() ? std::vector{target::hostMachine(narrow)} : target::machinesOfLevels(options.level, narrow);
}

std::string driver::artifactFor(const NamedModel &model, const Options &options) {
  spec::Spec spec = spec::canonicalSpec(model.spec, model.path);
  std::vector<target::Machine> machines = machinesFor(options);
  requireLinkable(machines);
  TunedProducts tuned = tunedFor(options);
  std::string levels, schedules;
  for (const target::Machine &machine : machines) {
    levels += (levels.empty() ? "" : ",") + machine.level;
    schedules += '\0' + tuned.keyText(machine, options.nativePrecision());
  }
  std::string key = cacheKey(spec.text + '\0' + levels + '\0' + machines.front().tunedFor + '\0' +
                             (options.fusion.on ? std::to_string(options.fusion.limit) : "off") + '\0' +
                             llvm::join(options.entries, ",") + '\0' + describe(options.plan) + '\0' + kernelKey(options) +
                             schedules);
  Cache cache(options.cache, [&](const std::string &line) { options.say(line); });
  if (std::optional<std::string> found = cache.find(key)) {
    if (options.verbose) {
      options.say("cache hit: " + *found);
    }
    return *found;
  }
  if (options.verbose) {
    options.say("cache miss: compiling for " + levels);
  }
  return cache.store(key, [&](const std::string &path) {
    target::linkArtifact(compile(spec, options, tuned, target::CodeFormat::Object), path);
  });
}

void driver::compileTo(const NamedModel &model, const Options &options, Emit emit, const std::string &output) {
  spec::Spec spec = spec::canonicalSpec(model.spec, model.path);
  switch (emit) {
  case Emit::Artifact:
    requireLinkable(machinesFor(options));
    return target::linkArtifact(compile(spec, options, tunedFor(options), target::CodeFormat::Object), output);
  case Emit::Executable:
    requireLinkable(machinesFor(options));
    return target::linkExecutable(compile(spec, options, tunedFor(options), target::CodeFormat::Object), output);
  case Emit::LLVM:
    requireOneLevel(options);
    return rt::writeTextFile(output, compile(spec, options, tunedFor(options), target::CodeFormat::LLVM).front());
  case Emit::Assembly:
    requireOneLevel(options);
    return rt::writeTextFile(output, compile(spec, options, tunedFor(options), target::CodeFormat::Assembly).front());
  case Emit::Object: {
    requireOneLevel(options);
    if (usesKernels(options.target)) {
      throw Error(Exit::Usage, "--emit object holds native code alone; expected --target cpu");
    }
    Options whole = options;
    whole.threads = 1; // in one piece
    return rt::writeTextFile(output, compile(spec, whole, tunedFor(options), target::CodeFormat::Object).front());
  }
  case Emit::Ptx:
    return rt::writeTextFile(output, gpuCodeOf(spec, options, std::nullopt).ptx);
  case Emit::Cubin:
    return rt::writeTextFile(output, gpuCodeOf(spec, options, requirePtxas()).cubin);
  case Emit::Header:
    return rt::writeTextFile(output, headerText(makeModelInfo(spec), allEntriesOf(spec), machinesFor(options)));
  case Emit::Model:
  case Emit::Kernel: {
    OwnedModule owned = modelModule(spec, options);
    if (emit == Emit::Kernel) {
      pipelines::toKernelPhase(*owned.module, options.fusion);
    }
    return rt::writeTextFile(output, textOf(*owned.module));
  }
  }
}
