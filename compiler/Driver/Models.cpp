// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tells the kinds apart by their first bytes.
#include "compiler/Driver/Models.h"

#include "compiler/Driver/Compile.h"
#include "compiler/Frontend/Frontend.h"
#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Interpreter/ReferenceProgram.h"
#include "compiler/Pipelines/Phases.h"
#include "compiler/Spec/Reader.h"
#include "dialects/MBLM/IR/MBLMOps.h"
#include "dialects/MBLM/IR/StepWeights.h"
#include "dialects/Register.h"
#include "runtime/Artifact.h"
#include "runtime/Metadata.h"
#include "runtime/Support/Error.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELFObjectFile.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::driver;

namespace {

struct ElfContent {
  bool executable = false;
  std::string metadata;
};

// Looks without loading: the dynamic loader refuses executables.
ElfContent readElf(const std::string &path) {
  auto fail = [&](const std::string &why) {
    return Error(Exit::Integrity, "'" + path + "' is not a whole artifact: " + why + "; compile the spec again");
  };
  auto file = llvm::object::ObjectFile::createObjectFile(path);
  if (!file) {
    throw fail(llvm::toString(file.takeError()));
  }
  auto *elf = llvm::dyn_cast<llvm::object::ELF64LEObjectFile>(file->getBinary());
  if (!elf) {
    throw fail("it is no 64-bit ELF file");
  }
  ElfContent content;
  auto segments = elf->getELFFile().program_headers();
  if (!segments) {
    throw fail(llvm::toString(segments.takeError()));
  }
  for (const auto &segment : *segments) {
    content.executable = content.executable || segment.p_type == llvm::ELF::PT_INTERP;
  }
  for (const llvm::object::SectionRef &section : elf->sections()) {
    llvm::Expected<StringRef> name = section.getName();
    if (!name || *name != ".mblm.metadata") {
      llvm::consumeError(name.takeError());
      continue;
    }
    llvm::Expected<StringRef> text = section.getContents();
    if (!text) {
      throw fail(llvm::toString(text.takeError()));
    }
    content.metadata = text->take_until([](char c) { return c == '\0'; }).str();
  }
  return content;
}

} // namespace

NamedModel driver::openModel(const std::string &path) {
  NamedModel model;
  model.path = path;
  if (!rt::isArtifact(path)) {
    model.spec = spec::readSpec(path);
    return model;
  }
  ElfContent content = readElf(path);
  if (content.metadata.empty()) {
    throw Error(Exit::Integrity, "'" + path +
                                     "' holds no model: it has no section '.mblm.metadata'; expected a spec, an "
                                     "artifact or a program made by 'mblm compile'");
  }
  model.kind = content.executable ? ModelKind::Executable : ModelKind::Artifact;
  model.spec = spec::parseSpec(rt::parseMetadata(content.metadata, path).info.spec, path);
  return model;
}

static void keepEntries(ModuleOp module, const std::vector<std::string> &entries) {
  for (const std::string &name : entries) {
    if (!module.lookupSymbol<func::FuncOp>(name)) {
      throw Error(Exit::Usage, "the model has no entry '" + name +
                                   "'; expected forward, hidden, empty, loss, gradients, train_step, begin_0, "
                                   "step_0, prefill_0 or those of another stage");
    }
  }
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    if (!entries.empty() && !function.isPrivate() && !llvm::is_contained(entries, function.getName())) {
      function.erase();
    }
  }
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    if (function.isPrivate() && SymbolTable::symbolKnownUseEmpty(function, module)) {
      function.erase(); // it served an entry that is gone
    }
  }
  bool steps = llvm::any_of(module.getOps<func::FuncOp>(), [](func::FuncOp function) {
    return !function.getOps<GetStateOp>().empty();
  });
  for (auto state : llvm::make_early_inc_range(module.getOps<StateOp>())) {
    if (!steps) {
      state.erase();
    }
  }
}

// Where weights of steps are asked for in another precision, there are some.
static void requireSteps(ModuleOp module, const spec::Spec &spec) {
  bool found = llvm::any_of(module.getOps<func::FuncOp>(), [](func::FuncOp function) { return function->hasAttr(stepWeightsAttrName); });
  if (!found) {
    throw Error(Exit::Usage, "--step-weights: " + (spec.isWhole() ? "model '" + spec.name + "' reads sequences whole and has no steps"
                                                                  : std::string("none of the entries is a step")) +
                                 "; expected f32");
  }
}

std::vector<std::string> driver::entriesOf(const spec::Spec &spec, bool steps) {
  using rt::Entry;
  std::vector<std::string> names;
  if (spec.startToken) {
    names.push_back(rt::entryName(Entry::Empty));
  }
  if (!steps) {
    for (Entry entry : {Entry::Forward, Entry::Hidden, Entry::Loss, Entry::Gradients, Entry::TrainStep}) {
      names.push_back(rt::entryName(entry));
    }
    if (spec.patches && spec.patches->mode != spec::PatchMode::Given) {
      names.push_back(rt::entryName(Entry::Patches));
    }
    if (isEntropyModel(spec)) {
      names.push_back(rt::entryName(Entry::Entropies));
    }
    return names;
  }
  if (spec.isWhole()) { // bytes are generated by whole passes
    return {rt::entryName(Entry::Forward)};
  }
  for (size_t stage = 0; stage < spec.stages.size(); ++stage) {
    if (spec.startToken) {
      names.push_back(rt::entryName(Entry::Begin, int64_t(stage)));
    }
    names.push_back(rt::entryName(Entry::Step, int64_t(stage)));
    for (Entry prefill : {Entry::Prefill, Entry::ShortPrefill}) {
      bool fits = spec.maxSlots() == 0 || spec.maxSlots() >= rt::stepRows(prefill);
      if (fits && (stage == 0 || spec.patches)) {
        names.push_back(rt::entryName(prefill, int64_t(stage)));
      }
    }
  }
  return names;
}

std::vector<std::string> driver::allEntriesOf(const spec::Spec &spec) {
  std::vector<std::string> names = entriesOf(spec, /*steps=*/true);
  for (const std::string &name : entriesOf(spec, /*steps=*/false)) {
    if (!llvm::is_contained(names, name)) {
      names.push_back(name);
    }
  }
  return names;
}

OwnedModule driver::modelModule(const spec::Spec &spec, const Options &options) {
  OwnedModule owned;
  owned.context = std::make_shared<MLIRContext>(MLIRContext::Threading::DISABLED);
  DialectRegistry registry;
  registerAllDialects(registry);
  owned.context->appendDialectRegistry(registry);
  owned.module = buildModule(spec, *owned.context, options.plan.pieces);
  if (options.remarks) {
    pipelines::collectRemarks(*owned.context, *options.remarks);
  } else if (options.threads != 1) {
    owned.context->enableMultithreading(); // functions go through passes side by side
  }
  if (options.stepWeights != "f32") {
    owned.module->getOperation()->setAttr(stepWeightsAttrName, StringAttr::get(owned.context.get(), options.stepWeights));
  }
  pipelines::toModelPhase(*owned.module, {options.planOfTarget().recomputeHidden, options.plan.recomputeStages});
  keepEntries(*owned.module, options.entries);
  if (options.stepWeights != "f32") {
    requireSteps(*owned.module, spec);
  }
  return owned;
}

std::unique_ptr<rt::Program> driver::openProgram(const NamedModel &model, const Options &options) {
  if (options.target == Target::Reference) {
    OwnedModule owned = modelModule(model.spec, options);
    return makeReferenceProgram(std::move(owned.module), owned.context, makeModelInfo(model.spec));
  }
  rt::RunOn runOn = options.target == Target::Cuda  ? rt::RunOn::Cuda
                    : options.target == Target::Sim ? rt::RunOn::Simulator
                                                    : rt::RunOn::Cpu;
  bool made = model.kind == ModelKind::Artifact;
  std::unique_ptr<rt::Program> program = rt::loadArtifact(made ? model.path : artifactFor(model, options), options.threads, runOn);
  if (made && options.stepWeights == "int8" && !program->quantizes()) {
    throw Error(Exit::Usage, "--step-weights int8: the steps of '" + model.path + "' read weights in f32; expected an artifact made with "
                             "that option, or a spec");
  }
  return program;
}
