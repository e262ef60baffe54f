// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts at phase `kernel`, then goes on to phase `loops`, or `gpu`, and reads the module's attributes.
#include "compiler/Driver/Explain.h"

#include "compiler/Driver/Compile.h"
#include "compiler/Driver/Costs.h"

#include "compiler/Pipelines/Phases.h"
#include "compiler/Pipelines/Reproducer.h"

#include "dialects/Kernel/IR/KernelOps.h"
#include "passes/LowerCPU/Levels.h"
#include "passes/LowerCPU/Schedule.h"
#include "passes/Memory/Placement.h"
#include "runtime/Level.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <set>

using namespace mblm;
using namespace mblm::driver;

static rt::LinearSize formOf(mlir::DictionaryAttr sizes, llvm::StringRef name) {
  rt::LinearSize form;
  llvm::copy(sizes.getAs<mlir::DenseI64ArrayAttr>(name).asArrayRef(), form.coefficients.begin());
  return form;
}

// Calls `body` for the kernels of all entries, in the order in which the lowering counts them.
static void forKernels(mlir::ModuleOp module, llvm::function_ref<void(mlir::func::FuncOp, mlir::Operation &)> body) {
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    for (mlir::Operation &op : function.getBody().front().without_terminator()) {
      if (!llvm::isa<kernel::WeightOp, kernel::StateOp, kernel::ViewOp>(op)) {
        body(function, op);
      }
    }
  }
}

// What is known of them at once. On a GPU with the names that theirs would have.
static std::vector<Explanation::Kernel> kernelsOf(mlir::ModuleOp module, int64_t batch, int64_t slots, int64_t patches, bool onGpu) {
  std::vector<Explanation::Kernel> kernels;
  forKernels(module, [&](mlir::func::FuncOp function, mlir::Operation &op) {
    Explanation::Kernel &entry = kernels.emplace_back();
    entry.entry = function.getName().str();
    entry.op = op.getName().stripDialect().str();
    if (auto name = op.getLoc()->findInstanceOf<mlir::NameLoc>()) {
      entry.where = name.getName().str();
    }
    entry.place = pipelines::filePosition(op.getLoc());
    entry.hasRows = op.getNumRegions() > 0;
    entry.cost = !onGpu && isPrepared(&op) ? kernel::Cost() : kernel::costOf(&op, batch, slots, patches);
    if (onGpu) {
      entry.functions.push_back(modelName(op.getLoc()) + entry.op);
    }
  });
  return kernels;
}

// Which work items products have in native code. Leaves the module with its schedules.
static void addSchedules(mlir::ModuleOp module, const Options &options, const target::Machine &machine, int64_t batch, int64_t slots,
                         int64_t patches, Explanation &result) {
  tunedFor(options).apply(module, machine, options.nativePrecision());
  auto kernel = result.kernels.begin();
  forKernels(module, [&](mlir::func::FuncOp, mlir::Operation &op) { (kernel++)->tuned = bool(kernel::cpuScheduleOf(&op)); });
  pipelines::scheduleForCpu(module, options.nativeSchedule(machine.level));
  emit::Machine emitted = *cpu::machineOfLevel(module.getLoc(), machine.level);
  kernel = result.kernels.begin();
  forKernels(module, [&](mlir::func::FuncOp, mlir::Operation &op) {
    Explanation::Kernel &entry = *kernel++;
    if (!cpu::takesSchedule(&op)) {
      return;
    }
    entry.schedule = scheduleFrom(kernel::cpuScheduleOf(&op));
    for (kernel::CpuScheduleAttr candidate : cpu::scheduleCandidates(&op, emitted)) {
      entry.worthTrying.push_back(scheduleFrom(candidate));
    }
    entry.product = productKey(&op, machine, options.nativePrecision());
    if (entry.product) {
      auto space = op.getAttrOfType<kernel::SpaceAttr>("space");
      entry.rows = space.getSequences().evaluate(batch, slots, 0, patches) * space.getPositions().evaluate(batch, slots, 0, patches);
    }
  });
}

static void addFunctions(std::vector<Explanation::Kernel> &kernels, mlir::ArrayAttr launches) {
  std::map<std::string, size_t> begins;
  for (size_t i = kernels.size(); i-- > 0;) {
    begins[kernels[i].entry] = i;
  }
  std::map<std::string, std::string> firstUser; // of functions that run by pieces
  for (auto launch : launches.getAsRange<mlir::DictionaryAttr>()) {
    std::string function = launch.getAs<mlir::StringAttr>("entry").str();
    if (auto of = launch.getAs<mlir::StringAttr>("of")) {
      if (firstUser.try_emplace(of.str(), function).first->second != function) {
        continue;
      }
      function = of.str();
    }
    auto begin = begins.find(function);
    if (begin == begins.end()) {
      continue; // what prepares copies of weights
    }
    int64_t op = launch.getAs<mlir::IntegerAttr>("op").getInt();
    auto together = launch.getAs<mlir::DenseI64ArrayAttr>("ops");
    for (int64_t number : together ? together.asArrayRef() : llvm::ArrayRef(op)) {
      kernels.at(begin->second + size_t(number)).functions.push_back(launch.getAs<mlir::StringAttr>("name").str());
    }
  }
}

// Of CUDA kernels: the arenas of the entries, and what ops launch. Kernels are named after their first op, its variants by a number
// behind that (passes/LowerGPU).
static void explainGpu(mlir::ModuleOp module, const Options &options, Explanation &result) {
  pipelines::toGPUPhase(module, options.schedule(options.architectures().back()));
  std::set<std::string> launched;
  auto plan = module->getAttrOfType<mlir::DictionaryAttr>("mblm.gpu");
  for (mlir::NamedAttribute entry : plan.getAs<mlir::DictionaryAttr>("entries")) {
    auto described = llvm::cast<mlir::DictionaryAttr>(entry.getValue());
    result.entries[entry.getName().str()] = {formOf(described, "arena"), {}};
    for (auto launch : described.getAs<mlir::ArrayAttr>("launches").getAsRange<mlir::DictionaryAttr>()) {
      launched.insert(launch.getAs<mlir::StringAttr>("kernel").str());
    }
  }
  for (Explanation::Kernel &kernel : result.kernels) {
    llvm::erase_if(kernel.functions, [&](const std::string &name) {
      auto first = launched.lower_bound(name);
      return first == launched.end() || !llvm::StringRef(*first).starts_with(name);
    });
  }
}

static target::Machine machineToExplain(const Options &options) {
  std::vector<target::Machine> machines = machinesFor(options);
  auto best = llvm::find_if(machines, [](const target::Machine &machine) {
    return rt::lackingFor(*rt::findLevel(machine.level)).empty();
  });
  return best == machines.end() ? machines.front() : *best;
}

Explanation driver::explain(const NamedModel &model, const Options &options, int64_t batch, int64_t slots) {
  Explanation result;
  Options watched = options;
  watched.remarks = &result.remarks;
  OwnedModule owned = modelModule(model.spec, watched);
  mlir::ModuleOp module = *owned.module;
  bool onGpu = options.target == Target::Cuda || options.target == Target::Sim;
  pipelines::withReproducer(module, [&] {
    pipelines::toKernelPhase(module, options.fusion);
    int64_t patches = model.spec.patches ? int64_t(double(slots) / usualPatch) + 1 : 0;
    result.kernels = kernelsOf(module, batch, slots, patches, onGpu);
    if (onGpu) {
      return explainGpu(module, options, result);
    }
    target::Machine machine = machineToExplain(options);
    addSchedules(module, options, machine, batch, slots, patches, result);
    result.level = machine.level;
    result.cpu = machine.tunedFor;
    pipelines::toLoopsPhase(module, options.nativeSchedule(result.level));
    addFunctions(result.kernels, module->getAttrOfType<mlir::ArrayAttr>("mblm.kernels"));
  });
  if (onGpu) {
    return result; // what is kept is known of native code alone
  }
  auto prepared = module->getAttrOfType<mlir::DictionaryAttr>("mblm.prepared");
  int64_t copies = prepared ? prepared.getAs<mlir::IntegerAttr>("floats").getInt() : 0;
  for (mlir::NamedAttribute entry : module->getAttrOfType<mlir::DictionaryAttr>("mblm.entries")) {
    auto sizes = llvm::cast<mlir::DictionaryAttr>(entry.getValue());
    result.entries[entry.getName().str()] = {formOf(sizes, "arena"), formOf(sizes, "scratch"), {}, sizes.contains("prepared") ? copies : 0};
  }
  for (mlir::NamedAttribute entry : module->getAttrOfType<mlir::DictionaryAttr>("mblm.kept")) {
    auto stages = llvm::cast<mlir::DictionaryAttr>(entry.getValue());
    for (mlir::NamedAttribute stage : stages) {
      result.kept[entry.getName().str()][stage.getName().str()] = formOf(stages, stage.getName());
    }
  }
  return result;
}
